from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import SourceError
from digest.sources.select_only import MAX_CHARACTERS, checked_select


@pytest.mark.parametrize(
    ("query", "checked"),
    [
        ("SELECT 1", "SELECT 1"),
        ("  select a from b ; \n", "select a from b"),
        ("-- the latest; of all\nSELECT 1", "-- the latest; of all\nSELECT 1"),
        ("/* a; b */ (SELECT 1) UNION SELECT 2", "/* a; b */ (SELECT 1) UNION SELECT 2"),
        ("WITH x AS (SELECT 1) SELECT * FROM x", "WITH x AS (SELECT 1) SELECT * FROM x"),
        ("SELECT 'a; ''b'", "SELECT 'a; ''b'"),
        ('SELECT "a;b", `c;d` FROM e', 'SELECT "a;b", `c;d` FROM e'),
        ("SELECT $q$a;b$q$", "SELECT $q$a;b$q$"),
        (
            "SELECT a::text, 'b :since :c' FROM d WHERE e > :since AND f > :since_epoch",
            r"SELECT a\:\:text, 'b \:since \:c' FROM d WHERE e > :since AND f > :since_epoch",
        ),
        ("SELECT 1 -- :since", r"SELECT 1 -- \:since"),
        ("SELECT :sincere", r"SELECT \:sincere"),
    ],
)
def test_one_select_passes_with_only_our_names_bound(query: str, checked: str) -> None:
    assert checked_select(query, source="archive") == checked


@pytest.mark.parametrize(
    ("query", "cause"),
    [
        ("", "begins with '', not with SELECT"),
        ("DELETE FROM story", "begins with 'DELETE FROM story', not with SELECT"),
        ("; SELECT 1", "more than one statement"),
        ("SELECT 1; DROP TABLE story", "more than one statement"),
        ("SELECT 1 /* ' */; DROP TABLE story", "more than one statement"),
        ("EXPLAIN SELECT 1", "begins with 'EXPLAIN SELECT 1', not with SELECT"),
        ("1 SELECT", "begins with '1 SELECT', not with SELECT"),
        ("SELECT " + "1" * MAX_CHARACTERS, "longer than 20000 characters"),
    ],
)
def test_anything_else_is_refused_in_words(query: str, cause: str) -> None:
    with pytest.raises(SourceError) as error:
        checked_select(query, source="archive")
    assert str(error.value) == f"sql: archive: query: {cause}"
    assert error.value.hint == 'Write one SELECT, as in query = "SELECT …".'


@pytest.mark.parametrize("piece", ["'", "''", '"', "`", "/*", "--", "$a$", "$$", ":a", "("])
def test_a_query_built_to_hurt_costs_little(piece: str) -> None:
    begun = time.process_time()
    query = "SELECT " + piece * ((MAX_CHARACTERS - 7) // len(piece))
    assert checked_select(query, source="archive")
    assert time.process_time() - begun < 2


@given(st.text(alphabet="sS;'\"`-/*$:aE \n", max_size=40).map("SELECT ".__add__))
def test_what_passes_holds_no_second_statement(query: str) -> None:
    try:
        checked = checked_select(query, source="archive")
    except SourceError:
        return
    assert not checked.endswith(";")
    assert checked.replace("\\", "") == query.strip().rstrip("; \n").replace("\\", "")
