"""The page of one edition at the desk: its acts by plain forms, and who stands in whose way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from digest.db import Database
from digest.editions.model import Act
from digest.people.audit_store import audit_of
from digest.people.model import Role
from tests.builders import OpenPaper, Paper, moment, opening, url_of
from tests.integration.desk_site import AtDesk, at_desk, text_of

FRIDAY, MONDAY = "daily/2026-01-09", "daily/2026-01-12"
PAGE = f"editions/{FRIDAY}"


@pytest.fixture
def open_paper(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    """Open papers on this database, with settings of one's own; all are closed at the end."""
    yield from opening(tmp_path, url_of(database))


@pytest.fixture
def paper(open_paper: OpenPaper) -> Paper:
    """Open a paper whose Friday edition is in review, with three readers."""
    made = open_paper(checks={"ignore": {"C06": "The headlines of this test are alike."}})
    for name in ("ann", "bob", "cat"):
        made.reader(f"{name}@reader.example")
    made.news("2026-01-08")
    made.go("2026-01-09 06:30")
    made.watch.at = moment("2026-01-09 06:36")
    return made


@pytest.fixture
def alma(paper: Paper) -> AtDesk:
    return at_desk(paper.app, Role.APPROVER, name="Alma Penn")


@pytest.fixture
def ben(paper: Paper) -> AtDesk:
    return at_desk(paper.app, Role.EDITOR, address="ben@post.example", name="Ben Ito")


def headlines(desk: AtDesk, page: str = PAGE) -> list[str]:
    """Give the running order as the page shows it."""
    body = desk.get(page).text.partition('<ol class="ord">')[2].partition("</ol>")[0]
    found = re.findall(r'<span class="vh">\d+\. </span>(.*?)\n', body)
    return [unescape(re.sub(r" <span.*", "", each)).strip() for each in found]


def field(desk: AtDesk, name: str, page: str = PAGE) -> str:
    found = re.search(rf'name="{name}"[^>]* value="([^"]*)"', desk.get(page).text)
    assert found is not None, name
    return unescape(found[1])


def choose(desk: AtDesk, do: str, *, seq: int, page: str = PAGE, **fields: str) -> str:
    """Press a button; give what the page that follows says was done."""
    data = {name.replace("_", "-"): value for name, value in fields.items()}
    answer = desk.post(f"{page}/~choose", {"do": do, "seq": str(seq), **data})
    if answer.status_code == 303:
        answer = desk.get(answer.headers["location"])
    return text_of(answer)


def story(desk: AtDesk, words: str) -> int:
    """Find the number of a story by the first words of its headline."""
    text = desk.get(f"{PAGE}?filter=all").text
    found = re.search(
        rf'value="(?:pin|drop|reset) (\d+)"[^>]*>[^<]*<span class="vh">: {words}', text
    )
    assert found is not None, words
    return int(found[1])


def test_the_page_says_where_the_edition_stands(alma: AtDesk) -> None:
    said = text_of(alma.get(PAGE))
    assert "The Morning Post, Friday 9 January In review" in said
    assert "sends at 07:00 (07:00 UTC), in 24 min" in said
    assert "Running order 3 stories" in said
    assert "Recipients 3" in said
    assert "Approve for 3 readers" in said


def test_a_bare_name_leads_to_the_edition_it_means(alma: AtDesk) -> None:
    answer = alma.get("editions/daily")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/desk/{PAGE}")
    assert alma.get("editions/nothing/2026-01-09").status_code == 404


def test_every_act_is_a_plain_form_and_is_kept(alma: AtDesk, paper: Paper) -> None:
    roof = story(alma, "School roof")
    assert "You pinned “School roof mended" in choose(alma, f"pin {roof}", seq=0)
    assert "You moved “School roof mended" in choose(alma, f"move {roof} first", seq=1)
    assert headlines(alma)[0].startswith("School roof")
    fields = {"headline": "A roof, at last", "standfirst": "It is dry.", "language": ""}
    assert "reworded the headline" in choose(alma, f"reword {roof}", seq=2, **fields)
    assert headlines(alma)[0] == "A roof, at last"
    assert "You wrote the note" in choose(alma, "note", seq=4, note="Good morning.", language="")
    assert "You booked" in choose(alma, "sponsor", seq=5, sponsor="Bakery", sponsor_url="")
    inbox = {"subject": "The roof", "subject_was": "x", "preheader": "y", "preheader_was": "y"}
    assert "You wrote the subject" in choose(alma, "inbox", seq=6, language="", **inbox)
    letter = paper.composition(FRIDAY)
    assert letter is not None
    assert (letter.subject, "Good morning." in letter.text) == ("The roof", True)
    assert "You dropped" in choose(alma, f"drop {roof}", seq=7)
    assert len(headlines(alma)) == 2


