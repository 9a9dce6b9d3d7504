"""Make the pictures of the documentation: of the running demo, and of every letter and notice.

Needs Chromium. Run it by `python3 dev.py screenshots`; it writes docs/images/. With the names of
templates behind it, as `daily confirm`, it draws the sheets of these alone; with `public` the
readers' own pages, with `desk` the editors'.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.request
from collections.abc import Iterator, Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from PIL import Image, ImageColor, ImageOps
from playwright.sync_api import Browser, BrowserContext, Route, sync_playwright

from digest.composition.samples import LANGUAGES, LETTERS, NOTICES
from digest.demo.desk import EDITOR
from digest.demo.pictures import draw
from tests.acceptance.letter_gallery import named
from tests.acceptance.public_site import SCENES, PublicSite, go, public_site

IMAGES = Path(__file__).parent / "images"
SHEETS, PUBLIC, DESK = IMAGES / "letters", IMAGES / "public", IMAGES / "desk"
_PATIENCE = 30.0
_SETTLED_MS = 1500
_GAP = 24
_BACKGROUND = (201, 201, 196)
_WIDTHS = (600, 375, 320)
_TALLEST = 5000
_LARGEST = 245_000
"""Bytes of a picture: what a page of the documentation may ask of a phone."""
_OWN_COLOURS = (
    *("#FFFFFF", "#F4F4F1", "#1A1A1A", "#5A5A57", "#0B4F8A", "#D9D9D6"),
    *("#1B1B1B", "#111111", "#EDEDEA", "#B5B5B0", "#8EC1F5", "#3A3A38"),
)
_NEAR = 10
_GALLERY = "https://gallery.example/"
_READERS_PAGES = ("subscribe", "preferences", "archive", "edition", "unsubscribe")
_SCREEN, _PHONE = (1040, 1400), (375, 1400)
_DESK_SCREEN, _DESK_PHONE = (1440, 900), (375, 900)
_DESK_PAGES = {
    "home": "",
    "edition": "editions/weekly",
    "new-edition": "new",
    "newsletters": "newsletters",
    "newsletter": "newsletters/daily",
    "sources": "sources",
    "sections": "sections",
    "sponsors": "sponsors",
    "readers": "readers",
    "people": "people",
}
_SPECIAL = frozenset({"public", "desk"})


def main(templates: Sequence[str]) -> None:
    """Look at the demo and at every letter in a browser, and write the pictures."""
    browser_path = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    SHEETS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=browser_path, args=["--no-sandbox", "--disable-background-networking"]
        )
        if not templates or "desk" in templates:
            with _demo() as (base_url, config):
                if not templates:
                    _draw_demo(browser, base_url)
                _draw_desk(browser, base_url, config)
        if not templates or "public" in templates:
            _draw_public(browser)
        for template in [name for name in templates if name not in _SPECIAL] or (
            () if templates else (*LETTERS, *NOTICES)
        ):
            _draw_sheet(browser, template)
        for language in sorted({*LANGUAGES} - {"en"}) if not templates else ():
            _draw_language(browser, language)
        browser.close()


def _draw_demo(browser: Browser, base_url: str) -> None:
    letter = _letter_address(browser, base_url)
    _beside(
        IMAGES / "daily.png",
        _shot(browser, letter, width=600, height=1240),
        _shot(browser, letter, width=375, height=1240, dark=True),
    )
    week = _shot(browser, f"{base_url}/inbox", width=1280, height=800)
    _beside(IMAGES / "inbox.png", week)


def _draw_desk(browser: Browser, base_url: str, config: Path) -> None:
    """Put each page of the desk beside itself on a phone, in the light and dark, signed in."""
    DESK.mkdir(parents=True, exist_ok=True)
    came = browser.new_context()
    page = came.new_page()
    page.goto(_way_in(config))
    with page.expect_navigation():
        page.get_by_role("main").get_by_role("button").first.click()
    kept = came.storage_state()
    came.close()
    for name, path in _DESK_PAGES.items():
        for mode in ("light", "dark"):
            looks = []
            for width, height in (_DESK_SCREEN, _DESK_PHONE):
                context = browser.new_context(
                    viewport={"width": width, "height": height},
                    color_scheme="dark" if mode == "dark" else "light",
                    storage_state=kept,
                )
                page = context.new_page()
                page.goto(f"{base_url}/desk/{path}")
                page.wait_for_timeout(_SETTLED_MS)  # its stream of events never ends
                taken: Any = page.screenshot()
                looks.append(Image.open(BytesIO(taken)).convert("RGB"))
                context.close()
            _beside(DESK / f"{name}-{mode}.png", *looks)


def _way_in(config: Path) -> str:
    """Give an address that signs the demo's editor in."""
    command = [sys.executable, "-m", "digest", "-c", str(config), "users", "link", EDITOR, "--json"]
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:  # the demo adds its editor last
        made = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - our own
        if made.returncode == 0:
            return str(json.loads(made.stdout)["sign_in_url"])
    raise SystemExit("screenshots: nobody is at the demo's desk")


