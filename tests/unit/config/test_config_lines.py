from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from digest.config.lines import line_of, lines_of


def test_tables_keys_and_dotted_keys_have_their_lines() -> None:
    text = '# a\n[site]\nname = "x"\n\n[newsletters.daily]\nstories.max = 3\n"odd key" = 1\n'
    assert lines_of(text) == {
        ("site",): 2,
        ("site", "name"): 3,
        ("newsletters",): 5,
        ("newsletters", "daily"): 5,
        ("newsletters", "daily", "stories"): 6,
        ("newsletters", "daily", "stories", "max"): 6,
        ("newsletters", "daily", "odd key"): 7,
    }


def test_what_looks_like_a_key_inside_a_value_is_not_one() -> None:
    text = 'a = """\nb = 1\n"""\nc = [\n  "d = 1",\n  "]",\n]\ne = 5 # f = [\ng = 6\n'
    assert lines_of(text) == {("a",): 1, ("c",): 4, ("e",): 8, ("g",): 9}


def test_a_key_of_an_inline_table_falls_back_to_the_line_around_it() -> None:
    lines = lines_of('[mail]\nsmtp = { port = "x" }\n')
    assert line_of(lines, ("mail", "smtp", "port")) == 2
    assert line_of(lines, ("people", "editors")) is None


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    assert all(number >= 1 for number in lines_of(text).values())
