from __future__ import annotations

import gc
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from digest import child, children
from digest.children import fork_child, start_child
from digest.errors import SourceError
from digest.sources.discover import read_site
from digest.sources.model import Reading
from digest.sources.parsing import READERS as OURS
from digest.sources.parsing import Parser
from tests.integration.hostile_readers import READERS, WHOLE

ADDRESS = "https://e.example/feed"


@pytest.fixture
def parser() -> Iterator[Parser]:
    with Parser(readers=READERS, seconds=20, processes=1) as parser:
        yield parser


def _read(parser: Parser, kind: str, content: bytes = b"x") -> Reading:
    return parser.read(kind, content, address=ADDRESS)


def _told(parser: Parser, kind: str, content: bytes = b"x") -> str:
    with pytest.raises(SourceError) as refused:
        _read(parser, kind, content)
    assert refused.value.hint
    assert str(refused.value).startswith(f"{kind}: {ADDRESS}: ")
    return str(refused.value).removeprefix(f"{kind}: {ADDRESS}: ")


def _is_gone(pid: int, *, within: float = 5) -> bool:
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


def _program(code: str, *flags: str) -> list[str]:
    return [sys.executable, *flags, "-c", f"import sys; sys.path[:] = {sys.path!r}\n{code}"]


def test_what_a_reader_finds_comes_back_whole(parser: Parser) -> None:
    found = _read(parser, "whole")
    assert found == WHOLE
    assert repr(found) == repr(WHOLE)  # the same types, zones and enums, too


def test_a_reader_gets_the_bytes_and_what_is_known_of_them(parser: Parser) -> None:
    content = bytes(range(256)) * 20_000
    found = parser.read(
        "echo",
        content,
        address="https://e.example/\ud800",
        content_type='text/html; charset="x"',
        zone="Europe/London",
        language="en",
    )
    assert found == Reading(
        title=f"5120000 bytes, {sum(content)}",
        warnings=(
            "address='https://e.example/\\ud800'",
            "content_type='text/html; charset=\"x\"'",
            "language='en'",
            "zone='Europe/London'",
        ),
    )


@pytest.mark.parametrize("start", [fork_child, start_child])
def test_a_child_reads_one_answer_after_the_other(start: Callable[[str], children.Child]) -> None:
    with Parser(readers=READERS, processes=1, jobs=3, start=start) as parser:
        pids = [_read(parser, "whoami").title for _ in range(7)]
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 1]
    assert all(_is_gone(int(pid)) for pid in pids)


def test_two_are_read_at_once_and_no_more() -> None:
    with Parser(readers=READERS) as parser, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: _read(parser, "whoami").title, range(40)))
        assert parser.processes == 2
        assert 2 <= len(set(found)) <= 2 + 40 // parser.jobs


def test_a_reader_that_takes_too_long_is_killed() -> None:
    with Parser(readers=READERS, processes=1, seconds=0.3) as parser:
        before = int(_read(parser, "whoami").title)
        for kind in ("loops", "sleeps"):
            began = time.monotonic()
            assert _told(parser, kind) == "took longer than 0.3 s to read"
            assert time.monotonic() - began < 3
        assert _is_gone(before)
        assert _read(parser, "whole") == WHOLE


def test_a_reader_that_needs_too_much_memory_is_stopped() -> None:
    with Parser(readers=READERS, processes=1, megabytes=200) as parser:
        before = int(_read(parser, "whoami").title)
        assert _told(parser, "eats") == "needed more than 200 MB of memory"
        assert _is_gone(before)
        assert _read(parser, "whole") == WHOLE


def test_a_child_that_has_grown_is_replaced() -> None:
    with Parser(readers=READERS, processes=1, megabytes=300) as parser:
        assert _is_gone(int(_read(parser, "grows").title))
        assert _read(parser, "whole") == WHOLE


