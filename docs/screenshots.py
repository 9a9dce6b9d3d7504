"""Make the pictures of the documentation from the running demo.

Needs Chromium. Run it by `python3 dev.py screenshots`; it writes docs/images/.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

IMAGES = Path(__file__).parent / "images"
_PATIENCE = 30.0
_GAP = 24
_BACKGROUND = (201, 201, 196)


def main() -> None:
    """Start the demo, look at it in a browser, and write the pictures."""
    browser_path = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    IMAGES.mkdir(exist_ok=True)
    with _demo() as base_url, sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=browser_path, args=["--no-sandbox", "--disable-background-networking"]
        )
        letter = _letter_address(browser, base_url)
        _beside(
            "daily.png",
            _shot(browser, letter, width=600, height=1240),
            _shot(browser, letter, width=375, height=1240, dark=True),
        )
        week = _shot(browser, f"{base_url}/inbox", width=1280, height=800)
        _beside("inbox.png", week)
        page = f"{base_url}/subscribe"
        _beside(
            "subscribe.png",
            _shot(browser, page, width=900, height=760),
            _shot(browser, page, width=375, height=760, dark=True),
        )
        browser.close()


@contextlib.contextmanager
def _demo() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "digest", "demo", "--keep", folder, "--port", "0"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - our own
        try:
            yield _wait_for(Path(folder) / "digest.toml")
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(_PATIENCE)


def _wait_for(config: Path) -> str:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        time.sleep(0.3)
        if not config.exists():
            continue
        base_url = str(tomllib.loads(config.read_text())["web"]["public_url"])
        with contextlib.suppress(OSError):
            inbox = urllib.request.urlopen(f"{base_url}/inbox").read()  # noqa: S310 - loopback
            if b"To Maria Quill" in inbox:
                return base_url
    raise SystemExit("screenshots: the demo did not come up")


def _letter_address(browser: Browser, base_url: str) -> str:
    page = browser.new_page()
    page.goto(f"{base_url}/inbox")
    page.get_by_text("To Maria Quill").first.click()
    page.wait_for_selector("iframe")
    address = page.locator("iframe").first.get_attribute("src") or ""
    page.close()
    return address if address.startswith("http") else base_url + address


def _shot(
    browser: Browser, address: str, *, width: int, height: int, dark: bool = False
) -> Image.Image:
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
    )
    page = context.new_page()
    page.goto(address)
    page.wait_for_load_state("networkidle")
    taken: Any = page.screenshot()
    context.close()
    return Image.open(BytesIO(taken)).convert("RGB")


def _beside(name: str, *shots: Image.Image) -> None:
    width = sum(shot.width for shot in shots) + _GAP * (len(shots) + 1)
    sheet = Image.new("RGB", (width, max(s.height for s in shots) + 2 * _GAP), _BACKGROUND)
    left = _GAP
    for shot in shots:
        sheet.paste(shot, (left, _GAP))
        left += shot.width + _GAP
    sheet.quantize(256, method=Image.Quantize.MEDIANCUT).save(IMAGES / name, optimize=True)
    sys.stdout.write(f"{IMAGES / name}\n")


if __name__ == "__main__":
    main()
