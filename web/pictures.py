"""The pictures of the README: `docs/images/NAME-THEME.webp`, each of at most 120 kB, of a house that has been lived in.

    python web/pictures.py         or: make screenshots

It takes a chromium on the PATH, the dashboard as it is built, a gateway of its own in a temporary folder, and nothing from
outside: what is seen was answered by the offline provider, or posted to the log (`tests/support/lived.py`).
"""

from __future__ import annotations

import base64
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from support.dashboard import OWNER, PASSWORD  # noqa: E402
from support.lived import Lived, furnish  # noqa: E402
from support.process import Gateway  # noqa: E402
from support.views import VIEWS, View, settle, visit  # noqa: E402

IMAGES = ROOT / "docs/images"
#: The most bytes of one.
MOST = 120_000
#: CSS pixels, and how many of the picture one is.
WIDTH, HEIGHT, SCALE = 1280, 800, 1.5
#: Requests that were posted, and of how many hours: the day that is seen, and the one that it is compared with.
REQUESTS, HOURS = 1500, 47.5
PICTURES = ("overview", "log", "trace", "config", "budgets")
#: WebP qualities, tried until one is small enough.
_QUALITIES = (90, 80, 70, 55, 40)


def main() -> None:
    """See above."""
    chromium = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
    if chromium is None:
        sys.exit("There is no chromium (apt-get install chromium).")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        gateway = Gateway(Path(folder)).ready()
        try:
            gateway.lockgate("users", "add", OWNER, "--role", "owner", "--password-stdin", given=PASSWORD)
            gateway.lockgate("users", "add", "vic@example.com", "--role", "member", "--password-stdin", given=PASSWORD)
            lived = furnish(gateway, REQUESTS, HOURS)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
                page = browser.new_page(
                    viewport={"width": WIDTH, "height": HEIGHT},
                    device_scale_factor=SCALE,
                    locale="en-US",
                    reduced_motion="reduce",
                )
                _log_in(page, gateway.url)
                for view in (view for some in VIEWS.values() for view in some if view.name in PICTURES):
                    _draw(page, lived, view)
                browser.close()
        finally:
            gateway.stop()


def _log_in(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_label("E-mail").fill(OWNER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    settle(page)


def _draw(page: Page, lived: Lived, view: View) -> None:
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        visit(page, lived.gateway.url, view, lived.ids)
        page.mouse.move(0, 0)
        path = IMAGES / f"{view.name}-{theme}.webp"
        size = _write(page, path)
        print(f"{path.relative_to(ROOT)}  {size / 1000:.0f} kB", flush=True)


def _write(page: Page, path: Path) -> int:
    """As well as it fits. Its size, in bytes."""
    told = page.context.new_cdp_session(page)
    for quality in _QUALITIES:
        said = told.send("Page.captureScreenshot", {"format": "webp", "quality": quality})
        data = base64.b64decode(said["data"])
        if len(data) <= MOST:
            break
    else:
        sys.exit(f"{path.name} is larger than {MOST} bytes at every quality.")
    told.detach()
    path.write_bytes(data)
    return len(data)


if __name__ == "__main__":
    main()
