"""Door to pytest: fail a run in which a test was skipped that tests/allowed-skips.txt forbids.

`.ci/run` switches it on with `-p tests.plugins.no_silent_skips`.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ALLOWED = ROOT / "tests" / "allowed-skips.txt"


@dataclass(frozen=True)
class Allowance:
    """A skip whose reason holds `words` is allowed while `unless` is not on this machine."""

    words: str
    unless: str

    def covers(self, reason: str, *, strict: bool) -> bool:
        """Tell whether a test skipped for this reason may be skipped here.

        A strict run could have installed the commands, so for want of them nothing is excused.
        """
        if self.words.lower() not in reason.lower():
            return False
        kind, _, what = self.unless.partition(":")
        if kind == "command":
            return not strict and shutil.which(what) is None
        return not (ROOT / what).exists()


def read_allowances(text: str) -> tuple[Allowance, ...]:
    """Read `words | command:NAME or path:FOLDER | why`; raises ValueError for another line."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    allowances = []
    for line in lines:
        words, unless, why = (part.strip() for part in line.split("|", 2))
        if not words or not why or not unless.startswith(("command:", "path:")):
            raise ValueError(f"{ALLOWED.name}: cannot be read: {line}")
        allowances.append(Allowance(words, unless))
    return tuple(allowances)


@dataclass
class Skips:
    """Collects what was skipped and changes the verdict at the end."""

    allowances: tuple[Allowance, ...]
    strict: bool
    forbidden: list[str] = field(default_factory=list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Look at every skipped test; with several workers the reports come together here."""
        self._look(report.nodeid, report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Look at every module that skipped itself."""
        self._look(report.nodeid, report)

    def _look(self, name: str, report: pytest.TestReport | pytest.CollectReport) -> None:
        if not report.skipped or hasattr(report, "wasxfail"):
            return
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(one.covers(reason, strict=self.strict) for one in self.allowances):
            self.forbidden.append(f"{name}: {reason}")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Turn a passing run into a failing one."""
        if self.forbidden and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name what was skipped and should have run, just above the closing line."""
        if self.forbidden:
            terminalreporter.section("skipped, but had to run", red=True, bold=True)
            for line in self.forbidden:
                terminalreporter.line(line)


def pytest_configure(config: pytest.Config) -> None:
    """Join the run; only the process that hears of every test has a say."""
    if hasattr(config, "workerinput"):
        return
    allowances = read_allowances(ALLOWED.read_text("utf-8"))
    strict = os.environ.get("STRICT_SKIPS") == "1"
    config.pluginmanager.register(Skips(allowances, strict), "no-silent-skips-verdict")
