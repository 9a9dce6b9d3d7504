"""The data of caniemail.com as it is vendored, and how it is made small."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from digest.checks.caniemail import DATA, knowledge, read_knowledge
from digest.checks.caniemail_vendored import compact, main, unread, written
from digest.checks.extras import EXTRAS

_RAW: dict[str, Any] = {
    "last_update_date": "2026-05-13 14:45:41 +0000",
    "nicenames": {"family": {"gmail": "Gmail"}, "platform": {"ios": "iOS"}},
    "data": [
        {
            "slug": "css-gap",
            "title": "gap, column-gap, row-gap",
            "stats": {"gmail": {"ios": {"2016": "y", "16.80": "n #1"}}, "hey": {"web": {}}},
        },
        {"slug": "html-video", "title": "<video> element", "stats": {"gmail": {"ios": {"1": "a"}}}},
        {"slug": "amp", "title": "AMP for Email", "stats": {}},
        {"slug": "css-new", "title": "Something, new", "stats": {}},
    ],
}


def test_the_data_is_made_small_and_the_newest_version_counts() -> None:
    data = compact(_RAW)
    assert data["clients"] == ["gmail.ios", "hey.web"]
    assert data["features"] == [
        ["css-gap", "gap, column-gap, row-gap", "property", ["gap", "column-gap", "row-gap"], "nu"],
        ["html-video", "<video> element", "element", ["video"], "au"],
        ["css-new", "Something, new", "", [], "uu"],
    ]
    assert data["tested_on"] == "2026-05-13"
    assert data["licence"].startswith("MIT License. Copyright")
    assert json.loads(written(data)) == data


def test_the_command_writes_the_data_and_names_what_it_cannot_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data.json").write_text(json.dumps(_RAW), "utf-8")
    assert main([str(tmp_path / "data.json"), str(tmp_path / "ours.json")]) == 0
    assert json.loads((tmp_path / "ours.json").read_text("utf-8")) == compact(_RAW)
    assert capsys.readouterr().err.splitlines() == [
        "caniemail: css-new: add to _SAID how a page shows that it uses it",
        "caniemail: 3 features, tested until 2026-05-13",
    ]


def test_a_feature_of_a_new_kind_is_named() -> None:
    assert unread(_RAW) == ["css-new"]


def test_who_lacks_a_feature_is_told_by_family_and_platform() -> None:
    known = read_knowledge(compact(_RAW))
    gap, video = known.used("property", "row-gap")[0], known.used("element", "video")[0]
    assert known.lacking(gap, ["gmail"]) == {"gmail": ("ios",)}
    assert known.lacking(gap, ["gmail.ios", "hey"]) == {"gmail": ("ios",)}
    assert known.lacking(gap, ["hey"]) == {}
    assert known.lacking(video, ["gmail"]) == {}
    assert gap.url == "https://www.caniemail.com/features/css-gap/"


def test_what_is_vendored_has_its_day_its_licence_and_every_feature() -> None:
    known = knowledge()
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", known.tested_on)
    assert "HTeuMeuLeu" in json.loads(DATA.read_text("utf-8"))["licence"]
    assert len(known.features) > 300
    assert [each.slug for each in known.features if not each.names] == []
    assert {len(each.support) for each in known.features} == {len(known.clients)}
    assert {letter for each in known.features for letter in each.support} <= set("yanu")


def test_every_extra_is_a_feature_and_has_its_reason() -> None:
    slugs = {each.slug for each in knowledge().features}
    assert sorted(set(EXTRAS) - slugs) == []
    assert [slug for slug, extra in EXTRAS.items() if len(extra.reason) < 20] == []
