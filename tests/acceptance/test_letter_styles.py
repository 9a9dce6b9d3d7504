"""What the checks take a letter to look like, beside what Chromium makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from lxml import etree
from playwright.sync_api import Page

from digest.checks.markup_tree import Tree
from digest.checks.styles import DARK, LIGHT, PHONE, View
from tests.acceptance.browser_demo import find_chromium, running_chromium
from tests.acceptance.letter_browser import letter_page
from tests.acceptance.letter_gallery import LETTERS_AND_FEWER, named

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="Chromium is not installed"),
]

_LOOKS = """() => {
  const rgba = text => /\\(([^)]+)\\)/.exec(text)[1].split(/[\\s,/]+/).map(Number);
  const hex = parts => "#" + parts.slice(0, 3)
    .map(part => Math.round(part).toString(16).padStart(2, "0")).join("").toUpperCase();
  const ground = element => {
    for (let each = element; each; each = each.parentElement) {
      const [red, green, blue, alpha = 1] = rgba(getComputedStyle(each).backgroundColor);
      if (alpha === 1) return hex([red, green, blue]);
    }
    return "#FFFFFF";
  };
  const found = {};
  for (const element of document.querySelectorAll("[data-n]")) {
    const style = getComputedStyle(element);
    if (!element.getClientRects().length) continue;
    found[element.dataset.n] = [
      hex(rgba(style.color)), ground(element), Math.round(parseFloat(style.fontSize) * 10),
      parseInt(style.fontWeight) >= 600, Math.round(parseFloat(style.lineHeight) * 10),
      Math.round(parseFloat(style.paddingTop)), Math.round(parseFloat(style.paddingBottom)),
    ];
  }
  return found;
}"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with running_chromium() as browser, letter_page(browser) as window:
        yield window


def _numbered(html: str) -> str:
    """Write each element's number, as trees count them, into the page."""
    root = etree.fromstring(html.encode(), etree.HTMLParser(encoding="utf-8"))
    for number, element in enumerate(each for each in root.iter() if isinstance(each.tag, str)):
        element.set("data-n", str(number))
    body = etree.tostring(root, method="html", encoding="unicode")
    return f"<!DOCTYPE html>{body}"


def _ours(tree: Tree, view: View) -> dict[str, list[Any]]:
    looks = tree.looks(view)
    return {
        str(node.index): [
            looks[node.index].colour.over(looks[node.index].ground).hex,
            looks[node.index].ground.hex,
            round(looks[node.index].size * 10),
            looks[node.index].is_bold,
            round(looks[node.index].line_height * 10),
            round(looks[node.index].padding[0]),
            round(looks[node.index].padding[1]),
        ]
        for node in tree.worded
        if not looks[node.index].is_hidden
    }


@pytest.mark.parametrize("name", LETTERS_AND_FEWER)
@pytest.mark.parametrize("view", [LIGHT, DARK, PHONE], ids=["light", "dark", "phone"])
def test_words_look_as_the_checks_believe(page: Page, name: str, view: View) -> None:
    html = named(name).html
    page.set_viewport_size({"width": view.width, "height": 800})
    page.emulate_media(color_scheme="dark" if view.dark else "light")
    page.set_content(_numbered(html), wait_until="domcontentloaded")
    theirs: dict[str, list[Any]] = page.evaluate(_LOOKS)
    ours = _ours(Tree(html), view)
    assert ours
    assert {number: theirs.get(number) for number in ours} == ours
