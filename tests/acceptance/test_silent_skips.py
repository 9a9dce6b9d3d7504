from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.plugins.no_silent_skips import ALLOWED, Allowance, read_allowances

ROOT = Path(__file__).resolve().parents[2]


def _run(folder: Path, reason: str, *options: str) -> tuple[int, list[str]]:
    test = f"import pytest\ndef test_one(): pytest.skip({reason!r})\ndef test_two(): pass\n"
    (folder / "test_small.py").write_text(test, "utf-8")
    plugin = ("-p", "tests.plugins.no_silent_skips", "-p", "no:cacheprovider")
    plain = (*plugin, "-c", "/dev/null", "--rootdir", str(folder), str(folder / "test_small.py"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plain, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize("options", [[], ["-n", "2"]])
def test_a_skip_that_nothing_allows_fails_the_run_and_is_named(
    tmp_path: Path, options: list[str]
) -> None:
    code, lines = _run(tmp_path, "I had no time", *options)
    assert code == pytest.ExitCode.TESTS_FAILED
    assert any(line.endswith("test_one: Skipped: I had no time") for line in lines)
    assert "1 passed, 1 skipped" in lines[-1]


def test_an_allowed_skip_lets_the_run_pass(tmp_path: Path) -> None:
    words = "the captured pages are not on this machine"
    code, lines = _run(tmp_path, words)
    expected = 1 if (ROOT / "../shared/seeds").exists() else 0
    assert code == expected
    assert "1 passed, 1 skipped" in lines[-1]


def test_a_run_without_tests_fails(tmp_path: Path) -> None:
    code, _ = _run(tmp_path, "", "-k", "nothing_has_this_name")
    assert code == pytest.ExitCode.NO_TESTS_COLLECTED


def test_a_missing_command_excuses_only_where_it_could_not_be_installed() -> None:
    absent = Allowance("Chromium", "command:no-such-browser")
    assert absent.covers("Skipped: needs chromium", strict=False)
    assert not absent.covers("Skipped: needs chromium", strict=True)
    assert not Allowance("Chromium", "command:sh").covers("needs Chromium", strict=False)


def test_an_allowance_without_a_reason_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be read: Chromium"):
        read_allowances("Chromium | command:chromium |\n")


def test_the_list_of_allowed_skips_can_be_read() -> None:
    assert read_allowances(ALLOWED.read_text("utf-8"))
