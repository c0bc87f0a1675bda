"""Pictures of the live page, as the documentation shows them: `python -m tests.support.admin.pictures docs/images`."""

import base64
import sys
import tempfile
from pathlib import Path

from tests.support.admin.server import AdminServer
from tests.support.admin.source import MovingSource
from tests.support.e2e.browser import Browser, Page

PICTURES = {
    "admin-light.png": ("light", 1280, False),
    "admin-dark.png": ("dark", 1280, False),
    "admin-phone.png": ("dark", 390, True),
}
"""By name: colour scheme, width, and whether it is a phone."""


def take(page: Page, path: Path, scheme: str, width: int, is_phone: bool) -> None:
    """Write a picture of the whole page, as high as it is."""
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    size = {"width": width, "deviceScaleFactor": 1, "mobile": is_phone}
    page.call("Emulation.setDeviceMetricsOverride", height=600, **size)
    height = page.evaluate("document.documentElement.scrollHeight")
    page.call("Emulation.setDeviceMetricsOverride", height=height, **size)
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    path.write_bytes(base64.b64decode(page.call("Page.captureScreenshot", format="png")["data"]))


def take_all(page: Page, directory: Path) -> None:
    """Write all of them."""
    for name, how in PICTURES.items():
        take(page, directory / name, *how)


def main(directory: Path) -> None:
    """Show the page for as long as its charts need, which seconds that are shorter make bearable."""
    with (
        tempfile.TemporaryDirectory() as profile,
        AdminServer(MovingSource(), second=0.1) as server,
        Browser(Path(profile)) as browser,
    ):
        page = browser.open(server.url)
        page.wait_for("typeof stats !== 'undefined' && stats.kept.length === POINTS")
        take_all(page, directory)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
