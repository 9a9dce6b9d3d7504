"""How long it takes from the save of a file to the changed pixels of an open preview.

A style sheet of the publisher's own templates is saved with another colour; the clock stops when
Chromium has painted it. 15 stories, templates in a sandboxed child as every publisher's are.

Run it with: python bench/bench_preview.py
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import Page

from tests.acceptance.browser_demo import running_chromium, visit
from tests.acceptance.preview_live import live_site, painted_after, previewing
from tests.integration.cli_site import SiteFolder

RUNS = 30
GOAL_MS = 300.0


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        site = live_site(Path(folder) / "site")
        with (
            previewing(site) as address,
            running_chromium() as browser,
            visit(browser, address) as context,
        ):
            times = _times(context.new_page(), site)
    times.sort()
    middle = statistics.median(times)
    print(f"save to pixels     median {middle:.0f} ms, least {times[0]:.0f}, most {times[-1]:.0f}")
    print(
        f"goal               at most {GOAL_MS:.0f} ms: {'met' if middle <= GOAL_MS else 'MISSED'}"
    )
    print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def _times(page: Page, site: SiteFolder) -> list[float]:
    page.goto("/en/letter")
    page.get_by_text("Live: what is saved is shown.").wait_for()
    painted_after(page, site, (1, 1, 1))  # its children are started by the first
    times = []
    for n in range(RUNS):
        page.wait_for_timeout(1000)  # as a person saves: the checks are done by then
        times.append(painted_after(page, site, (16 + n, 100, 200)))
    return times


if __name__ == "__main__":
    main()
