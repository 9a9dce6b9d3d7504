"""The mailer: every reader's copy and every notice, as they leave."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from digest.clock import fixed
from digest.composition import store as compositions
from digest.composition.compose import set_hash
from digest.composition.model import Composition, ReaderValues
from digest.db import Database
from digest.delivery.dkim import DkimSigner
from digest.delivery.dkim_keys import create_dkim_keys, load_dkim_keys
from digest.delivery.maildir import MaildirTransport
from digest.delivery.model import DeliveryState, Envelope, Sent, Tally, Transport, Way
from digest.delivery.send import send_due
from digest.delivery.verp import Verp, read_verp
from digest.editions import store as editions
from digest.errors import CompositionError, NotFoundError, SettingsError, TokenError
from digest.outbox.model import NewNotice, Notice, NoticeKind
from digest.web.mount import pages_of
from digest.workflow.telling import operators_notices
from subscribers import store as readers
from subscribers.leaving import unsubscribe
from subscribers.model import Act, Recipient, SubscriptionState
from subscribers.signup import subscribe
from subscribers.tokens import Grant, Purpose
from tests.builders import ADMIN, DESK, TESTER, Paper, a_newsletter, moment, open_paper, url_of
from tests.mail_strictness import faults_of
from tests.unit.delivery.delivery_builders import ScriptedTransport
from tests.unit.delivery.dkim_builders import verdicts

FRIDAY = "daily/2026-01-09"
ANN, BOB = "ann@reader.example", "bob@reader.example"
SECTIONS = {
    "town": {"title": "Town", "categories": ["Local"]},
    "sport": {"title": "Sport", "categories": ["Sport"]},
}


@pytest.fixture
def paper(sqlite_database: Database, tmp_path: Path) -> Iterator[Paper]:
    """A paper with two readers and an approved edition."""
    yield from _opened(sqlite_database, tmp_path)


@pytest.fixture
def paper_on_both(database: Database, tmp_path: Path) -> Iterator[Paper]:
    """The same where the kind of database could matter."""
    yield from _opened(database, tmp_path)


def _opened(database: Database, tmp_path: Path) -> Iterator[Paper]:
    daily = a_newsletter(release="auto", sections=["town", "sport"])
    made = open_paper(
        tmp_path,
        "2026-01-08 12:00",
        database=url_of(database),
        sections=SECTIONS,
        newsletters={"daily": daily},
    )
    made.reader(ANN)
    made.reader(BOB)
    made.news("2026-01-08")
    made.go("2026-01-09 06:30")
    yield made
    made.app.close()


def _recipient(paper: Paper, address: str = ANN) -> Recipient:
    with paper.app.database.read() as connection:
        found = readers.find_subscriber(connection, address_key=address)
        assert found is not None
        edition = paper.edition(FRIDAY)
        reader = readers.recipient(connection, found.id, edition.newsletter_id)
    assert reader is not None
    return reader


def _send(paper: Paper, transport: Transport) -> Sent:
    """Send what is due, as a sender does that goes once through."""
    way = Way("test", transport=transport, connections=1)
    journal = paper.feed.parent / "journal"
    app = paper.app
    return send_due(app.database, [way], app.mailer, journal=journal, clock=paper.watch)


def _parsed(message: bytes) -> EmailMessage:
    return message_from_bytes(message, policy=policy.default)


def test_a_copy_says_who_it_is_for_since_when_and_how_to_leave(paper: Paper) -> None:
    envelope, values = paper.app.mailer.values_for(paper.edition(FRIDAY), _recipient(paper))
    assert envelope == Envelope("news@letters.post.example", ANN, values.message_id)
    assert values == ReaderValues(
        address=ANN,
        message_id=values.message_id,
        since="8 January 2026",
        unsubscribe_url=values.unsubscribe_url,
        unsubscribe_mailto="",
        sent_at=moment("2026-01-09 06:30"),
        topics=None,
        preferences_url=values.preferences_url,
        twin_url=f"{values.preferences_url}/twin",
    )
    assert re.fullmatch(r"<e1\.s\d+\.[0-9a-f]{16}@letters\.post\.example>", values.message_id)
    message = paper.app.mailer.wire_for(paper.edition(FRIDAY).id).message(values)
    assert faults_of(message) == []
    mail = _parsed(message)
    assert mail["From"] == "Harbour Post <news@letters.post.example>"
    assert mail["Reply-To"] == "editor@post.example"
    assert mail["List-Id"] == "The Morning Post <daily.letters.post.example>"
    assert mail["List-Unsubscribe"] == f"<{values.unsubscribe_url}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_copy_says_where_to_find_help_past_editions_and_who_complaints_are_about(
    paper: Paper,
) -> None:
    mailer, edition = paper.app.mailer, paper.edition(FRIDAY)
    values = mailer.values_for(edition, _recipient(paper))[1]
    mail = _parsed(mailer.wire_for(edition.id).message(values))
    assert mail["List-Help"] == (
        "<https://letters.post.example/link>, <mailto:editor@post.example?subject=help>"
    )
    assert mail["List-Archive"] == "<https://letters.post.example/archive/daily>"
    *names, sender = mail["Feedback-ID"].split(":")
    assert names == ["daily", "2026-01-09", "letter"]
    assert re.fullmatch("[a-z2-7]{13}", sender)
    extra = replace(edition, slot_name="evening")
    extra_mail = _parsed(mailer.sample(extra, _composition(paper)).message)
    assert extra_mail["Feedback-ID"] == f"daily:2026-01-09.evening:letter:{sender}"
    client = TestClient(pages_of(paper.app))
    for path in ("/link", "/archive/daily"):
        assert client.get(path).status_code == 200


def test_a_letter_that_is_not_for_everybody_names_no_archive(paper: Paper) -> None:
    mailer = replace(paper.app.mailer, archived=frozenset())
    mail = _parsed(mailer.sample(paper.edition(FRIDAY), _composition(paper)).message)
    assert mail["List-Archive"] is None


def test_a_site_without_an_address_to_answer_to_helps_on_its_page_alone(paper: Paper) -> None:
    mailer = replace(paper.app.mailer, site=replace(paper.app.mailer.site, reply_to=""))
    mail = _parsed(mailer.sample(paper.edition(FRIDAY), _composition(paper)).message)
    assert mail["List-Help"] == "<https://letters.post.example/link>"


def _composition(paper: Paper) -> Composition:
    made = paper.composition(FRIDAY)
    assert made is not None
    return made


BOUNCES = "bounces@letters.post.example"


def test_each_copy_and_notice_has_an_envelope_sender_of_its_own(paper_on_both: Paper) -> None:
    paper = paper_on_both
    plain, edition = paper.app.mailer, paper.edition(FRIDAY)
    mailer = replace(plain, verp=Verp(BOUNCES, plain.secret))
    reader = _recipient(paper)
    first, again = (mailer.values_for(edition, reader)[0] for _ in range(2))
    local, _, domain = first.sender.rpartition("@")
    assert (first, domain) == (again, "letters.post.example")
    assert read_verp(local, mailer.secret) == (edition.id, reader.subscriber_id)
    other = mailer.values_for(edition, _recipient(paper, BOB))[0]
    assert other.sender != first.sender
    (draft,) = [n for n in paper.notices() if n.facts.get("event") == "draft"]
    sender = mailer.notice(draft)[0].sender
    assert read_verp(sender.partition("@")[0], mailer.secret) == (0, draft.id)


def _mail(folder: Path, **more: object) -> dict[str, object]:
    return {
        "from": "Harbour Post <news@letters.post.example>",
        "maildir": str(folder / "mailbox"),
        **more,
    }


@pytest.mark.parametrize("verp", [True, False])
def test_the_settings_say_how_bounces_come_back(tmp_path: Path, *, verp: bool) -> None:
    mail = _mail(tmp_path, bounce_address=BOUNCES, verp=verp)
    paper = open_paper(tmp_path, "2026-01-08 12:00", mail=mail)
    mailer = paper.app.mailer
    assert mailer.verp == (Verp(BOUNCES, mailer.secret) if verp else None)
    assert mailer.bounce_address == BOUNCES
    paper.app.close()


def test_a_bounce_address_without_room_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    mail = _mail(tmp_path, bounce_address="the-bounces-of-our-letters@letters.post.example")
    with pytest.raises(SettingsError, match=r"settings: mail\.bounce_address: .*at most 23 fit"):
        open_paper(tmp_path, "2026-01-08 12:00", mail=mail)


def test_all_mail_of_a_site_with_keys_is_signed_by_both(
    tmp_path: Path, sqlite_database: Database
) -> None:
    folder = tmp_path / "keys"
    create_dkim_keys(folder, "news")
    daily = a_newsletter(release="auto")
    mail = _mail(tmp_path, dkim={"selector": "news", "domain": "post.example"})
    paper = open_paper(
        tmp_path,
        "2026-01-08 12:00",
        database=url_of(sqlite_database),
        mail=mail,
        newsletters={"daily": daily},
    )
    signer = DkimSigner("post.example", load_dkim_keys(folder, "news"))
    paper.reader(ANN)
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    mailer, edition = paper.app.mailer, paper.edition(FRIDAY)
    values = mailer.values_for(edition, _recipient(paper))[1]
    copies = [
        mailer.wire_for(edition.id).message(replace(values, text_only=only))
        for only in (False, True)
    ]
    sample = mailer.sample(edition, _composition(paper)).message
    notices = [mailer.notice(notice)[1] for notice in paper.notices()]
    assert notices
    assert mailer.is_slow
    for message in (*copies, sample, *notices):
        assert verdicts(message, signer) == [True, True]
        assert faults_of(message) == []
    paper.app.close()


@pytest.mark.parametrize("lost", ["dkim-news.rsa.pem", "dkim-news.ed25519.pem"])
def test_a_site_whose_key_is_missing_does_not_start(tmp_path: Path, lost: str) -> None:
    create_dkim_keys(tmp_path / "keys", "news")
    (tmp_path / "keys" / lost).unlink()
    with pytest.raises(NotFoundError, match=rf"keys: .*{re.escape(lost)}: missing") as caught:
        open_paper(tmp_path, "2026-01-08 12:00", mail=_mail(tmp_path, dkim={"selector": "news"}))
    assert caught.value.hint == (
        "No mail leaves unsigned that is to be signed. Copy the key back from the backup, or make"
        " a new one: digest keys new --dkim"
    )


def test_a_site_without_the_setting_signs_nothing(paper: Paper) -> None:
    assert paper.app.mailer.signer is None
    assert not paper.app.mailer.is_slow
    assert (
        b"DKIM" not in paper.app.mailer.sample(paper.edition(FRIDAY), _composition(paper)).message
    )


def test_the_message_id_is_the_same_on_every_attempt_and_differs_by_reader(paper: Paper) -> None:
    edition, mailer = paper.edition(FRIDAY), paper.app.mailer
    first = mailer.values_for(edition, _recipient(paper))[1].message_id
    later = replace(mailer, clock=fixed(moment("2026-01-10 06:30")))
    assert later.values_for(edition, _recipient(paper))[1].message_id == first
    assert mailer.values_for(edition, _recipient(paper, BOB))[1].message_id != first


def test_the_link_to_the_preferences_is_of_its_own_kind(paper: Paper) -> None:
    reader, edition = _recipient(paper), paper.edition(FRIDAY)
    values = paper.app.mailer.values_for(edition, reader)[1]
    place, _, token = values.preferences_url.rpartition("/")
    assert place == "https://letters.post.example/p"
    links = paper.app.keys.links
    grant = Grant(reader.public_id, (edition.newsletter_id,))
    assert links.read(Purpose.PREFERENCES, token) == grant
    with pytest.raises(TokenError):
        links.read(Purpose.UNSUBSCRIBE, token)


@pytest.mark.parametrize(
    ("language", "since"),
    [
        ("", "8 January 2026"),
        ("en-US", "January 8, 2026"),
        ("de", "8. Januar 2026"),
        ("es", "8 de enero de 2026"),
        ("fr", "8 janvier 2026"),
        ("ar", "8 يناير 2026"),
    ],
)
def test_the_day_they_asked_is_told_in_the_language_of_the_copy(
    paper: Paper, language: str, since: str
) -> None:
    reader = replace(_recipient(paper), language=language)
    assert paper.app.mailer.values_for(paper.edition(FRIDAY), reader)[1].since == since


def test_a_reader_of_plain_text_gets_text_alone(paper_on_both: Paper) -> None:
    paper = paper_on_both
    with paper.app.database.write() as connection:
        same = readers.subscriber.c.address_key == ANN
        connection.execute(sa.update(readers.subscriber).where(same).values(format="text"))
    values = paper.app.mailer.values_for(paper.edition(FRIDAY), _recipient(paper))[1]
    message = paper.app.mailer.wire_for(paper.edition(FRIDAY).id).message(values)
    assert faults_of(message) == []
    assert _parsed(message).get_content_type() == "text/plain"
    assert values.unsubscribe_url in _parsed(message).get_content()


def test_an_address_outside_ascii_is_written_and_marked_so(paper_on_both: Paper) -> None:
    paper = paper_on_both
    paper.reader("Zoë@Bücher.example")
    reader = _recipient(paper, "zoë@xn--bcher-kva.example")
    envelope, values = paper.app.mailer.values_for(paper.edition(FRIDAY), reader)
    assert envelope == Envelope(
        "news@letters.post.example", "Zoë@xn--bcher-kva.example", values.message_id, smtputf8=True
    )
    message = paper.app.mailer.wire_for(paper.edition(FRIDAY).id).message(values)
    assert "\r\nTo: Zoë@xn--bcher-kva.example\r\n".encode() in message
    assert faults_of(message) == []


def test_an_address_that_no_letter_can_go_to_is_refused(paper: Paper) -> None:
    broken = replace(_recipient(paper), address="ann@reader.example, bob@reader.example")
    with pytest.raises(CompositionError, match="header: To: this is not one plain address"):
        paper.app.mailer.values_for(paper.edition(FRIDAY), broken)


def test_the_way_out_in_a_copy_works_on_our_own_pages(paper: Paper) -> None:
    values = paper.app.mailer.values_for(paper.edition(FRIDAY), _recipient(paper))[1]
    client = TestClient(pages_of(paper.app))
    path = values.unsubscribe_url.removeprefix("https://letters.post.example")
    assert client.get(path).status_code == 200
    assert _state(paper, ANN) is SubscriptionState.CONFIRMED, "looking changes nothing"
    answer = client.post(path, data={"List-Unsubscribe": "One-Click"})
    assert (answer.status_code, answer.text) == (200, "You are unsubscribed.\n")
    assert _state(paper, ANN) is SubscriptionState.UNSUBSCRIBED
    assert _state(paper, BOB) is SubscriptionState.CONFIRMED


def _state(paper: Paper, address: str) -> SubscriptionState:
    with paper.app.database.read() as connection:
        found = readers.find_subscriber(connection, address_key=address)
        assert found is not None
        (standing,) = readers.subscriptions_of(connection, found.id)
    return standing.state


def test_a_sample_is_a_whole_letter_without_a_working_way_out(paper: Paper) -> None:
    made = paper.composition(FRIDAY)
    assert made is not None
    sample = paper.app.mailer.sample(paper.edition(FRIDAY), made)
    mail = _parsed(sample.message)
    assert (mail["To"], mail["Subject"]) == ("reader@reader.example", made.subject)
    assert faults_of(sample.message) == []
    urls = set(
        re.findall(r"https://letters\.post\.example/[up]/[^\s\"<>]+", sample.html + sample.text)
    )
    assert "https://letters.post.example/u/sample" in urls
    assert {url.partition("/sample")[1] for url in urls} == {"/sample"}
    client = TestClient(pages_of(paper.app), raise_server_exceptions=False)
    assert client.get("/u/sample").status_code >= 400
    assert client.post("/u/sample", data={"List-Unsubscribe": "One-Click"}).status_code >= 400


def test_a_sample_can_be_the_copy_of_a_given_reader(paper: Paper) -> None:
    edition, made = paper.edition(FRIDAY), paper.composition(FRIDAY)
    assert made is not None
    values = paper.app.mailer.sample_values(
        edition,
        language="de",
        address=ANN,
        since=moment("2025-11-03 08:00"),
        topics=frozenset({"sport"}),
        text_only=True,
    )
    assert values == ReaderValues(
        address=ANN,
        message_id=values.message_id,
        since="3. November 2025",
        unsubscribe_url="https://letters.post.example/u/sample",
        unsubscribe_mailto="",
        sent_at=moment("2026-01-09 06:30"),
        topics=frozenset({"sport"}),
        preferences_url="https://letters.post.example/p/sample",
        twin_url="https://letters.post.example/p/sample/twin",
        text_only=True,
    )
    sample = paper.app.mailer.sample(edition, made, values=values)
    mail = _parsed(sample.message)
    assert (mail["To"], mail.get_content_type()) == (ANN, "text/plain")
    assert mail.get_content().replace("\r\n", "\n") == sample.text


def test_topics_of_a_reader_become_sections_also_those_added_since(
    paper_on_both: Paper, database: Database
) -> None:
    paper = paper_on_both
    edition, mailer = paper.edition(FRIDAY), paper.app.mailer
    reader = _recipient(paper)

    def topics(mask: int) -> set[str]:
        found = mailer.values_for(edition, replace(reader, topic_mask=mask))[1].topics
        return {"everything"} if found is None else set(found)

    assert topics(0) == {"everything"}
    assert topics(0b01) == {"town"}
    assert topics(0b11) == {"town", "sport"}
    with _statements(database, mailer.database) as asked:
        assert topics(0b10) == {"sport"}
        assert asked == [], "the bits are asked for once"
    with database.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO topic (newsletter_id, bit, key, title) VALUES (1, 2, 'sea', 'Sea')"
        )
    assert topics(0b101) == {"town", "sea"}


class _statements:  # noqa: N801 - reads as a verb where it is used
    """Collect the SQL that databases run while the block does."""

    def __init__(self, *databases: Database) -> None:
        self.databases = databases
        self.asked: list[str] = []

    def _hear(self, *args: object) -> None:
        self.asked.append(str(args[2]))

    def __enter__(self) -> list[str]:
        for each in self.databases:
            sa.event.listen(each.engine, "before_cursor_execute", self._hear)
        return self.asked

    def __exit__(self, *_error: object) -> None:
        for each in self.databases:
            sa.event.remove(each.engine, "before_cursor_execute", self._hear)


def test_only_the_approved_text_becomes_a_letter(paper: Paper) -> None:
    edition = paper.edition(FRIDAY)
    made = paper.composition(FRIDAY)
    assert made is not None
    with paper.app.database.write() as connection:
        connection.execute(sa.update(compositions.composition).values(subject="Another"))
    with pytest.raises(CompositionError, match="is not the one that was approved"):
        paper.app.mailer.wire_for(edition.id)
    with paper.app.database.write() as connection:
        connection.execute(sa.delete(compositions.composition))
    with pytest.raises(CompositionError, match="is not the one that was approved"):
        paper.app.mailer.wire_for(edition.id)


def test_all_languages_are_approved_together_and_each_reader_gets_one(
    paper_on_both: Paper,
) -> None:
    paper = paper_on_both
    edition, made = paper.edition(FRIDAY), paper.composition(FRIDAY)
    assert made is not None
    german = replace(made, language="de", subject="Auf Deutsch")
    with paper.app.database.write() as connection:
        compositions.revoke_approvals(connection, edition.id, at=paper.watch.at)
        compositions.save_compositions(connection, [made, german], at=paper.watch.at)
    with pytest.raises(CompositionError, match="is not the one that was approved"):
        paper.app.mailer.wire_for(edition.id)
    both = set_hash([made, german])
    with paper.app.database.write() as connection:
        compositions.save_approval(
            connection,
            edition.id,
            revision=made.revision,
            set_hash=both,
            by=DESK,
            at=paper.watch.at,
        )
    wire = paper.app.mailer.wire_for(edition.id)
    values = paper.app.mailer.values_for(edition, _recipient(paper))[1]
    subjects = [_parsed(wire.message(values, tag))["Subject"] for tag in ("", "en", "de", "de-CH")]
    assert subjects == [made.subject, made.subject, "Auf Deutsch", "Auf Deutsch"]
    with paper.app.database.write() as connection:
        spoken = compositions.composition.c.language == "de"
        altered = sa.update(compositions.composition).where(spoken).values(text="Buy this")
        connection.execute(altered)
    with pytest.raises(CompositionError, match="is not the one that was approved"):
        paper.app.mailer.wire_for(edition.id)


def test_two_readers_of_one_edition_get_it_each_in_their_language(
    database: Database, tmp_path: Path
) -> None:
    daily = a_newsletter(release="auto", languages=["de"])
    paper = open_paper(
        tmp_path, "2026-01-08 12:00", database=url_of(database), newsletters={"daily": daily}
    )
    paper.reader(ANN)
    paper.reader(BOB)
    with database.write() as connection:
        same = readers.subscriber.c.address_key == BOB
        connection.execute(sa.update(readers.subscriber).where(same).values(language="de-CH"))
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    paper.go("2026-01-09 07:00")
    _send(paper, MaildirTransport(tmp_path / "mailboxes"))
    assert paper.tally(FRIDAY) == Tally(accepted=2)
    paper.app.close()
    for address, language, since in ((ANN, "en", "8 January"), (BOB, "de", "8. Januar")):
        (stored,) = (tmp_path / "mailboxes" / address / "new").iterdir()
        message = stored.read_bytes()
        assert faults_of(message) == []
        html = _parsed(message).get_body(("html",))
        assert html is not None
        assert f'<html lang="{language}"' in html.get_content()
        assert f"{since} 2026" in html.get_content()


def test_a_text_changed_while_it_is_being_sent_goes_to_nobody_else(paper_on_both: Paper) -> None:
    paper = paper_on_both
    paper.go("2026-01-09 07:00")
    with paper.app.database.write() as connection:
        connection.execute(sa.update(compositions.composition).values(html="<p>Buy this</p>"))
    transport = ScriptedTransport()
    sent = _send(paper, transport)
    assert transport.tried == []
    assert sent.problem == f"send: {FRIDAY}: its text is not the one that was approved"
    assert paper.tally(FRIDAY) == Tally(planned=2)


def test_who_leaves_between_plan_and_send_gets_nothing(paper_on_both: Paper) -> None:
    paper = paper_on_both
    edition = paper.edition(FRIDAY)
    values = paper.app.mailer.values_for(edition, _recipient(paper))[1]
    paper.go("2026-01-09 07:00")
    assert paper.tally(FRIDAY) == Tally(planned=2)
    token = values.unsubscribe_url.rpartition("/")[2]
    act = Act(paper.watch.at, "one-click")
    unsubscribe(paper.app.database, token, act, keys=paper.app.keys)
    transport = ScriptedTransport()
    _send(paper, transport)
    assert transport.accepted == [BOB]
    assert paper.tally(FRIDAY) == Tally(accepted=1, skipped=1)


def test_a_letter_of_a_newsletter_that_left_the_settings_is_named_by_its_slug(
    paper: Paper,
) -> None:
    mailer = replace(paper.app.mailer, names={})
    values = mailer.values_for(paper.edition(FRIDAY), _recipient(paper))[1]
    mail = _parsed(mailer.wire_for(paper.edition(FRIDAY).id).message(values))
    assert mail["List-Id"] == "daily <daily.letters.post.example>"


def _as_written(new: NewNotice) -> Notice:
    return Notice(
        id=7,
        dedupe_key=new.dedupe_key,
        kind=new.kind,
        to_address=new.to_address,
        facts=new.facts,
        attempts=0,
        created_at=new.next_at,
    )


def test_a_confirmation_as_signup_writes_it(paper_on_both: Paper) -> None:
    paper = paper_on_both
    paper.watch.at = moment("2026-01-09 08:00")
    subscribe(
        paper.app.database,
        "Carol@Reader.Example",
        [1],
        Act(paper.watch.at, "form"),
        keys=paper.app.keys,
        newsletter_names=paper.app.mailer.names,
        confirm_link=lambda token: f"https://letters.post.example/confirm/{token}",
    )
    (asked,) = [n for n in paper.notices() if n.kind is NoticeKind.CONFIRM]
    envelope, message = paper.app.mailer.notice(asked)
    mail = _parsed(message)
    assert envelope == Envelope(
        "news@letters.post.example", "Carol@reader.example", mail["Message-ID"]
    )
    assert mail["To"] == "Carol@reader.example"
    assert mail["Subject"] == "Please confirm: The Morning Post"
    text = mail.get_body(("plain",))
    assert text is not None
    assert str(asked.facts["confirm_url"]) in text.get_content()
    assert paper.app.mailer.notice(asked)[0] == envelope, "a second try has the same Message-ID"


def test_a_welcome_can_be_stopped_by_one_click(paper: Paper) -> None:
    (draft,) = [n for n in paper.notices() if n.facts.get("event") == "draft"]
    link = "https://letters.post.example/u/abc"
    facts: dict[str, object] = {
        "newsletter": ["The Morning Post"],
        "address": ANN,
        "unsubscribe_url": link,
        "preferences_url": "https://letters.post.example/p/abc",
    }
    welcome = replace(draft, kind=NoticeKind.WELCOME, to_address=ANN, facts=facts)
    message = paper.app.mailer.notice(welcome)[1]
    mail = _parsed(message)
    assert mail["List-Unsubscribe"] == f"<{link}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert faults_of(message) == []
    assert _parsed(paper.app.mailer.notice(draft)[1])["List-Unsubscribe"] is None


def test_what_the_editors_are_told(paper: Paper) -> None:
    (draft,) = [n for n in paper.notices() if n.facts.get("event") == "draft"]
    envelope, message = paper.app.mailer.notice(draft)
    assert envelope.recipient == DESK
    mail = _parsed(message)
    made = paper.composition(FRIDAY)
    assert made is not None
    assert mail["Subject"] == f"Draft of {FRIDAY}: {made.subject}"
    text = mail.get_body(("plain",))
    assert text is not None
    words = " ".join(text.get_content().split())
    assert all(headline in words for headline in paper.headlines(FRIDAY))


def test_what_the_operators_are_told(paper: Paper) -> None:
    (new,) = operators_notices(
        [ADMIN],
        key="sending",
        what="sending is paused",
        detail="relay: refused\r\nBcc: all@reader.example",
        remedy="It is tried again.",
        now=paper.watch.at,
    )
    envelope, message = paper.app.mailer.notice(_as_written(new))
    mail = _parsed(message)
    assert envelope.recipient == ADMIN
    assert mail["Subject"] == "Needs you: sending is paused"
    assert mail["Bcc"] is None
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Feedback-ID"].startswith("notices::operators:")
    assert faults_of(message) == []


def test_a_notice_speaks_the_language_its_facts_name(paper: Paper) -> None:
    (draft,) = [n for n in paper.notices() if n.facts.get("event") == "draft"]
    told = {**draft.facts, "language": "de-AT"}
    message = paper.app.mailer.notice(replace(draft, facts=told))[1]
    assert faults_of(message) == []
    html = _parsed(message).get_body(("html",))
    assert html is not None
    assert '<html lang="de-AT"' in html.get_content()


def test_a_notice_goes_to_an_address_outside_ascii_too(paper: Paper) -> None:
    (draft,) = [n for n in paper.notices() if n.facts.get("event") == "draft"]
    envelope, message = paper.app.mailer.notice(replace(draft, to_address="zoë@post.example"))
    assert (envelope.recipient, envelope.smtputf8) == ("zoë@post.example", True)
    assert "\r\nTo: zoë@post.example\r\n".encode() in message


def test_staging_mails_people_of_the_settings_whatever_the_database_says(paper: Paper) -> None:
    mailer = replace(paper.app.mailer, only=frozenset({TESTER, DESK}))
    with pytest.raises(CompositionError, match="staging: only test readers are mailed"):
        mailer.values_for(paper.edition(FRIDAY), _recipient(paper))
    tester = replace(_recipient(paper), address="Tester@Post.example")
    assert mailer.values_for(paper.edition(FRIDAY), tester)[0].recipient == "Tester@Post.example"
    (draft,) = [n for n in paper.notices() if n.facts.get("event") == "draft"]
    assert mailer.notice(draft)[0].recipient == DESK
    with pytest.raises(CompositionError, match="staging: only test readers are mailed"):
        mailer.notice(replace(draft, to_address=ANN))


def _only_sport(paper: Paper, address: str) -> None:
    edition = paper.edition(FRIDAY)
    reader = _recipient(paper, address)
    with paper.app.database.write() as connection:
        bits = editions.topic_bits(connection, edition.newsletter_id)
        connection.execute(
            sa.update(readers.subscription)
            .where(readers.subscription.c.subscriber_id == reader.subscriber_id)
            .values(topic_mask=1 << bits["sport"])
        )


def test_a_reader_whose_topics_leave_too_few_stories_is_skipped_with_that_reason(
    paper_on_both: Paper,
) -> None:
    paper = paper_on_both
    _only_sport(paper, ANN)
    paper.go("2026-01-09 07:00")
    edition = paper.edition(FRIDAY)
    sent = paper.app.deliver(edition, progress=lambda _done: None)
    assert (sent.accepted, sent.skipped, sent.failed) == (1, 1, 0)
    assert paper.app.reasons(edition) == [
        (DeliveryState.SKIPPED, 0, "their topics leave 2 stories, 3 needed", 1)
    ]
    assert paper.editions() == {FRIDAY: "sent"}