@pytest.mark.parametrize(
    ("kind", "content", "cause"),
    [
        ("leaves", b"xxx", "ended its reader (it left with 3)"),
        ("crashes", b"", "ended its reader (SIGSEGV)"),
        ("spends", b"%d" % signal.SIGXCPU, "took longer than 20 s to read"),
        ("spends", b"35", "ended its reader (signal 35)"),
        ("errs", b"x", "cannot be read (ValueError: b'x' and more more"),
        ("dives", b"x", "cannot be read (RecursionError: maximum recursion depth exceeded"),
        ("absent", b"x", "cannot be read (AttributeError: module"),
        ("lost", b"x", "cannot be read (ModuleNotFoundError: No module named 'digest.no_such"),
        ("none", b"x", "cannot be read (TypeError: "),
        ("nameless", b"x", "cannot be read (TypeError: a child gave object)"),
        ("wrong", b"x", "its reader gave no answer that is understood"),
        ("undated", b"x", "its reader gave no answer that is understood"),
        ("garbles", b"R\0\0\0\0\1{", "its reader gave no answer that is understood"),
        ("garbles", b"E\0\0\0\0\2{}", "its reader gave no answer that is understood"),
        ("garbles", b"?\0\0\0\0\0", "its reader gave no answer that is understood"),
        ("announces_much", b"x", "its reader gave no answer that is understood"),
        ("answers_much", bytes(1_000_000), "its reader gave no answer that is understood"),
    ],
)
def test_whatever_becomes_of_a_reader_is_told_in_a_sentence(
    parser: Parser, kind: str, content: bytes, cause: str
) -> None:
    told = _told(parser, kind, content)
    assert told.startswith(cause)
    assert len(told) < 1_100
    assert _read(parser, "whole") == WHOLE


def test_what_a_reader_says_of_the_bytes_is_passed_on(parser: Parser) -> None:
    with pytest.raises(SourceError) as refused:
        _read(parser, "refuses")
    assert str(refused.value) == f"feed: {ADDRESS}: not a feed \ufffd"
    assert refused.value.hint == "Name the feed."


def test_a_secret_in_an_address_is_not_repeated(parser: Parser) -> None:
    with pytest.raises(SourceError, match=r"^errs: https://e\.example/\?key=…&page=2: cannot"):
        parser.read("errs", b"", address="https://ann:pw@e.example/?key=secret&page=2")


def test_half_letters_do_not_break_the_answer(parser: Parser) -> None:
    assert _read(parser, "half_letters") == Reading(title="a\ufffdb\x00c😀", warnings=("\ufffd",))


def test_what_a_reader_prints_goes_nowhere(
    parser: Parser, capfd: pytest.CaptureFixture[str]
) -> None:
    assert _read(parser, "prints", b"R\0\0\0\0\0") == Reading()
    assert capfd.readouterr() == ("", "")


