from __future__ import annotations

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
VERBS = [
    *("demo", "test", "check", "serve", "bench", "kill", "fuzz", "soak", "year"),
    *("letters", "caniemail", "messages", "screenshots", "lock", "setup"),
]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in programs are shell scripts")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a blank in its path that holds only what dev.py reads."""
    folder = tmp_path / "my checkout"
    folder.mkdir()
    for name in ("dev.py", "pyproject.toml", "requirements-dev.lock"):
        shutil.copy(ROOT / name, folder)
    return folder


def _load(checkout: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("dev_of_the_test", checkout / "dev.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _run(
    checkout: Path, *words: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(checkout / "dev.py"), *words],
        cwd="/",
        env=environment if environment is not None else {"PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def _program(path: Path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    path.chmod(0o755)
    return str(path)


def _make_ready(checkout: Path) -> ModuleType:
    """Make a .venv as dev.py would have, with the packages that are here instead of a network."""
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(checkout / ".venv")], check=True
    )
    packages = next((checkout / ".venv" / "lib").glob("python*")) / "site-packages"
    here = f"{sysconfig.get_path('purelib')}\n{ROOT}\n"
    (packages / "borrowed.pth").write_text(here, "utf-8")
    dev = _load(checkout)
    dev.READY.write_text(f"{dev._place()}\n{dev._stamp()}\n", "utf-8")
    return dev


def _old_pythons() -> list[str]:
    found = (shutil.which(f"python3.{minor}") for minor in (8, 9, 10))
    works = [path for path in found if path and not subprocess.call([path, "-c", ""])]
    return [*works, sys.executable]


def test_a_python_of_2019_can_read_it() -> None:
    ast.parse((ROOT / "dev.py").read_text("utf-8"), feature_version=(3, 8))


def test_every_python_on_the_path_gets_as_far_as_the_list_of_verbs(checkout: Path) -> None:
    for python in _old_pythons():
        answer = subprocess.run(
            [python, str(checkout / "dev.py"), "--help"], capture_output=True, text=True, check=True
        )
        assert [line.split()[0] for line in answer.stdout.splitlines()[2:]] == VERBS


def test_where_python_is_too_old_and_no_other_is_found_one_line_says_so(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dev = _load(checkout)
    shims = tmp_path / "shims"
    shims.mkdir()
    for name in ("python3", "python3.13"):
        _program(shims / name, "exit 1")
    monkeypatch.setenv("PATH", str(shims))
    with pytest.raises(dev.DevError, match=r"^needs Python 3\.11 or newer, and this is 3\.9: "):
        dev.ensure_python((3, 9), ["test"])


def test_where_a_newer_python_is_on_the_path_it_takes_over(checkout: Path, tmp_path: Path) -> None:
    shims = tmp_path / "shims"
    shims.mkdir()
    _program(shims / "python3.14", "exit 127")
    _program(shims / "python3.13", 'test "$1" = -c || echo "took over: $*"')
    script = (
        "import importlib.util as u\n"
        f"spec = u.spec_from_file_location('dev', {str(checkout / 'dev.py')!r})\n"
        "dev = u.module_from_spec(spec)\n"
        "spec.loader.exec_module(dev)\n"
        "dev.ensure_python((3, 9), ['test', '-k', 'feed'])\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script],
        env={"PATH": f"{shims}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout == f"took over: {checkout / 'dev.py'} test -k feed\n"


def test_a_half_made_environment_is_removed_where_the_venv_module_is_missing(
    checkout: Path, tmp_path: Path
) -> None:
    dev = _load(checkout)
    script = 'mkdir "$3" && echo "ensurepip is not available" && exit 1'
    python = _program(tmp_path / "python3", script)
    with pytest.raises(dev.DevError) as told:
        dev._make_by_venv(python)
    assert str(told.value) == (
        f"{python}: cannot make a virtual environment (ensurepip is not available): on Debian"
        " and Ubuntu mend it with `sudo apt install python3-venv`, elsewhere install uv"
    )
    assert not (checkout / ".venv").exists()


def test_where_the_index_is_away_one_line_says_so_and_nothing_is_left(checkout: Path) -> None:
    nowhere = {
        "PATH": "/usr/bin:/bin",
        "PIP_INDEX_URL": "http://127.0.0.1:9/",
        "PIP_NO_INDEX": "1",
        "PIP_CONFIG_FILE": os.devnull,
        "UV_OFFLINE": "1",
        "UV_NO_CACHE": "1",
    }
    answer = _run(checkout, "setup", environment=nowhere)
    assert answer.returncode == 1
    first, second = answer.stderr.splitlines()
    assert first == "Setting up .venv, once; this can take a minute."
    assert second.startswith("dev.py: no package index within reach: the first set-up needs")
    assert not (checkout / ".venv").exists()


def test_a_ready_environment_costs_less_than_two_seconds_from_any_folder(checkout: Path) -> None:
    _make_ready(checkout)
    started = time.monotonic()
    answer = _run(checkout, "setup")
    assert time.monotonic() - started < 2
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


@pytest.mark.parametrize("change", ["lock", "project", "place", "interpreter"])
def test_what_changed_underneath_is_noticed(checkout: Path, change: str) -> None:
    dev = _make_ready(checkout)
    ready = dev.READY.read_text("utf-8").splitlines()
    if change == "lock":
        dev.LOCK.write_text("another==1\n", "utf-8")
    elif change == "project":
        dev.PROJECT.write_text("[project]\n", "utf-8")
    elif change == "place":
        checkout = checkout.rename(checkout.with_name("moved"))
        dev = _load(checkout)
    else:
        dev.PYTHON.unlink()
    assert [dev._place(), dev._stamp(), dev._works()] != [*ready, True]


def test_children_write_bytecode_and_find_the_tools_of_the_environment(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.delenv("PATH")
    environment = _load(checkout)._environment()
    assert "PYTHONDONTWRITEBYTECODE" not in environment
    assert environment["PATH"].split(os.pathsep)[0] == str(checkout / ".venv" / "bin")


@pytest.mark.parametrize("words", [["tset"], []])
def test_an_unknown_verb_or_none_lists_the_verbs(checkout: Path, words: list[str]) -> None:
    answer = _run(checkout, *words)
    assert answer.returncode == 2
    assert [line.split()[0] for line in answer.stderr.splitlines()[-len(VERBS) :]] == VERBS
    assert answer.stderr.startswith("dev.py: tset: no such verb." if words else "Usage:")


def test_a_failing_check_is_shown_with_its_words_and_changes_the_exit_code(
    checkout: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    dev = _load(checkout)
    assert dev._told("small", [sys.executable, "-c", "raise SystemExit('a reason')"])
    assert not dev._told("large", [sys.executable, "-c", ""])
    failed, reason, passed = capfd.readouterr().out.splitlines()
    assert failed.startswith("FAIL  small ")
    assert reason == "a reason"
    assert passed.startswith("ok    large ")


def test_a_check_that_fails_without_a_word_still_fails(checkout: Path) -> None:
    dev = _load(checkout)
    assert dev._told("mute", [sys.executable, "-c", "raise SystemExit(3)"])


def test_the_makefile_offers_the_same_verbs() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    (line,) = [line for line in makefile.splitlines() if line.startswith("VERBS :=")]
    assert line.split()[2:] == VERBS


def test_where_npm_is_missing_the_letters_are_checked_without_its_tools(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(checkout))
    dev = _load(checkout)
    assert dev.letters(["--tools"]) == 0
    assert capfd.readouterr().err == (
        "Not on this machine: npm, node, java; Nu and caniemail are left out.\n"
    )
    assert not dev.TOOLS.exists()