def test_every_act_is_undone_in_order_by_another_editor_too(alma: AtDesk, ben: AtDesk) -> None:
    before = headlines(alma)
    roof = story(alma, "School roof")
    choose(alma, f"move {roof} first", seq=0)
    choose(alma, f"drop {story(alma, 'Council')}", seq=1)
    moved = headlines(alma)
    assert "You took back no. 2" in choose(ben, "undo", seq=2)
    choose(ben, "undo", seq=3)
    assert headlines(ben) == before
    choose(alma, "redo", seq=4)
    choose(alma, "redo", seq=5)
    assert headlines(alma) == moved


def test_two_editors_never_overwrite_each_other_silently(alma: AtDesk, ben: AtDesk) -> None:
    roof = story(alma, "School roof")
    choose(ben, f"reword {roof}", seq=0, headline="Ben’s roof", standfirst="", language="")
    typed = {"headline": "Alma’s roof", "standfirst": "", "language": ""}
    path = f"{PAGE}/~choose?edit={roof}"
    answer = alma.post(path, {"do": f"reword {roof}", "seq": "0", **typed})
    assert answer.status_code == 409
    said = text_of(answer)
    assert "In the meantime Ben Ito" in said
    assert "nothing was written" in said
    assert 'value="Alma’s roof"' in answer.text, "what was typed stands in its form again"
    assert "Ben’s roof" in said, "what the other did is on the page"
    again = alma.post(path, {"do": f"reword {roof}", "seq": field(alma, "seq"), **typed})
    assert again.status_code == 303
    assert "Alma’s roof" in headlines(alma)


def test_words_of_another_story_are_in_nobody_s_way(alma: AtDesk, ben: AtDesk) -> None:
    roof, council = story(alma, "School roof"), story(alma, "Council")
    own = {"standfirst": "What happened: x.", "language": ""}
    choose(ben, f"reword {roof}", seq=0, headline="Ben’s roof", **own)
    said = choose(alma, f"reword {council}", seq=0, headline="Alma’s council", **own)
    assert "You reworded the headline" in said
    assert {"Ben’s roof", "Alma’s council"} <= set(headlines(alma))


def test_an_edition_to_come_is_chosen_for_before_it_is_made(alma: AtDesk, paper: Paper) -> None:
    paper.watch.at = moment("2026-01-11 18:00")
    paper.publish("Monday one opens", "A second tale follows", "Third item of news", "Fourth it is")
    page = f"editions/{MONDAY}"
    assert "To come" in text_of(alma.get(page))
    assert "Approve for" not in text_of(alma.get(page))
    said = choose(alma, "note", seq=0, page=page, note="Good Monday.", language="")
    assert "You wrote the note" in said
    assert alma.get(f"{page}/~letter").status_code == 200
    paper.go("2026-01-12 06:30")
    letter = paper.composition(MONDAY)
    assert letter is not None
    assert "Good Monday." in letter.text


def test_who_approves_approves_what_they_saw(alma: AtDesk, paper: Paper) -> None:
    seen = field(alma, "hash")
    choose(alma, f"drop {story(alma, 'Council')}", seq=0)
    answer = alma.post(f"{PAGE}/~approve", {"seq": "0", "hash": seen})
    assert (answer.status_code, paper.editions()[FRIDAY]) == (409, "in review")
    assert "It has changed since you looked: Alma Penn dropped" in text_of(answer)
    answer = alma.post(f"{PAGE}/~approve", {"seq": "1", "hash": field(alma, "hash")})
    assert (answer.status_code, paper.editions()[FRIDAY]) == (303, "approved")


