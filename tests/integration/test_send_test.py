"""An edition to a few people who test it: marked, harmless, audited, and never in the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from digest.db import Database
from digest.errors import AddressError, UsageError, WorkflowError
from digest.people.audit_store import audit_of
from digest.workflow.halt import Person
from digest.workflow.send_test import SentTest, send_test
from subscribers.leaving import suppress
from subscribers.model import Act, SuppressionReason
from tests.builders import TESTER, OpenPaper, Paper, a_newsletter, moment, opening, url_of
from tests.integration.cli_site import Mailbox, mail_server, make_site
from tests.integration.test_preview_workflow import drafted, everything, newsletter_of, slot_of

ANN = Person("Ann", "user:1")


@pytest.fixture
def opened(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    yield from opening(tmp_path, url_of(database))


@pytest.fixture
def paper(opened: OpenPaper) -> Paper:
    """A daily in two languages with four stories, at its cut-off."""
    paper = opened(newsletters={"daily": a_newsletter(release="approve", languages=["es"])})
    paper.news("2026-01-08")
    paper.watch.at = moment("2026-01-09 06:30")
    return paper


def mailed(paper: Paper, *addresses: str, **more: object) -> SentTest:
    app = paper.app
    given = {"what": slot_of(paper), "confirmed": False, "language": "", **more}
    return send_test(
        app.newsroom,
        app.mailer,
        app.ways,
        newsletter_of(paper),
        addresses=addresses,
        test_readers=app.settings.people.test_readers,
        by=ANN,
        **given,  # type: ignore[arg-type]
    )


def mails(folder: Path, address: str) -> list[EmailMessage]:
    """Give what an address got, by subject."""
    box = folder / "mailbox" / address / "new"
    found = [message_from_bytes(each.read_bytes(), policy=policy.default) for each in box.iterdir()]
    return sorted(found, key=lambda mail: str(mail["Subject"]))


def test_each_test_reader_gets_each_language_marked_and_from_nobodys_record(
    paper: Paper, tmp_path: Path
) -> None:
    paper.reader("ann@reader.example")
    before = everything(paper.app.database)
    done = mailed(paper)
    after = everything(paper.app.database)
    assert [(each.address, each.language, each.accepted) for each in done.copies] == [
        (TESTER, "en", True),
        (TESTER, "es", True),
    ]
    found = mails(tmp_path, TESTER)
    assert len(found) == 2
    for mail in found:
        assert str(mail["Subject"]).startswith("[Test] ")
        assert mail["To"] == TESTER
        assert mail["List-Unsubscribe"] == "<https://letters.post.example/u/sample>"
        for part in ("plain", "html"):
            body = mail.get_body((part,))
            assert body is not None
            links = body.get_content().split("https://letters.post.example/")[1:]
            own = {link[:8] for link in links if link[:2] in {"u/", "p/"}}
            assert own <= {"u/sample", "p/sample"}
            assert own
    assert len({mail["Message-ID"] for mail in found}) == 2
    changed = {name for name in after if after[name] != before[name]}
    assert changed <= {"audit", "image", "image_source"}, "never the ledger"
    with paper.app.database.read() as connection:
        (entry,) = audit_of(connection, [done.seen.edition.address])
    assert (entry.actor, entry.verb) == ("user:1", "edition.test")
    assert entry.detail == {
        "by": "Ann",
        "readers": 1,
        "languages": ["en", "es"],
        "revision": 1,
        "set_hash": done.seen.set_hash,
    }


def test_two_tests_are_two_mails_for_whoever_drops_copies(paper: Paper, tmp_path: Path) -> None:
    mailed(paper, language="en")
    paper.watch.at = moment("2026-01-09 06:31")
    mailed(paper, language="en")
    found = mails(tmp_path, TESTER)
    assert len({mail["Message-ID"] for mail in found}) == 2


def test_an_edition_that_is_kept_is_tested_as_it_is_kept(paper: Paper, tmp_path: Path) -> None:
    edition = drafted(paper)
    paper.publish("One more after the cut-off")
    done = mailed(paper, what=edition, language="es")
    assert (done.seen.stored, len(done.copies)) == (True, 1)
    (mail,) = mails(tmp_path, TESTER)
    assert mail["Subject"] == f"[Test] {done.seen.copies[0].composition.subject}"


def test_strangers_get_it_only_when_somebody_says_so(paper: Paper, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"zoe@x\.example: no test reader of the settings"):
        mailed(paper, TESTER, "zoe@x.example")
    assert not (tmp_path / "mailbox").exists(), "nobody got it then"
    done = mailed(paper, "Zoe@X.example", "zoe@x.example", confirmed=True, language="en")
    assert [each.address for each in done.copies] == ["Zoe@x.example"], "each once"


def test_staging_mails_no_stranger_whoever_says_so(opened: OpenPaper) -> None:
    paper = opened(environment="staging")
    paper.news("2026-01-08")
    paper.watch.at = moment("2026-01-09 06:30")
    with pytest.raises(UsageError, match="staging mails only test readers"):
        mailed(paper, "zoe@x.example", confirmed=True)
    assert mailed(paper).copies[0].accepted


def test_who_is_never_mailed_is_not_mailed_for_a_test_either(paper: Paper) -> None:
    act = Act(at=paper.watch.at, source="test", via="test")
    keys = paper.app.keys
    suppress(paper.app.database, TESTER, act, keys=keys, reason=SuppressionReason.COMPLAINED)
    with pytest.raises(UsageError, match="is never mailed: complained"):
        mailed(paper)


def test_what_cannot_be_meant_is_refused_with_a_remedy(paper: Paper) -> None:
    with pytest.raises(UsageError, match="21 addresses are too many, 20 are the most"):
        mailed(paper, *(f"r{n}@x.example" for n in range(21)), confirmed=True)
    with pytest.raises(AddressError):
        mailed(paper, "no address")
    with pytest.raises(UsageError, match="fr: it is not made in that language"):
        mailed(paper, language="fr")


def test_without_an_edition_or_anybody_to_test_it_nothing_goes(opened: OpenPaper) -> None:
    paper = opened(people={"editors": [], "operators": [], "test_readers": []})
    paper.watch.at = moment("2026-01-09 06:30")
    with pytest.raises(UsageError, match="there is nobody to send it to"):
        mailed(paper)
    with pytest.raises(WorkflowError, match="there is no edition: 0 new stories, 3 needed"):
        mailed(paper, "zoe@x.example", confirmed=True)


# As it is typed


def test_by_the_command_it_goes_over_smtp_and_tells_each_answer(tmp_path: Path) -> None:
    mailbox = Mailbox(refuses={"gone@x.example": "550 5.1.1 no such user"})
    with mail_server(mailbox) as way:
        site = make_site(tmp_path / "site", mail=way)
        site.edit("[people]", '[people]\ntest_readers = ["me@x.example", "gone@x.example"]')
        site.well("collect")
        ran = site.digest("send-test", "daily", "--by", "Ann")
        assert ran.code == 1
        assert "1 test copy accepted by 127.0.0.1:" in ran.out
        assert "  ok    me@x.example (en)\n" in ran.out
        assert "  FAIL  gone@x.example (en): 550 5.1.1 no such user\n" in ran.out
        facts = site.well("send-test", "daily", "me@x.example", "--json").facts
        assert [each["state"] for each in facts["copies"]] == ["accepted"]
        ran = site.digest("send-test", "daily", "zoe@x.example")
        assert (ran.code, ran.out) == (2, "")
        assert ran.err == (
            "digest: send-test: zoe@x.example: no test reader of the settings\n"
            "  Name them in [people] test_readers, or say that you mean it: --confirm\n"
        )
    assert mailbox.recipients == ["me@x.example", "me@x.example"]


def test_while_the_server_is_away_the_test_says_so(tmp_path: Path) -> None:
    with mail_server(Mailbox()) as way:
        pass
    site = make_site(tmp_path / "site", mail=way)
    site.well("collect")
    ran = site.digest("send-test", "daily", "me@x.example", "--confirm")
    assert ran.code == 1
    assert "FAIL  me@x.example (en): no way out would take it" in ran.out
