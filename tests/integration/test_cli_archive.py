from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.cli_site import SiteFolder, make_site

READERS = ("ann@reader.example", "bob@reader.example")


@pytest.fixture
def site(tmp_path: Path) -> SiteFolder:
    return make_site(tmp_path)


def test_an_edition_is_taken_out_of_the_archive_and_put_back(site: SiteFolder) -> None:
    address = site.prepared()
    site.well("subscribers", "add", *READERS)
    site.well("approve", "daily")
    site.well("send", "daily")
    take_out = ("archive", "unpublish", address, "--reason", "It named a child")
    assert site.well(*take_out).out == (
        f"{address} is out of the archive. Back again: digest archive publish\n{address}\n"
    )
    assert site.well(*take_out, "--json").facts["changed"] is False
    assert site.well("archive", "publish", address).out == f"{address} is in the archive again.\n"


def test_what_nobody_has_is_in_no_archive(site: SiteFolder) -> None:
    address = site.prepared()
    refused = site.digest("archive", "unpublish", address, "--reason", "Too early")
    assert refused.code == 1
    assert refused.err.splitlines() == [
        f"digest: unpublish: {address}: it is in review and has no page: nobody has it",
        f"  To drop it: digest skip {address}",
    ]


def test_a_reason_is_needed(site: SiteFolder) -> None:
    address = site.prepared()
    assert site.digest("archive", "unpublish", address).code == 2