def test_a_story_its_source_changes_meanwhile_is_shown_before_it_is_approved(
    alma: AtDesk, paper: Paper
) -> None:
    seen = field(alma, "hash")
    change(paper, "School roof mended in time 2026-01-08", "School roof mended too late")
    answer = alma.post(f"{PAGE}/~approve", {"seq": "0", "hash": seen})
    said = text_of(answer)
    assert (answer.status_code, paper.editions()[FRIDAY]) == (409, "in review")
    assert "“School roof mended in time 2026-01-08” became “School roof mended too late”" in said
    assert "Nothing was approved" in said
    answer = alma.post(f"{PAGE}/~approve", {"seq": "0", "hash": field(alma, "hash")})
    assert (answer.status_code, paper.editions()[FRIDAY]) == (303, "approved")


def change(paper: Paper, before: str, after: str) -> None:
    """Have the source tell a story in other words, under the same guid."""
    text = paper.feed.read_text("utf-8")
    paper.feed.write_text(text.replace(f"<title>{before}</title>", f"<title>{after}</title>"))
    for polled in paper.app.collect(force=True):
        assert not polled.problem


def test_many_readers_want_their_number_typed(paper: Paper, alma: AtDesk) -> None:
    from digest.web.desk import edition_gate  # noqa: PLC0415 - beside its use

    for n in range(edition_gate.TYPED_ABOVE):
        paper.reader(f"reader{n}@reader.example")
    number = edition_gate.TYPED_ABOVE + 3
    assert f"Type {number:,} to let it go" in text_of(alma.get(PAGE))
    seen = field(alma, "hash")
    for typed in ("", "12"):
        answer = alma.post(f"{PAGE}/~approve", {"seq": "0", "hash": seen, "readers": typed})
        assert (answer.status_code, paper.editions()[FRIDAY]) == (409, "in review")
    answer = alma.post(f"{PAGE}/~approve", {"seq": "0", "hash": seen, "readers": f"{number:,}"})
    assert answer.status_code == 303
    assert paper.editions()[FRIDAY] == "approved"


def test_it_is_held_sent_stopped_and_goes_on_by_the_gate(alma: AtDesk, paper: Paper) -> None:
    def press(act: str, **fields: str) -> str:
        answer = alma.post(f"{PAGE}/~{act}", {"seq": "0", **fields})
        assert answer.status_code == 303, text_of(answer)
        return paper.editions()[FRIDAY]

    assert press("hold", reason="A name is wrong") == "held"
    assert "Held by Alma Penn: A name is wrong" in paper.edition(FRIDAY).reason
    assert press("approve", hash=field(alma, "hash")) == "approved"
    assert press("send-now") == "approved"
    paper.go("2026-01-09 06:40")
    assert "0 of 3" in text_of(alma.get(PAGE))
    assert press("stop") == "stopped"
    assert press("resume") == "sending"
    paper.app.deliver(paper.edition(FRIDAY), progress=lambda _done: None)
    assert "3 of 3 accepted" in text_of(alma.get(PAGE))
    assert press("correct", words="The ferry is blue.") == "sent"


def test_an_edition_is_skipped_with_its_reason(alma: AtDesk, paper: Paper) -> None:
    assert alma.post(f"{PAGE}/~skip", {"reason": "Too thin"}).status_code == 303
    assert paper.editions()[FRIDAY] == "skipped"
    assert "Too thin" in text_of(alma.get(PAGE))


def test_a_test_goes_to_the_test_readers_alone(alma: AtDesk, paper: Paper) -> None:
    answer = alma.post(f"{PAGE}/~send-test", {})
    assert "The test went to tester@post.example" in text_of(alma.get(answer.headers["location"]))
    refused = alma.post(f"{PAGE}/~send-test", {"addresses": "eve@elsewhere.example"})
    assert refused.status_code == 409
    assert paper.tally(FRIDAY).total == 0


