"""A preview that is open in a browser while its files are saved."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page

from tests.integration.cli_site import HEADLINES, SiteFolder, make_site

_WATCH = """(colour) => new Promise((done) => {
  const look = () => {
    const card = document.querySelector("#view iframe").contentDocument?.querySelector("h1, h2");
    if (card && getComputedStyle(card).color === colour) {
      // The next frame is the first that has it painted.
      requestAnimationFrame(() => requestAnimationFrame(() =>
        done(performance.timeOrigin + performance.now())));
    } else requestAnimationFrame(look);
  };
  look();
})"""


@contextlib.contextmanager
def previewing(site: SiteFolder, *words: str) -> Iterator[str]:
    """Run `digest preview`; give its address, and end it as a person does, by Ctrl-C."""
    process = subprocess.Popen(
        [sys.executable, "-m", "digest", "preview", *words],
        cwd=site.folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        found = None
        while found is None:
            line = process.stdout.readline()
            assert line, "it ended before it answered"
            found = re.fullmatch(r"  (http://127\.0\.0\.1:\d+)/\n", line)
        yield found[1]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=40)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    assert process.returncode == 0


def live_site(folder: Path) -> SiteFolder:
    """Make a site with templates of its own: a style sheet that colours headings."""
    site = make_site(folder)
    site.write_feed([f"{headline} {n}" for n in range(3) for headline in HEADLINES])
    site.edit("postal_address =", 'templates = "templates"\npostal_address =')
    site.edit("max = 4", "max = 15")
    own = folder / "templates" / "_base"
    own.mkdir(parents=True)
    paint(site, "#0B4F8A")
    site.well("collect")
    return site


def sheet_of(site: SiteFolder) -> Path:
    """Give the publisher's own style sheet."""
    return site.folder / "templates" / "_base" / "inline.css"


def paint(site: SiteFolder, colour: str) -> float:
    """Save the sheet with another colour of headings; give when, in milliseconds of the clock."""
    text = (
        '{% include "house/_base/inline.css" %}\nh1.head, h2.head, h1, h2, td h2.label { color: '
        + colour
        + " }\n"
    )
    began = time.time() * 1000
    sheet_of(site).write_text(text, "utf-8")
    return began


def painted_after(page: Page, site: SiteFolder, colour: tuple[int, int, int]) -> float:
    """Save a colour, and give how many milliseconds it took until it stood on the screen."""
    red, green, blue = colour
    wanted = f"rgb({red}, {green}, {blue})"
    page.evaluate(f"() => {{ window.seenAt = ({_WATCH})('{wanted}'); }}")
    began = paint(site, "#" + bytes(colour).hex())
    return float(page.evaluate("() => window.seenAt")) - began
