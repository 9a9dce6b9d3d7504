"""A remedy that is a command becomes a way to the page that does it."""

from __future__ import annotations

from digest.web.desk.needs_words import Need, needs_of


def need(what: str, remedy: str) -> Need:
    (found,) = needs_of([f"{what}  {remedy}"])
    return found


def test_what_is_to_be_approved_leads_to_its_page() -> None:
    what = "daily/2026-01-09 waits for your approval until 07:00 on 9 Jan."
    assert need(what, "digest approve daily/2026-01-09") == Need(
        what, "editions/daily/2026-01-09", "Look at it"
    )


def test_an_extra_with_an_option_behind_it_leads_to_its_page_too() -> None:
    what, address = "4 may or may not have it.", "daily/2026-01-09/extra-2"
    assert need(what, f"digest retry {address} --uncertain") == Need(
        what, f"editions/{address}", "Open it"
    )


def test_a_source_leads_to_the_sources_without_what_is_to_be_typed() -> None:
    what = "The source site: it failed 3 times in a row."
    remedy = "It is asked again by itself; try it now with: digest sources check site"
    assert need(what, remedy) == Need(
        f"{what} It is asked again by itself", "sources", "See the sources"
    )
    known = "The source old fails, 4 in a row: no route"
    assert need(known, "digest sources check") == Need(known, "sources", "See the sources")


def test_what_no_page_does_keeps_its_command() -> None:
    assert need("Nothing is running.", "digest serve") == Need(
        "Nothing is running.", command="digest serve"
    )


def test_a_remedy_in_words_stays_words() -> None:
    what, remedy = "Its newsletter left digest.toml.", "Put it back, and it goes on."
    assert need(what, remedy) == Need(f"{what} {remedy}")
    assert needs_of(["One sentence alone."]) == [Need("One sentence alone.")]