def test_a_reader_reaches_neither_network_nor_files_nor_programs(
    parser: Parser, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    kept.write_text("as it was")
    assert _read(parser, "misbehaves", str(kept).encode()) == Reading(
        title="as it was",
        warnings=(
            "connect", "look-up", "datagram", "write", "remove", "program", "shell", "fork", "kill",
        ),
    )  # fmt: skip


def test_a_child_inherits_no_program_and_no_secret(
    parser: Parser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGEST_MAIL__SMTP__PASSWORD", "secret")
    monkeypatch.setenv("LC_TEST", "x")
    children._ZYGOTE.close()
    found = _read(parser, "surroundings")
    assert found.title == "None"
    assert "LC_TEST" in found.warnings
    assert not [name for name in found.warnings if name.startswith(("DIGEST", "HOME", "PYTEST"))]
    assert int(found.language or 0) == 6  # three standard ones, two pipes, and the listing itself


def test_a_child_that_died_in_its_sleep_is_replaced_unnoticed(parser: Parser) -> None:
    pid = int(_read(parser, "whoami").title)
    os.kill(pid, signal.SIGKILL)
    assert _is_gone(pid)
    assert _read(parser, "whole") == WHOLE


def test_a_zygote_that_was_killed_is_replaced_and_its_children_serve_on(parser: Parser) -> None:
    found = _read(parser, "whoami")
    child, zygote = int(found.title), int(found.warnings[0])
    os.kill(zygote, signal.SIGKILL)
    assert _is_gone(zygote)
    with Parser(readers=READERS) as other:
        assert int(_read(other, "whoami").warnings[0]) != zygote
    assert int(_read(parser, "whoami").title) == child
    parser.close()
    assert _is_gone(child)


def test_a_reader_in_a_loop_is_killed_though_its_zygote_is_gone() -> None:
    with Parser(readers=READERS, processes=1, seconds=0.3) as parser:
        found = _read(parser, "whoami")
        os.kill(int(found.warnings[0]), signal.SIGKILL)
        assert _told(parser, "loops") == "took longer than 0.3 s to read"
        assert _is_gone(int(found.title))
        assert _read(parser, "whole") == WHOLE


def test_a_closed_parser_reads_no_more_and_ends_what_it_reads() -> None:
    parser = Parser(readers=READERS)
    idle = int(_read(parser, "whoami").title)
    with ThreadPoolExecutor(1) as pool:
        told = pool.submit(_told, parser, "sleeps")
        while not parser._crew._roll._busy:
            time.sleep(0.01)
        parser.close()
        assert told.result() == "ended its reader (SIGKILL)"
    parser.close()
    assert _is_gone(idle)
    assert _told(parser, "whole") == "not read, as the program is leaving"


def test_a_parser_closed_while_a_child_is_born_keeps_none() -> None:
    born: list[children.Child] = []

    def start(module: str) -> children.Child:
        leaving.close()
        born.append(fork_child(module))
        return born[0]

    leaving = Parser(readers=READERS, start=start)
    assert _told(leaving, "whole") == "not read, as the program is leaving"
    assert born[0].end() == -signal.SIGKILL


def test_a_parser_that_is_dropped_leaves_nobody_behind() -> None:
    parser = Parser(readers=READERS)
    pid = int(_read(parser, "whoami").title)
    del parser
    gc.collect()
    assert _is_gone(pid)


def test_a_parser_that_reads_nothing_starts_nothing() -> None:
    children._ZYGOTE.close()
    with Parser():
        assert children._ZYGOTE._process is None


def test_a_machine_without_room_for_a_process_is_told() -> None:
    def start(module: str) -> children.Child:
        raise BlockingIOError(11, f"no room for {module}")

    with Parser(readers=READERS, start=start) as parser:
        assert _told(parser, "whole").startswith("no process could be started to read it (")


def test_an_unknown_kind_is_a_mistake_of_the_caller(parser: Parser) -> None:
    with pytest.raises(KeyError):
        _read(parser, "teletext")


STORY = "The harbour master said that the tide was to blame, and that the ferry was late again. "
CONTENTS = {
    "feed": "<rss version='2.0'><channel><title>Harbour Post</title><item><title>Late ferry</title>"
    f"<link>/1</link><description>{STORY * 9}</description></item></channel></rss>",
    "json_feed": json.dumps(
        {
            "version": "https://jsonfeed.org/version/1.1",
            "title": "Harbour Post",
            "items": [{"id": "1", "title": "Late ferry", "content_text": STORY}],
        }
    ),
    "page": "<html lang='en'><head><title>Late ferry</title>"
    "<meta property='og:title' content='Late ferry'><meta property='og:type' content='article'>"
    f"</head><body><article><h1>Late ferry</h1>{f'<p>{STORY * 3}</p>' * 5}</article></body></html>",
    "plaintext": f"Harbour Post\nFriday, Jan 09, 2026\nLate ferry\n{STORY * 3}\n{STORY * 4}\n",
    "wordpress": json.dumps(
        [
            {
                "id": 1,
                "link": "https://e.example/1",
                "date_gmt": "2026-01-09T06:00:00",
                "title": {"rendered": "Late ferry"},
                "content": {"rendered": f"<p>{STORY}</p>"},
            }
        ]
    ),
    "ghost": json.dumps(
        {
            "posts": [
                {
                    "id": "1",
                    "url": "https://e.example/1",
                    "title": "Late ferry",
                    "html": f"<p>{STORY}</p>",
                    "published_at": "2026-01-09T06:00:00.000Z",
                }
            ],
            "meta": {"pagination": {"page": 1, "pages": 1}},
        }
    ),
    "markdown": f"---\ntitle: Late ferry\ndate: 2026-01-09 06:00\n---\n\n{STORY}\n",
}


def _reader(kind: str) -> Callable[..., Any]:
    module, _, name = OURS[kind].partition(":")
    reader: Callable[..., Any] = getattr(import_module(module), name)
    return reader


@pytest.mark.parametrize("kind", CONTENTS)
def test_a_child_finds_what_would_be_found_here(kind: str) -> None:
    content = CONTENTS[kind].encode()
    with Parser() as parser:
        found = parser.read(kind, content, address=ADDRESS, zone="Europe/London", language="en")
    assert [story.headline for story in found.stories] == ["Late ferry"]
    assert found == _reader(kind)(
        content, address=ADDRESS, content_type="", zone="Europe/London", language="en"
    )


def test_a_child_finds_what_a_site_tells_of_itself() -> None:
    content = (
        b"<html lang='en-GB'><head><title>Harbour Post</title><link rel='alternate' href='/feed/'"
        b" type='application/rss+xml' title='Stories'><meta name='theme-color' content='#0B4F8A'>"
        b"<meta property='og:site_name' content='Harbour Post'></head><body></body></html>"
    )
    with Parser() as parser:
        found = parser.site(content, address="https://e.example/", content_type="text/html")
        with pytest.raises(SourceError):
            parser.site(b"", address="https://e.example/")
    assert (found.name, found.language, found.accent) == ("Harbour Post", "en-GB", "#0B4F8A")
    assert found == read_site(content, address="https://e.example/", content_type="text/html")


ORPHANS = """
import threading
from digest.sources.parsing import Parser
from tests.integration.hostile_readers import READERS
parser = Parser(readers=READERS, seconds=60)
found = parser.read("whoami", b"", address="x")
threading.Thread(target=parser.read, args=("loops", b""), kwargs={"address": "x"}).start()
while not parser._crew._roll._busy: pass
print(found.title, *found.warnings, flush=True)
"""


def test_a_killed_program_leaves_no_reader_behind() -> None:
    with subprocess.Popen(_program(ORPHANS), stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        pids = [int(pid) for pid in program.stdout.readline().split()]
        assert len(pids) == 2
        program.kill()
    assert all(_is_gone(pid) for pid in pids)


UNGUARDED = """
import pathlib, sys
sys.path[:] = {path!r}
from digest.sources.parsing import Parser
from tests.integration.hostile_readers import READERS
pathlib.Path(__file__ + ".runs").open("a").write("x")
parser = Parser(readers=READERS)
print(parser.read("surroundings", b"", address="x").title)
"""


def test_a_program_is_not_run_again_in_its_children(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED.format(path=sys.path))
    command = [sys.executable, "-W", "error", "-W", "ignore::ResourceWarning:__main__", str(script)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.stdout, ran.stderr, ran.returncode) == ("None\n", "", 0)
    assert (tmp_path / "script.py.runs").read_text() == "x"


FORKED = """
import json, os
from digest.sources.parsing import Parser
from tests.integration.hostile_readers import READERS
parser = Parser(readers=READERS)
def family():
    found = parser.read("whoami", b"", address="x")
    return [found.title, *found.warnings]
first = family()
told, tell = os.pipe()
if os.fork() == 0:
    os.write(tell, json.dumps(family()).encode())
    sys.exit(0)
os.wait()
print(json.dumps([first, json.loads(os.read(told, 100)), family()]))
"""


def test_a_fork_of_the_program_has_children_of_its_own() -> None:
    ran = subprocess.run(
        _program(FORKED, "-W", "error"), capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.stderr == ""
    first, second, third = json.loads(ran.stdout)
    assert first == third
    assert set(first).isdisjoint(second)
    assert all(_is_gone(int(pid)) for pid in second)


def test_a_talk_with_the_zygote_that_is_cut_short_ends_it(parser: Parser) -> None:
    _read(parser, "whole")
    zygote = children._ZYGOTE
    assert zygote._line is not None

    class Interrupted:
        """A line on which Ctrl-C comes while the reply is waited for."""

        def __init__(self, line: object) -> None:
            self._line = line

        def __getattr__(self, name: str) -> object:
            if name == "recv":
                raise KeyboardInterrupt
            return getattr(self._line, name)

    zygote._line = Interrupted(zygote._line)  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        fork_child("json")
    assert zygote._process is None
    assert _read(parser, "whole") == WHOLE


def _served(
    content: bytes, reader: str, *, megabytes: int = 1_000_000
) -> tuple[bytes, bool, bytes]:
    """Serve one job in a thread of this process."""
    jobs, our_jobs = os.pipe()
    our_answers, answers = os.pipe()
    limits: list[float | None] = []
    job = child.Job(READERS[reader], {"address": ADDRESS}, 7, megabytes)
    serving = threading.Thread(
        target=child.serve,
        args=(jobs, answers),
        kwargs={"limit": lambda job: limits.append(job and job.seconds)},
    )
    serving.start()
    for part in job.packed(content):
        child.write_all(our_jobs, part)
    head = child.read_exactly(our_answers, child.ANSWER_HEAD.size)
    begin, is_worn, length = child.ANSWER_HEAD.unpack(head)
    told = child.read_exactly(our_answers, length)
    os.close(our_jobs)
    serving.join()
    for descriptor in (jobs, our_answers, answers):
        os.close(descriptor)
    assert limits == [7, None]
    return begin, is_worn, told


def test_a_child_answers_in_json_with_a_mark_in_front() -> None:
    begin, is_worn, told = _served(b"xyz", "echo")
    assert (begin, is_worn, json.loads(told)["title"]) == (b"R", False, "3 bytes, 363")
    refused = json.dumps([f"feed: {ADDRESS}: not\na feed \ufffd", "Name the\nfeed."])
    begin, is_worn, told = _served(b"", "refuses", megabytes=1)
    assert (begin, is_worn, json.loads(told)) == (b"E", True, json.loads(refused))
    begin, is_worn, told = _served(b"", "runs_out")
    assert (begin, is_worn, told) == (b"M", True, b"")
    begin, is_worn, told = _served(b"", "whole")
    assert (begin, json.loads(told)["stories"][0]["seen_on"]) == (b"R", "2026-01-09")
    begin, is_worn, told = _served(b"", "half_letters")
    assert (begin, json.loads(told)["title"]) == (b"R", "a\ufffdb\x00c😀")
    begin, is_worn, told = _served(b"", "nameless")
    assert (begin, json.loads(told)) == (b"X", "TypeError: a child gave object")


def test_sets_are_answered_in_order() -> None:
    assert child.packed(frozenset({"b", "a"})) == b'["a","b"]'


@pytest.mark.parametrize(
    ("event", "details"),
    [
        ("socket.connect", (None, ("127.0.0.1", 80))),
        ("os.exec", ("/bin/sh", [], {})),
        ("open", ("/tmp/x", "w", os.O_WRONLY | os.O_CREAT)),  # noqa: S108 - never opened
        ("open", ("/tmp/x", None, os.O_RDWR)),  # noqa: S108 - never opened
    ],
)
def test_what_no_reader_needs_is_forbidden(event: str, details: tuple[object, ...]) -> None:
    with pytest.raises(PermissionError, match=event):
        child.forbid(event, details)


SETTLED = """
import json, os, resource, signal
from digest.child import settle
told, tell = os.pipe()
_jobs, answers = settle(told, tell)
found = {
    "standard": [os.readlink(f"/proc/self/fd/{n}") for n in range(3)],
    "ignored": [signal.getsignal(n) == signal.SIG_IGN for n in (signal.SIGINT, signal.SIGTERM)],
    "limits": [resource.getrlimit(n)[1] for n in (resource.RLIMIT_CORE, resource.RLIMIT_NOFILE)],
}
with open(sys.argv[1], "w") as file:
    json.dump(found, file)
"""


def test_a_child_settles_into_silence(tmp_path: Path) -> None:
    told = tmp_path / "told"
    ran = subprocess.run(
        [*_program(SETTLED), str(told)], capture_output=True, timeout=60, check=False
    )
    assert (ran.stdout, ran.stderr, ran.returncode) == (b"", b"", 0)
    assert json.loads(told.read_text()) == {
        "standard": ["/dev/null"] * 3,
        "ignored": [True, True],
        "limits": [0, 64],
    }


def test_a_job_has_its_limits_and_waiting_has_none() -> None:
    before = {each: resource.getrlimit(each) for each in (resource.RLIMIT_AS, resource.RLIMIT_CPU)}
    try:
        child.limit_to(child.Job("", {}, 100, 1_000_000))
        now = {each: resource.getrlimit(each) for each in before}
        assert signal.alarm(0) == 102
        assert now[resource.RLIMIT_AS] == (1_000_000 << 20, before[resource.RLIMIT_AS][1])
        assert 102 <= now[resource.RLIMIT_CPU][0] - sum(os.times()[:2]) + 1 <= 104
        child.limit_to(child.Job("", {}, 100, -5))  # a limit that no system knows
        child.limit_to(None)
        assert signal.alarm(0) == 0
    finally:
        for each, limits in before.items():
            resource.setrlimit(each, limits)


def test_a_zygote_buries_no_strangers_and_takes_its_children_along() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        zygote = subprocess.Popen(
            children._command(children._ZYGOTE_CODE, str(theirs.fileno())),
            pass_fds=[theirs.fileno()],
            env=children._environment(),
        )
    jobs, answers = os.pipe()
    with zygote, ours:
        ours.sendall(b"bury 1")
        assert ours.recv(100) == b"0"
        for number in (signal.SIGINT, signal.SIGTERM):  # they come from whoever stops the program
            zygote.send_signal(number)
        socket.send_fds(ours, [b"birth digest.no_such_module"], [jobs, answers])
        child = int(ours.recv(100))
        assert not _is_gone(child, within=0.05)
        ours.sendall(b"bury 1")  # and its reply finds nobody
    for descriptor in (jobs, answers):
        os.close(descriptor)
    assert zygote.returncode == 0
    assert _is_gone(child)


def test_what_readers_need_is_not_forbidden() -> None:
    child.forbid("open", ("/etc/localtime", "r", os.O_RDONLY | os.O_CLOEXEC))
    child.forbid("import", ("lxml", None, None, None, None))