def test_an_editor_chooses_and_holds_but_lets_nothing_go(ben: AtDesk, paper: Paper) -> None:
    said = text_of(ben.get(PAGE))
    assert "An approver lets it go." in said
    assert "Approve for" not in said
    for act in ("approve", "send-now", "skip", "resume", "correct"):
        assert ben.post(f"{PAGE}/~{act}", {"hash": "x"}).status_code == 403
    assert ben.post(f"{PAGE}/~hold", {"reason": "Wait"}).status_code == 303
    assert paper.editions()[FRIDAY] == "held"


def test_a_viewer_looks_and_changes_nothing(paper: Paper) -> None:
    guest = at_desk(paper.app, Role.VIEWER, address="guest@post.example", name="Guest")
    assert "~choose" not in guest.get(PAGE).text
    assert guest.post(f"{PAGE}/~choose", {"do": "pin 1", "seq": "0"}).status_code == 403
    assert guest.post(f"{PAGE}/~hold", {}).status_code == 403


def test_a_choice_reopens_what_was_approved_and_says_so(alma: AtDesk, paper: Paper) -> None:
    alma.post(f"{PAGE}/~approve", {"seq": "0", "hash": field(alma, "hash")})
    said = choose(alma, "note", seq=0, note="One more word.", language="")
    assert "The approval is revoked" in said
    assert paper.editions()[FRIDAY] == "in review"


def test_every_act_stands_in_the_audit_with_who_did_it(alma: AtDesk, paper: Paper) -> None:
    choose(alma, "note", seq=0, note="Good morning.", language="")
    alma.post(f"{PAGE}/~hold", {"reason": "Wait"})
    with paper.app.database.read() as connection:
        entries = audit_of(connection, [FRIDAY])
    assert alma.me is not None
    assert [(each.actor, each.verb) for each in entries] == [
        (alma.me.actor, "edition.choose"),
        (alma.me.actor, "edition.hold"),
    ]
    assert entries[0].detail["words"] == "wrote the note: “Good morning.”"


def test_the_checks_bar_the_gate_and_lead_to_their_place(open_paper: OpenPaper) -> None:
    paper = open_paper()
    paper.reader("ann@reader.example")
    paper.watch.at = moment("2026-01-08 18:00")
    paper.publish("TK headline to come", "Council votes on the square", "School roof is mended")
    paper.go("2026-01-09 06:30")
    alma = at_desk(paper.app, Role.APPROVER, name="Alma Penn")
    page = alma.get(f"{PAGE}?check=1")
    said = text_of(page)
    assert paper.editions()[FRIDAY] == "held"
    assert "in the way" in said
    assert re.search(r'<button class="btn wide" id="approve" disabled>', page.text)
    assert re.search(r"edit=\d+#s\d+", page.text), "a finding leads to its story's form"
    answer = alma.post(f"{PAGE}/~approve", {"seq": "0", "hash": field(alma, "hash")})
    assert (answer.status_code, paper.editions()[FRIDAY]) == (409, "held")


def test_a_damaged_form_changes_nothing(alma: AtDesk) -> None:
    for seq in ("", "x", "-1", "99999999999"):
        assert alma.post(f"{PAGE}/~choose", {"do": "undo", "seq": seq}).status_code == 409
    answer = alma.post(f"{PAGE}/~choose", {"do": "dance 1", "seq": "0"})
    assert "no such button" in text_of(answer)


def test_nothing_that_a_story_says_is_markup_on_the_page(open_paper: OpenPaper) -> None:
    paper = open_paper()
    paper.reader("ann@reader.example")
    paper.watch.at = moment("2026-01-08 18:00")
    evil = "<script>alert(1)</script> “><img src=x onerror=alert(2)> ferry"
    paper.publish(f"One {evil}", f"Two {evil} council", f"Three {evil} roof")
    paper.go("2026-01-09 06:30")
    alma = at_desk(paper.app, Role.APPROVER, name="<b>Alma</b>")
    page = alma.get(f"{PAGE}?filter=all&check=1").text
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "<b>Alma" not in page


def test_the_choices_of_a_newer_version_do_not_break_the_page(alma: AtDesk) -> None:
    assert Act.UNPIN in set(Act)
    assert alma.get(f"{PAGE}?edit=x&filter=y&view=z&language=tlh").status_code == 200
