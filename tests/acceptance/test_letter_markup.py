"""The markup of every letter and notice, by the Nu Html Checker and the data of caniemail.com.

`python3 dev.py letters` installs both; what they may find is written down in tests/data.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.allowances import Verdict, read_allowances
from tests.acceptance.letter_gallery import gallery

TOOLS = Path(__file__).resolve().parents[1] / "tools"
NU = TOOLS / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"
READY = TOOLS / "node_modules" / ".ready"
CLIENTS = "gmail.*,apple-mail.*,outlook.*,yahoo.*"

_PATIENCE = 240.0
_HERE = READY.is_file() and bool(shutil.which("java") and shutil.which("node"))

needs_tools = pytest.mark.skipif(
    not _HERE, reason="the letter tools are not installed: python3 dev.py letters"
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("letters")
    for mail in gallery():
        (folder / f"{mail.name}.html").write_text(mail.html, "utf-8")
    return sorted(map(str, folder.iterdir()))


def _output(*command: str) -> str:
    done = subprocess.run(
        command, cwd=TOOLS, capture_output=True, text=True, check=False, timeout=_PATIENCE
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _nu(files: list[str]) -> list[dict[str, Any]]:
    # -Xss: its grammar recurses deeper than Java's usual stack. One JVM reads all files.
    options = ("--format", "json", "--exit-zero-always", "--stdout")
    found: list[dict[str, Any]] = json.loads(
        _output("java", "-Xss8m", "-jar", str(NU), *options, *files)
    )["messages"]
    return found


def _caniemail(files: list[str]) -> list[str]:
    found: list[str] = json.loads(_output("node", "caniemail.mjs", CLIENTS, *files))
    return found


@needs_tools
def test_nu_finds_nothing_that_is_not_written_down(files: list[str]) -> None:
    messages = [message["message"] for message in _nu(files)]
    assert read_allowances("nu-allowed.txt").judge(messages) == Verdict()


@needs_tools
def test_no_letter_needs_what_a_mail_client_lacks(files: list[str]) -> None:
    assert read_allowances("caniemail-allowed.txt").judge(_caniemail(files)) == Verdict()


@needs_tools
def test_both_tools_find_what_they_are_for(tmp_path: Path) -> None:
    page = tmp_path / "faulty.html"
    page.write_text("<!DOCTYPE html><title>x</title><p style='display:grid'>x<div>x", "utf-8")
    assert any(each["message"].startswith("Unclosed element") for each in _nu([str(page)]))
    assert "display:grid: no outlook.windows" in _caniemail([str(page)])


@pytest.mark.parametrize("name", ["nu-allowed.txt", "caniemail-allowed.txt"])
def test_every_allowance_has_its_reason(name: str) -> None:
    assert read_allowances(name).patterns


def test_the_tools_are_locked_and_their_lock_names_no_registry() -> None:
    wanted = json.loads((TOOLS / "package.json").read_text("utf-8"))["dependencies"]
    lock = (TOOLS / "package-lock.json").read_text("utf-8")
    packages = json.loads(lock)["packages"]
    assert packages[""]["dependencies"] == wanted
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert [name for name, each in packages.items() if name and "integrity" not in each] == []
    assert '"resolved"' not in lock


# The lists of what is allowed


def _judged(folder: Path, words: str, *found: str) -> Verdict:
    (folder / "list.txt").write_text(words, "utf-8")
    return read_allowances("list.txt", folder).judge(found)


def test_what_no_entry_allows_is_named_and_so_is_an_entry_nothing_needs(tmp_path: Path) -> None:
    words = "# why\nborder * | old\nheight [x] | old\n@media | no outlook.* yahoo.ios | phones\n"
    found = ("border of td", "border of td", "height [x]", "@media: no outlook.windows", "new")
    expected = Verdict(strangers=["new"], unused=["@media: no yahoo.ios"])
    assert _judged(tmp_path, words, *found) == expected


def test_an_entry_without_a_reason_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no reason: border"):
        _judged(tmp_path, "border\n")
