"""The edition page in a browser: what a person does there, and what is to be seen then."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.acceptance.desk_paper import DeskPaper

_SHIFTS = """
window.shifts = [];
new PerformanceObserver(list => {
  for (const each of list.getEntries()) {
    if (!each.hadRecentInput) {
      shifts.push([each.value, each.sources.map(s => s.node && (s.node.id || s.node.className))]);
    }
  }
}).observe({type: 'layout-shift', buffered: true});
window.largest = 0;
new PerformanceObserver(list => {
  for (const each of list.getEntries()) largest = each.startTime;
}).observe({type: 'largest-contentful-paint', buffered: true});
"""


@dataclass
class EditionPage:
    """One window with an edition open."""

    page: Page
    desk: DeskPaper

    @classmethod
    def open(cls, window: BrowserContext, desk: DeskPaper, query: str = "") -> EditionPage:
        """Open Friday's edition and wait until it answers to keys."""
        page = window.new_page()
        page.add_init_script(_SHIFTS)
        page.goto(f"{desk.friday}{query}")
        opened = cls(page, desk)
        opened.ready()
        return opened

    def ready(self) -> None:
        """Wait until its script is there, its checks have run and its letter is shown."""
        expect(self.page.locator("#edition[data-ready=yes]")).to_be_attached(timeout=20_000)
        expect(self.page.locator("#edition[data-checked=yes]")).to_be_attached(timeout=20_000)
        expect(self.letter.locator("h1").first).to_be_visible(timeout=20_000)

    @property
    def letter(self) -> Locator:
        """What the frame of the letter shows."""
        return self.page.frame_locator("#frame").locator("body")

    @property
    def answer(self) -> Locator:
        """Where the page says what was done."""
        return self.page.locator("#answer")

    def headlines(self) -> list[str]:
        """Give the running order as it is shown."""
        shown = self.page.locator(".ord > li .h").all_text_contents()
        lines = [each.partition(". ")[2].strip().splitlines()[0] for each in shown]
        return [each.removesuffix("(reworded)").strip() for each in lines]

    def row(self, words: str) -> Locator:
        """Find the row of a story."""
        return self.page.locator(".ord > li").filter(has_text=words)

    def edit(self, words: str) -> None:
        """Open the form of a story."""
        self.row(words).get_by_role("button", name="Reword").click()
        expect(self.page.locator("#headline")).to_be_focused()

    def says(self, words: str) -> None:
        """Wait until the page says so."""
        expect(self.answer).to_contain_text(words, timeout=20_000)

    def focused(self) -> str:
        """Give the id of what has the focus."""
        return str(self.page.evaluate("document.activeElement.id"))
