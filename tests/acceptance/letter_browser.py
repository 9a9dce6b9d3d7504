"""The gallery of letters in Chromium: an address for each, and nothing asked of the network."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cache
from io import BytesIO

from PIL import Image
from playwright.sync_api import Browser, Page, Route

from tests.acceptance.letter_gallery import gallery

_AT = "https://gallery.example/"


@contextlib.contextmanager
def letter_page(browser: Browser, *, pictures: bool = True) -> Iterator[Page]:
    """Open a window that knows the gallery and flat pictures, and no other address."""
    pages = {mail.name: mail.html for mail in gallery()}  # made here: a route that fails hangs

    def answer(route: Route) -> None:
        if route.request.url.startswith(_AT):
            html = pages.get(route.request.url.removeprefix(_AT), "there is no such mail")
            route.fulfill(body=html, content_type="text/html; charset=utf-8")
        elif pictures and route.request.resource_type == "image":
            route.fulfill(body=_picture(), content_type="image/jpeg")
        else:
            route.abort()

    context = browser.new_context(viewport={"width": 600, "height": 800})
    context.set_default_timeout(10_000)
    context.route("**/*", answer)
    yield context.new_page()
    context.close()


def show(page: Page, name: str, *, width: int = 600, dark: bool = False) -> None:
    """Open a mail at this width, in the light or in the dark."""
    page.goto(f"{_AT}{name}")
    turn(page, width=width, dark=dark)


def turn(page: Page, *, width: int, dark: bool) -> None:
    """Look at the open mail at another width, in the light or in the dark."""
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme="dark" if dark else "light")


@cache
def _picture() -> bytes:
    file = BytesIO()
    Image.new("RGB", (600, 338), "#5A7A8C").save(file, "JPEG")
    return file.getvalue()
