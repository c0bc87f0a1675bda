"""Has PyInstaller pack what no import names: the files of the live page, and the commands `esg top` and `esg ctl`."""

from pathlib import Path

import esg_admin

_PAGE = Path(esg_admin.__file__).with_name("page")

datas = [(str(_PAGE / f"*.{ending}"), "esg_admin/page") for ending in ("html", "css", "js")]

hiddenimports = ["esg_admin.terminal.commands"]
