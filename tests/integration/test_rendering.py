"""A publisher's templates in their child: what comes out, and what becomes of the bad ones."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from digest.children import Child, start_child
from digest.composition import render_child
from digest.composition.compose import compose
from digest.composition.environment import MailTemplates, load_templates
from digest.composition.language import ENGLISH, Language
from digest.composition.model import Composition, Letter
from digest.composition.rendering import Answer, Apart
from digest.composition.samples import sample_letter
from digest.errors import CompositionError

LETTER = sample_letter("daily", ENGLISH)
ENDLESS = "\n{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
HUNGRY = (
    "{% set it = namespace(x='x' * 999999) %}\n"
    "{% for n in range(99) %}{% set it.x = it.x ~ it.x %}{% endfor %}"
)


@contextlib.contextmanager
def own(
    folder: Path, *, seconds: float = 20.0, megabytes: int = 256, **files: str
) -> Iterator[MailTemplates]:
    for name, content in files.items():
        path = folder / "mine" / name.replace("_", ".")
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(content, encoding="utf-8")
    folder.mkdir(exist_ok=True)
    with load_templates(folder, seconds=seconds, megabytes=megabytes) as templates:
        yield templates


def cause_of(templates: MailTemplates, name: str, **facts: Any) -> str:
    with pytest.raises(CompositionError) as caught:
        templates.render(name, **facts)
    assert caught.value.hint
    return str(caught.value).removeprefix("template: ")


def composed(letter: Letter, templates: MailTemplates) -> Composition:
    return compose(
        letter,
        edition_id=7,
        revision=1,
        language=ENGLISH,
        secret=b"a secret of thirty-two bytes, here",
        environment=templates,
    )


def test_a_letter_made_apart_is_the_letter_made_here(tmp_path: Path) -> None:
    with own(tmp_path) as templates:
        assert composed(LETTER, templates) == composed(LETTER, load_templates())


def test_a_child_gives_text_and_nothing_else_and_speaks_the_language(tmp_path: Path) -> None:
    german = Language("de", {"Sport": ("Spört",), "# story": ("# Artikel", "# Artikel")})
    source = (
        "{{ _('Sport') }} {{ ngettext('# story', '# stories', 3) }} {{ it }} \\ {{ language.tag }}"
    )
    with own(tmp_path, body_txt=source, body_mjml="{{ it }}{{ _('<b>%(x)s', x='<') }}") as mine:
        said = mine.render("mine/body.txt", language=german, it="<\u00e9\ud800>")
        assert said == "Spört 3 Artikel <é\ufffd> \\ de"
        assert mine.render("mine/body.mjml", it="<") == "&lt;<b>&lt;"


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("\n{{ lettr }}", "line 2: there is no 'lettr' here (did you mean 'letter'?); known here:"),
        ("\n\n{{ letter.headlin }}", "line 3: there is no 'headlin' in Letter (did you mean"),
        ("\n{% if %}", "line 2: Expected an expression"),
        ("{{ ''.__class__.__mro__ }}", "line 1: access to attribute '__class__' of 'str' object"),
        ("{{ 'a' * 1000000000 }}", "line 1: '*' with such values is not allowed"),
        ("{{ letter.top.append(1) }}", "line 1: there is no 'append' in a list"),
        ("{% include 'mine/body.txt' %}", "line 1: it includes or calls itself without end"),
    ],
)
def test_faults_are_told_as_they_are_here(tmp_path: Path, source: str, cause: str) -> None:
    with own(tmp_path, body_txt=source) as mine:
        told = cause_of(mine, "mine/body.txt", letter=LETTER)
        assert told.startswith(f"mine/body.txt, {cause}")
        with pytest.raises(CompositionError) as caught:
            mine.render("mine/body.txt", letter=LETTER)
        assert (caught.value.template, caught.value.line) == (
            "mine/body.txt",
            int(cause.split()[1].rstrip(":")),
        )


def test_a_template_that_loops_for_ever_is_stopped_and_says_where(tmp_path: Path) -> None:
    body = "{% include 'mine/part.txt' %}"
    with own(tmp_path, seconds=1, part_txt=ENDLESS, body_txt=body) as mine:
        composed(LETTER, mine)  # warm: what follows is the template's own time
        began = time.monotonic()
        told = cause_of(mine, "mine/body.txt")
        assert time.monotonic() - began < 4
        assert told == "mine/part.txt, line 2: it took longer than 1 s"
        assert composed(LETTER, mine) == composed(LETTER, load_templates())


def test_one_that_cannot_even_be_told_to_stop_is_killed(tmp_path: Path) -> None:
    killed = threading.Event()
    apart = Apart(tmp_path, seconds=0.1, megabytes=256, start=lambda _: _a_child(b"", killed))
    began = time.monotonic()
    with pytest.raises(CompositionError) as caught:
        apart.render("daily/body.mjml", {}, language=ENGLISH)
    assert time.monotonic() - began < 5
    assert killed.is_set()
    assert str(caught.value) == "template: daily/body.mjml: it took longer than 0.1 s"
    assert (caught.value.template, caught.value.line) == ("daily/body.mjml", None)


def _a_child(says: bytes, killed: threading.Event | None = None) -> Child:
    """Make a child that is nobody: it says this, whatever it is asked, and then no more."""
    jobs, our_jobs = os.pipe()
    our_answers, answers = os.pipe()
    os.write(answers, says)

    def kill() -> int:
        os.close(jobs)
        os.close(answers)
        if killed is not None:
            killed.set()
        return -signal.SIGKILL

    return Child(our_jobs, our_answers, knows=frozenset(), kill=kill)


def test_a_template_that_eats_memory_is_stopped_and_says_where(tmp_path: Path) -> None:
    with own(tmp_path, body_txt=HUNGRY) as mine:
        began = time.monotonic()
        assert cause_of(mine, "mine/body.txt").startswith("mine/body.txt")
        told = cause_of(mine, "mine/body.txt")
        assert time.monotonic() - began < 10
        assert told == "mine/body.txt, line 2: it used more than 256 MB"
        assert composed(LETTER, mine) == composed(LETTER, load_templates())


def test_a_template_that_gives_too_much_is_refused(tmp_path: Path) -> None:
    source = "{% for n in range(3) %}{{ 'x' * 900000 }}{% endfor %}"
    with own(tmp_path, body_txt=source) as mine:
        assert (
            cause_of(mine, "mine/body.txt") == "mine/body.txt: it gives more than 2 million signs"
        )


def test_a_child_that_died_is_replaced_unnoticed(tmp_path: Path) -> None:
    with own(tmp_path, body_txt="{{ it }}") as mine:
        assert mine.render("mine/body.txt", it=1) == "1"
        assert mine._apart is not None
        (child,) = mine._apart._crew._roll._idle
        child._kill()
        assert mine.render("mine/body.txt", it=2) == "2"


def test_the_same_child_serves_one_letter_after_the_other(tmp_path: Path) -> None:
    with own(tmp_path, body_txt="{{ it }}") as mine:
        for number in range(20):
            assert mine.render("mine/body.txt", it=number) == str(number)
        assert mine._apart is not None
        (child,) = mine._apart._crew._roll._idle
        assert child.done == 20


def test_threads_share_the_children(tmp_path: Path) -> None:
    with own(tmp_path, body_txt="{{ it }}") as mine, ThreadPoolExecutor(6) as pool:
        made = pool.map(lambda number: mine.render("mine/body.txt", it=number), range(60))
        assert list(made) == [str(number) for number in range(60)]


def test_a_child_that_crashes_or_babbles_is_told(tmp_path: Path) -> None:
    def start_dead(module: str) -> Child:
        child = start_child(module)
        child.end()
        return child

    def no_room(_module: str) -> Child:
        raise BlockingIOError(11, "no room")

    def told(start: Any) -> str:
        apart = Apart(tmp_path, seconds=5, megabytes=256, start=start)
        try:
            with pytest.raises(CompositionError) as caught:
                apart.render("daily/body.mjml", {}, language=ENGLISH)
        finally:
            apart.close()
        assert caught.value.template == "daily/body.mjml"
        return str(caught.value).removeprefix("template: daily/body.mjml: ")

    assert told(start_dead) == "it ended the process that renders it (SIGKILL)"
    assert told(no_room).startswith("no process could be started to render it (")
    for babble, cause in (
        (b"R\0\0\0\0\2[]", "the process that renders it gave no answer that is understood"),
        (b"E\0\0\0\0\2{}", "the process that renders it gave no answer that is understood"),
        (b'X\0\0\0\0\3"a"', "the process that renders it gave no answer that is understood (a)"),
        (b"M\0\0\0\0\0", "it used more than 256 MB"),
        (pickle_bomb(), "the process that renders it gave no answer that is understood"),
    ):
        assert told(lambda _, said=babble: _a_child(said)).startswith(cause)


def pickle_bomb() -> bytes:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.abort, ()

    content = pickle.dumps(Bomb())
    return b"R\0" + len(content).to_bytes(4, "big") + content


def test_closed_templates_render_no_more(tmp_path: Path) -> None:
    with own(tmp_path, body_txt="x") as mine:
        mine.render("mine/body.txt")
    mine.close()
    assert cause_of(mine, "mine/body.txt") == (
        "mine/body.txt: not rendered, as the program is leaving"
    )


def test_a_template_reads_no_file_but_templates_and_starts_nothing(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    with own(tmp_path / "own", body_txt='{% include "../secret.txt" %}') as mine:
        assert "there is no template '../secret.txt'" in cause_of(mine, "mine/body.txt")


def test_the_marks_of_lines_come_from_the_child_too(tmp_path: Path) -> None:
    with own(tmp_path, body_mjml="one\n{{ it }}") as mine:
        made = mine.render("mine/body.mjml", it="x")
        error = CompositionError("m", template="mine/body.mjml", line=2, column=1)
        found = mine.located(error, "mine/body.mjml", made, it="x")
        assert (found.template, found.line) == ("mine/body.mjml", 2)


# What runs in the child, run here


def rendered(folder: Path, name: str, *, seconds: float = 5, **facts: Any) -> Answer:
    return render_child.render(
        pickle.dumps((name, ENGLISH, facts)),
        folder=str(folder),
        seconds=str(seconds),
        megabytes="256",
        marked=None,
    )


def test_what_the_child_answers(tmp_path: Path) -> None:
    with own(tmp_path, body_txt="{{ it }}", loop_txt=ENDLESS, fault_txt="\n{{ it.x.y }}"):
        pass
    try:
        assert rendered(tmp_path, "mine/body.txt", it="x") == Answer(text="x")
        late = rendered(tmp_path, "mine/loop.txt", seconds=0.2)
        assert (late.text, late.template, late.line) == ("", "mine/loop.txt", 2)
        assert late.problem == "template: mine/loop.txt, line 2: it took longer than 0.2 s"
        fault = rendered(tmp_path, "mine/fault.txt", it=None)
        assert (fault.template, fault.line) == ("mine/fault.txt", 2)
        long = rendered(tmp_path, "mine/body.txt", it="x" * 2_000_001)
        assert (long.text, long.template) == ("", "mine/body.txt")
        full = rendered(tmp_path, "mine/body.txt", it=Full())
        assert full.problem == "template: mine/body.txt, line 1: it used more than 256 MB"
        assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


class Full:
    def __str__(self) -> str:
        raise MemoryError


def test_a_language_with_a_catalog_costs_little_to_hand_over() -> None:
    # The whole letter goes through a pipe with each template: it must stay small.
    language = Language("de", {f"words {n}": (f"Wörter {n}",) for n in range(300)})
    assert len(pickle.dumps(("daily/body.mjml", language, {"letter": LETTER}))) < 40_000
