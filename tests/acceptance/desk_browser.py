"""A browser at the desk: the paper it belongs to, who is signed in, and what axe says of a page."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import axe_playwright_python
from playwright.sync_api import Browser, BrowserContext, Page

from digest.app import App
from digest.people import sessions, user_store, users
from digest.people.model import How, Role
from tests.acceptance.browser_demo import visit
from tests.acceptance.reader_site import ReaderSite

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
ALMA = "alma.penn@post.example"
_FAILED = "the server responded with a status of 4"
"""What the browser says of each page that answers 401, 404, 410 or 422 on purpose."""
_RUN = """async () => {
  const found = await axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    resultTypes: ["violations"], elementRef: false });
  return found.violations.flatMap((rule) =>
    rule.nodes.map((node) => `${rule.id}: ${node.target} ${node.failureSummary}`.slice(0, 300)));
}"""
_SIDEWAYS = """() => {
  const wide = document.scrollingElement.scrollWidth;
  return wide > innerWidth ? `${wide} in ${innerWidth}` : "";
}"""


_PAINTED = """() => new Promise((done) => {
  const seen = { shift: 0, lcp: 0 };
  const watch = (type, take) => new PerformanceObserver((list) => list.getEntries().forEach(take))
    .observe({ type, buffered: true });
  watch("layout-shift", (each) => { seen.shift += each.value; });
  watch("largest-contentful-paint", (each) => { seen.lcp = each.startTime; });
  const look = () => seen.lcp ? requestAnimationFrame(() => done(seen)) : setTimeout(look, 20);
  look();
})"""


def begin_session(app: App, role: Role = Role.ADMIN, *, address: str = ALMA, name: str = "") -> str:
    """Sign somebody in behind the desk's back; give what their cookie holds."""
    now = app.clock()
    with app.database.write() as connection:
        found = user_store.find_user(connection, address_key=address)
        if found is None:
            found = users.add(
                connection, address, address, role=role, name=name, actor="test", at=now
            )
        return sessions.begin(connection, found, how=How.LINK, device="A test", at=now).token


@contextlib.contextmanager
def at_desk(
    site: ReaderSite,
    browser: Browser,
    role: Role | None = Role.ADMIN,
    *,
    address: str = ALMA,
    script: bool = True,
) -> Iterator[BrowserContext]:
    """Open a private window, with a role signed in; it may ask nobody but this machine."""
    with visit(browser, site.url, script=script) as window:
        if role is not None:
            token = begin_session(site.app, role, address=address)
            window.add_cookies([{"name": "desk", "value": token, "url": site.url}])
        yield window


@contextlib.contextmanager
def no_complaints(window: BrowserContext) -> Iterator[Page]:
    """Open a tab; what the browser complains of, as of our own policy, is a fault."""
    page, complaints = window.new_page(), list[str]()
    page.on(
        "console",
        lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None,
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    page.close()
    assert [each for each in complaints if _FAILED not in each] == []


def axe(page: Page) -> list[str]:
    """Let axe-core look at a page as it stands; give what is wrong with it."""
    page.evaluate(AXE)
    return [str(each) for each in page.evaluate(_RUN)]


def painted(page: Page) -> dict[str, float]:
    """Give how far the page moved while it came (`shift`), and when its largest part stood (ms)."""
    found: dict[str, float] = page.evaluate(_PAINTED)
    return found


def for_everybody(page: Page, *, widths: tuple[int, ...] = (375, 1440)) -> dict[str, object]:
    """Look at a page in both modes and at these widths; give what is wrong, by the look."""
    wrong: dict[str, object] = {}
    for width in widths:
        page.set_viewport_size({"width": width, "height": 900})
        if sideways := page.evaluate(_SIDEWAYS):
            wrong[f"{width}: scrolls sideways"] = sideways
        for mode in ("light", "dark"):
            page.emulate_media(color_scheme="dark" if mode == "dark" else "light")
            if found := axe(page):
                wrong[f"{width} {mode}"] = found
    return wrong
