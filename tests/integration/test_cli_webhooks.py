from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import tomli_w

from tests.integration.cli_site import SiteFolder, make_site
from tests.integration.hook_listener import Listener, listening

ALLOW = tomli_w.dumps({"webhooks": {"allow": ["127.0.0.0/8"]}})


@pytest.fixture
def site(tmp_path: Path) -> SiteFolder:
    made = make_site(tmp_path / "site")
    path = made.folder / "digest.toml"
    path.write_text(f"{path.read_text('utf-8')}\n{ALLOW}", "utf-8")
    return made


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


def _add(site: SiteFolder, listener: Listener) -> str:
    words = ("webhooks", "add", listener.url(), "--event", "edition.sent")
    added: str = site.well(*words, "--json").facts["id"]
    return added


def test_a_webhook_is_added_shown_tried_and_removed(site: SiteFolder, listener: Listener) -> None:
    lines = site.well("webhooks", "add", listener.url(), "--event", "edition.sent").out.splitlines()
    assert lines[0].startswith("whsec_")
    hook = lines[-1].split()[-1]
    assert lines[1:] == [
        "Keep it where only the program that is called can read it: it is not shown",
        "again.",
        f"{hook} is told of: edition.sent.",
        f"Try it with: digest webhooks test {hook}",
    ]
    listed = site.well("webhooks", "list").out
    assert lines[0] not in listed
    assert listed.splitlines() == [
        f"{hook}  active, last taken: never, 0 waiting, 0 given up",
        f"  {listener.url()}",
        "  edition.sent",
    ]
    assert site.well("webhooks", "test", hook).out == "It took it.\n"
    assert listener.events == ["webhook.test"]
    site.well("webhooks", "remove", hook)
    assert site.well("webhooks", "list").out.startswith("Nobody is called.")


def test_a_webhook_that_takes_nothing_is_told_with_its_answer(
    site: SiteFolder, listener: Listener
) -> None:
    hook = _add(site, listener)
    listener.status = 500
    tried = site.digest("webhooks", "test", hook)
    assert (tried.code, tried.out) == (1, "It did not take it: refused, 500.\n")


def test_a_new_secret_is_another_one_and_shown_once(site: SiteFolder, listener: Listener) -> None:
    hook = _add(site, listener)
    first, second = (site.well("webhooks", "rotate", hook).out.splitlines()[0] for _ in range(2))
    assert first.startswith("whsec_")
    assert first != second


def test_nothing_happened_yet_and_nothing_waits(site: SiteFolder, listener: Listener) -> None:
    hook = _add(site, listener)
    assert site.well("webhooks", "log", hook).out == (
        "Nothing has happened yet that it is told of.\n"
    )
    assert site.well("webhooks", "retry", listener.url(), "--json").facts == {
        "id": hook,
        "calls": 0,
    }


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://crm.example/hook", "not an address that can be called"),
        ("http://crm.example/hook", "what is told there could be read on the way"),
        ("http://10.1.2.3/hook", "what is told there could be read on the way"),
    ],
)
def test_an_address_that_cannot_be_called_is_refused(site: SiteFolder, url: str, said: str) -> None:
    refused = site.digest("webhooks", "add", url, "--event", "edition.sent")
    assert (refused.code, said in refused.err) == (2, True), refused


def test_a_webhook_that_is_not_there_is_told(site: SiteFolder) -> None:
    refused = site.digest("webhooks", "test", "abc")
    assert (refused.code, refused.err.splitlines()[0]) == (
        1,
        "digest: webhooks: 'abc': there is no such webhook",
    )
