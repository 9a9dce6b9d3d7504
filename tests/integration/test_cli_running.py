"""The commands that go on running, and what a person at a terminal sees."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from digest.db import Database
from tests.integration.cli_site import SiteFolder, make_site, run
from tests.integration.scripted_smtp import free_port, scripted_server
from tests.integration.test_cli_whole_way import READERS

PATIENCE = 30.0
HEARS_CTRL_C = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from digest.cli import main
main()
"""
"""Tests run in the background of a shell ignore Ctrl-C, and would hand that down."""


@pytest.fixture
def site(tmp_path: Path) -> SiteFolder:
    """A site that answers on a port of its own."""
    site = make_site(tmp_path)
    site.edit("[storage]", f'listen = "127.0.0.1:{free_port()}"\n[storage]')
    return site


@contextlib.contextmanager
def _started(site: SiteFolder, *words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "digest", *words],
        cwd=site.folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _wait_until(happened: object, what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if callable(happened) and happened():
            return
        time.sleep(0.05)
    raise AssertionError(f"did not happen: {what}")


def _answers(site: SiteFolder) -> bool:
    address = site.digest("config", "export", "--json").facts["web"]["listen"]
    url = f"http://{address}/subscribe"
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
        return bool(answer.status == 200)
    return False


def test_serve_answers_names_itself_to_a_second_one_and_stops_when_asked(
    site: SiteFolder,
) -> None:
    (site.folder / "digest").mkdir()
    (site.folder / "digest/__init__.py").write_text("raise SystemExit('a stranger')", "utf-8")
    with _started_elsewhere(site) as process:
        _wait_until(lambda: _answers(site), "the pages answer")
        second = site.digest("serve")
        assert (second.code, second.out) == (1, "")
        assert second.err.startswith("digest: serve: already running on ")
        assert f"process {process.pid} on " in second.err
        _wait_until(lambda: "Nothing needs you." in site.digest("status").out, "all is well")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    first, second_line, *_, last = out.splitlines()
    assert first.startswith("Harbour Post: http://127.0.0.1:")
    assert second_line == f"Mail goes to maildir {site.folder}/var/mailbox. Ctrl-C stops."
    assert last == "Stopped."
    assert "a stranger" not in out
    assert "Traceback" not in out


@contextlib.contextmanager
def _started_elsewhere(site: SiteFolder) -> Iterator[subprocess.Popen[str]]:
    """Start serve as the installed command does: without the current folder on the path."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "digest", "serve"],
        cwd=site.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=PATIENCE)


def test_a_port_that_is_taken_is_told_at_once(site: SiteFolder) -> None:
    with scripted_server() as other:
        text = (site.folder / "digest.toml").read_text("utf-8")
        listen = next(line for line in text.splitlines() if line.startswith("listen"))
        site.edit(listen, f'listen = "127.0.0.1:{other.port}"')
        ran = site.digest("serve")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"digest: web: 127.0.0.1:{other.port}: Address already in use")


@pytest.mark.parametrize("command", ["web", "scheduler", "worker"])
@pytest.mark.parametrize("supervised", [["--supervised"], []], ids=["supervised", "alone"])
def test_each_part_runs_apart_and_leaves_when_asked(
    command: str, supervised: list[str], site: SiteFolder
) -> None:
    site.well("status")
    with _started(site, command, *supervised) as process:
        if command == "web":
            _wait_until(lambda: _answers(site), "the pages answer")
        else:
            assert process.stdout is not None
            assert " running" in process.stdout.readline()
        if supervised:
            assert process.stdin is not None
            process.stdin.close()  # the supervisor is gone
            process.stdin = None
        else:
            process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, out
    assert "Traceback" not in out


def test_the_demo_stays_until_it_is_stopped(tmp_path: Path) -> None:
    site = SiteFolder(tmp_path)
    with _started(site, "demo", "--keep", "demo", "--port", str(free_port())) as process:
        assert process.stdout is not None
        _wait_for_line(process.stdout, "Press Ctrl-C")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=PATIENCE)
    assert (process.returncode, "Traceback" in out) == (0, False)


def _wait_for_line(lines: object, beginning: str) -> None:
    for line in lines:  # type: ignore[attr-defined]
        if line.startswith(beginning):
            return
    raise AssertionError(f"never said: {beginning}")


def test_the_demo_without_a_free_port_is_one_line(tmp_path: Path) -> None:
    with scripted_server() as other:
        ran = run("demo", "--port", str(other.port), folder=tmp_path)
    assert ran.code == 1
    assert ran.err.startswith(f"digest: web: 127.0.0.1:{other.port}: Address already in use")


# At a terminal


class _Terminal:
    """A command at a real terminal: what it shows, and what a person types."""

    def __init__(self, folder: Path, words: Sequence[str]) -> None:
        self.shown = ""
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-c", HEARS_CTRL_C, *words],
            cwd=folder,
            env=os.environ | {"TERM": "xterm", "COLUMNS": "80"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while text not in self.shown and time.monotonic() < deadline:
            self._read()
        assert text in self.shown, self.shown

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def interrupt(self) -> None:
        """Press Ctrl-C, and again if it fell between the question and the reading of the answer."""
        for _ in range(4):
            self._process.send_signal(signal.SIGINT)
            patience_ends = time.monotonic() + 15  # a second one must not meet it on its way out
            while time.monotonic() < patience_ends:
                self._read()
                if self._process.poll() is not None:
                    return

    def end(self) -> int:
        deadline = time.monotonic() + PATIENCE
        while self._process.poll() is None and time.monotonic() < deadline:
            self._read()
        self._read()
        os.close(self._ours)
        return self._process.wait(1)

    def _read(self) -> None:
        ready, _, _ = select.select([self._ours], [], [], 0.1)
        if ready:
            with contextlib.suppress(OSError):  # the other side has gone
                self.shown += os.read(self._ours, 65536).decode()


def _approved(site: SiteFolder) -> None:
    site.prepared()
    site.well("subscribers", "add", *READERS)
    site.well("approve", "daily")


def test_at_a_terminal_the_number_of_readers_is_asked(site: SiteFolder) -> None:
    _approved(site)
    terminal = _Terminal(site.folder, ["send", "daily"])
    terminal.wait_for("Type the number to go on: ")
    assert "  Readers   3 readers\r\n" in terminal.shown
    assert f"  Goes to   maildir {site.folder}/var/mailbox\r\n" in terminal.shown
    terminal.type("3\n")
    assert terminal.end() == 0
    assert "  Accepted  3\r\n" in terminal.shown


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("4\n", "digest: send: that is another number: nothing was sent\r\n"),
        ("\x04", "digest: stopped\r\n"),
        ("\x03", "digest: stopped\r\n"),
    ],
)
def test_another_number_or_none_sends_nothing(typed: str, sentence: str, site: SiteFolder) -> None:
    _approved(site)
    terminal = _Terminal(site.folder, ["send", "daily", "--json"])
    terminal.wait_for("Type the number to go on: ")
    if typed == "\x03":
        terminal.interrupt()
    else:
        terminal.type(typed)
    assert terminal.end() in {1, 2}
    assert sentence in terminal.shown
    assert "Traceback" not in terminal.shown
    assert site.well("status", "daily", "--json").facts["state"] == "approved"


def test_ctrl_c_in_the_middle_loses_nobody_and_send_goes_on(tmp_path: Path) -> None:
    with scripted_server(accept_seconds=0.2) as server:
        smtp = f'smtp = {{ host = "127.0.0.1", port = {server.port}, tls = "none" }}'
        site = make_site(tmp_path, mail=smtp)
        site.prepared()
        everybody = [f"reader{n}@reader.example" for n in range(400)]
        site.well("subscribers", "add", *everybody)
        site.well("approve", "daily")
        with _started(site, "send", "daily") as process:
            _wait_until(lambda: len(server.accepted) >= 3, "some are sent")
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 1
        assert "Traceback" not in out
        server.accept_seconds = 0
        facts = site.digest("send", "daily", "--json").facts
        assert (facts["planned"], facts["deferred"], facts["failed"]) == (0, 0, 0)
        assert facts["accepted"] + facts["uncertain"] == 400
        assert facts["uncertain"] <= 1
        assert sorted(set(server.accepted)) == sorted(server.accepted)


def test_a_pipe_sees_how_it_ended_and_no_bar(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    site.prepared()
    everybody = [f"reader{n}@reader.example" for n in range(600)]
    site.well("subscribers", "add", *everybody, "-n", "daily")
    site.well("approve", "daily")
    ran = site.well("send", "daily")
    assert "  Accepted  600\n" in ran.out
    assert not {"\x1b", "█", "\r"} & set(ran.out)


# What a person can do to a database


BROKEN = {
    "sqlite:///digest.toml": "file is not a database",
    "sqlite:///folder": "unable to open database file",
    "sqlite:///digest.toml/digest.db": "",
    "postgresql://me:hunter2@127.0.0.1:1/post": "Connection refused",
    "mysql://me@127.0.0.1/post": "not a database this product knows",
    "nonsense": "is not a database address",
}


@pytest.mark.parametrize("url", BROKEN)
def test_a_database_that_is_away_is_one_line_and_a_hint(url: str, site: SiteFolder) -> None:
    (site.folder / "folder").mkdir()
    site.edit("sqlite:///var/digest.db", url)
    for words in (["status"], ["collect"], ["serve"]):
        ran = site.digest(*words)
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.startswith("digest: ")
        assert BROKEN[url] in ran.err
        assert "hunter2" not in ran.err
        assert len(ran.err.splitlines()) <= 3


def test_a_database_that_cannot_be_written_is_one_line_and_a_hint(site: SiteFolder) -> None:
    site.well("collect")
    database = Database(f"sqlite:///{site.folder}/var/digest.db")
    with database.write() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER no_more BEFORE INSERT ON slot"
            " BEGIN SELECT RAISE(ABORT, 'attempt to write a readonly database'); END"
        )
    database.close()
    ran = site.digest("prepare", "daily")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "digest: database: attempt to write a readonly database\n"
        "  Look at [storage] database in digest.toml: it must answer, and be ours to write.\n"
    )


@pytest.mark.parametrize("url", ["postgresql://me@127.0.0.1:%d/post"])
def test_a_database_that_never_answers_is_given_up(url: str, site: SiteFolder) -> None:
    with scripted_server({"GREETING": ["close"]}) as server:
        site.edit("sqlite:///var/digest.db", url % server.port)
        ran = site.digest("status")
    assert (ran.code, ran.out) == (1, "")
    assert len(ran.err.splitlines()) <= 3


def test_many_commands_at_once_do_not_trip_over_each_other(site: SiteFolder) -> None:
    site.well("collect")
    done: list[int] = []

    def type_it(n: int) -> None:
        ran = subprocess.run(
            [sys.executable, "-m", "digest", "subscribers", "add", f"reader{n}@reader.example"],
            cwd=site.folder,
            capture_output=True,
            check=False,
        )
        done.append(ran.returncode)

    threads = [threading.Thread(target=type_it, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert done == [0, 0, 0, 0]
    assert len(site.well("subscribers", "list", "-n", "daily", "--json").facts) == 4