def _draw_public(browser: Browser) -> None:
    """Put each of the readers' pages on a desk beside itself on a phone, in the light and dark."""
    PUBLIC.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, public_site(Path(folder)) as site:
        for name in _READERS_PAGES:
            for mode in ("light", "dark"):
                looks = [
                    _shot_of_page(browser, site, name, size, dark=mode == "dark")
                    for size in (_SCREEN, _PHONE)
                ]
                _beside(PUBLIC / f"{name}-{mode}.png", *looks)


def _shot_of_page(
    browser: Browser, site: PublicSite, name: str, size: tuple[int, int], *, dark: bool
) -> Image.Image:
    width, height = size
    context = browser.new_context(
        base_url=site.base_url,
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
    )
    page = context.new_page()
    go(name, site, page)
    page.wait_for_load_state("networkidle")
    taken: Any = page.screenshot(full_page=False)
    context.close()
    return Image.open(BytesIO(taken)).convert("RGB")


def _draw_sheet(browser: Browser, template: str) -> None:
    """Put a template at each width beside itself, light and dark, half as large."""
    shots = [
        _shot(browser, f"{_GALLERY}{template}-en", width=width, dark=dark)
        for width in _WIDTHS
        for dark in (False, True)
    ]
    _beside(SHEETS / f"{template}.png", *map(_halved, shots))


def _draw_language(browser: Browser, language: str) -> None:
    address = f"{_GALLERY}daily-{language}"
    _beside(
        SHEETS / f"daily-{language}.png",
        _halved(_shot(browser, address, width=600)),
        _halved(_shot(browser, address, width=375, dark=True)),
    )


def _halved(shot: Image.Image) -> Image.Image:
    return shot.crop((0, 0, shot.width, min(shot.height, _TALLEST))).reduce(2)


@contextlib.contextmanager
def _demo() -> Iterator[tuple[str, Path]]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "digest", "demo", "--keep", folder, "--port", "0"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - our own
        try:
            config = Path(folder) / "digest.toml"
            yield _wait_for(config), config
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
    browser: Browser, address: str, *, width: int, height: int = 0, dark: bool = False
) -> Image.Image:
    """Photograph a page; without a height, all of it."""
    context = browser.new_context(
        viewport={"width": width, "height": height or 400},
        color_scheme="dark" if dark else "light",
    )
    if address.startswith(_GALLERY):
        _offer_gallery(context)
    page = context.new_page()
    page.goto(address)
    page.wait_for_load_state("networkidle")
    taken: Any = page.screenshot(full_page=not height)
    context.close()
    return Image.open(BytesIO(taken)).convert("RGB")


def _offer_gallery(context: BrowserContext) -> None:
    """Let the window see the sample letters and their pictures, and nothing else."""

    def answer(route: Route) -> None:
        path = urlsplit(route.request.url).path
        if route.request.url.startswith(_GALLERY):
            html = named(path.strip("/")).html
            route.fulfill(body=html, content_type="text/html; charset=utf-8")
        elif path.startswith("/images/"):
            route.fulfill(body=_picture(Path(path).stem), content_type="image/jpeg")
        else:
            route.abort()

    context.route("**/*", answer)


@cache
def _picture(name: str) -> bytes:
    scene, _, shape = name.rpartition("-")
    size = (1200, 676) if shape == "lead" else (320, 240)
    with Image.open(BytesIO(draw(SCENES[scene]))) as drawn:
        file = BytesIO()
        ImageOps.fit(drawn, size).save(file, "JPEG", quality=80)
    return file.getvalue()


def _beside(path: Path, *shots: Image.Image) -> None:
    width = sum(shot.width for shot in shots) + _GAP * (len(shots) + 1)
    sheet = Image.new("RGB", (width, max(s.height for s in shots) + 2 * _GAP), _BACKGROUND)
    left = _GAP
    for shot in shots:
        sheet.paste(shot, (left, _GAP))
        left += shot.width + _GAP
    path.write_bytes(_as_png(sheet))
    sys.stdout.write(f"{path}\n")


def _as_png(sheet: Image.Image) -> bytes:
    """Give a picture in as many colours as keep it small enough."""
    for colours in (256, 128, 64, 48, 32):
        file = BytesIO()
        few = sheet.quantize(palette=_palette(sheet, colours), dither=Image.Dither.NONE)
        few.save(file, "PNG", optimize=True)
        if file.tell() <= _LARGEST:
            break
    return file.getvalue()


def _palette(sheet: Image.Image, colours: int) -> Image.Image:
    # Of few colours the photographs would have all, so the letter's own are given beforehand, and
    # none beside them that is so near that paper would no longer be quite white.
    own = [ImageColor.getrgb(colour)[:3] for colour in _OWN_COLOURS]
    found = sheet.quantize(colours - len(own), method=Image.Quantize.MEDIANCUT).getpalette() or []
    others = zip(*[iter(found)] * 3, strict=True)
    apart = [other for other in others if all(_distance(other, each) > _NEAR for each in own)]
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in (*own, *apart) for part in colour][: 3 * colours])
    return palette


def _distance(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


if __name__ == "__main__":
    main(sys.argv[1:])
