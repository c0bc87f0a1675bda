"""Has PyInstaller pack the files of the live page, which no import names."""

from pathlib import Path

import esg_admin

_PAGE = Path(esg_admin.__file__).with_name("page")

datas = [(str(_PAGE / f"*.{ending}"), "esg_admin/page") for ending in ("html", "css", "js")]
