"""digest templates: begin one of your own, try all of them, look at them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.cli_site import SiteFolder, make_site

FOOT = '{% extends "house/daily/body.mjml" %}\n{% block foot %}\n'


@pytest.fixture
def site(tmp_path: Path) -> SiteFolder:
    return make_site(tmp_path / "site")


def with_folder(site: SiteFolder, **files: str) -> None:
    """Give the site templates of its own: `daily__body_mjml` is daily/body.mjml."""
    for name, content in files.items():
        folder, _, file = name.partition("__")
        path = site.folder / "templates" / folder / file.replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    site.edit("[web]", 'templates = "templates"\n[web]')


# New


def test_one_block_is_begun_with_its_present_text_and_the_next_steps(site: SiteFolder) -> None:
    ran = site.well("templates", "new", "daily", "--block", "foot")
    assert (
        ran.out
        == """\
  ok    templates/daily/body.mjml

Next
  In digest.toml, below [site]: templates = "templates"
  Edit the block; {{ super() }} in it stands for ours as it is.
  digest templates check    try it with every language and awful words
  digest templates gallery  look at it
"""
    )
    text = (site.folder / "templates/daily/body.mjml").read_text("utf-8")
    assert text.startswith(FOOT)
    assert "slots.value('unsubscribe')" in text
    assert text.endswith("{% endblock %}\n")


def test_a_whole_letter_is_copied_with_its_three_files(site: SiteFolder) -> None:
    facts = site.well("templates", "new", "single", "--json").facts
    folder = site.folder / "templates"
    assert facts == {
        "folder": str(folder),
        "written": [str(folder / f"single/{n}") for n in ("body.mjml", "body.txt", "subject.txt")],
        "block": None,
        "is_set": False,
    }
    assert all(Path(path).read_text("utf-8") for path in facts["written"])


def test_what_is_begun_is_ours_until_it_is_edited(site: SiteFolder) -> None:
    site.well("templates", "new", "daily/body.mjml", "--block", "foot")
    with_folder(site)
    facts = site.well("templates", "check", "--json").facts
    assert [each["template"] for each in facts["templates"] if not each["ok"]] == []


def test_nothing_is_overwritten_not_even_a_part(site: SiteFolder) -> None:
    with_folder(site, daily__body_txt="mine")
    ran = site.digest("templates", "new", "daily")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(
        "digest: template: templates/daily/body.txt: already there; nothing was written\n"
    )
    assert (site.folder / "templates/daily/body.txt").read_text() == "mine"
    assert not (site.folder / "templates/daily/body.mjml").exists()


def test_the_folder_of_the_settings_is_used_and_not_told_again(site: SiteFolder) -> None:
    with_folder(site, daily__subject_txt="mine")
    assert "below [site]" not in site.well("templates", "new", "weekly/subject.txt").out
    assert (site.folder / "templates/weekly/subject.txt").is_file()


@pytest.mark.parametrize(
    ("words", "sentence", "hint"),
    [
        (["dayly"], "we have none of that name (did you mean 'daily'?)", "There are: "),
        (["../daily"], "we have none of that name", "There are: "),
        (["daily/body.mjlm"], "(did you mean 'daily/body.mjml'?)", "There are: "),
        (["daily", "--block", "fot"], "no block 'fot' (did you mean 'foot'?)", "Its blocks: "),
        (["daily/subject.txt", "--block", "x"], "it has no block 'x'", "Its blocks: none."),
    ],
)
def test_what_there_is_not_is_told_with_what_there_is(
    site: SiteFolder, words: list[str], sentence: str, hint: str
) -> None:
    ran = site.digest("templates", "new", *words)
    assert (ran.code, ran.out) == (1, "")
    assert sentence in ran.err
    assert hint in ran.err
    assert not (site.folder / "templates").exists()


# Check


def test_our_own_templates_pass_with_every_sample_in_every_language(site: SiteFolder) -> None:
    ran = site.digest("templates", "check")
    assert [line for line in ran.out.splitlines() if "FAIL" in line] == []
    assert ran.code == 0
    assert "  ok    daily        20 letters made\n" in ran.out


def test_a_fault_is_told_with_template_line_and_what_is_known(site: SiteFolder) -> None:
    with_folder(
        site,
        daily__subject_txt="{{ letter.subjet }}",
        single__body_mjml=FOOT.replace("daily", "single") + "<p>\n{% endblock %}",
        dayly__body_txt="x",
        noon__subject_txt="Noon: {{ letter.subject }}",
        noon__body_mjml='{% extends "house/daily/body.mjml" %}',
        noon__body_txt='{% extends "noon/part.txt" %}',
        noon__part_txt='{% extends "house/daily/body.txt" %}',
    )
    ran = site.digest("templates", "check", "--json")
    assert ran.code == 1
    found = {each["template"]: each for each in ran.facts["templates"]}
    wrong = found["daily"]
    assert (wrong["file"], wrong["line"], wrong["language"]) == ("daily/subject.txt", 1, "en")
    assert wrong["sample"] == "usual"
    assert "there is no 'subjet' in Letter (did you mean 'subject'?); it has: " in wrong["problem"]
    assert "<p> is open" in found["single"]["problem"]
    assert found["noon"] == {"template": "noon", "ok": True, "tried": 20}
    assert found["weekly"]["ok"]
    assert ran.facts["unused"] == ["dayly/body.txt"]
    shown = site.digest("templates", "check")
    assert shown.code == 1
    assert "  FAIL  daily (en, usual): template: daily/subject.txt, line 1: " in shown.out
    assert "  note  dayly/body.txt: it takes the place of nothing" in shown.out
    assert [line for line in shown.out.splitlines() if len(line) > 80] == []


# Gallery


def test_the_gallery_shows_every_template_in_every_language(site: SiteFolder) -> None:
    ran = site.well("templates", "gallery", "--out", "shown")
    assert ran.out.endswith(" letters: open shown/index.html in a browser\n")
    folder = site.folder / "shown"
    page = (folder / "index.html").read_text("utf-8")
    assert page.count("<iframe ") == 4 * (page.count("<section "))
    assert "<script" not in page
    dark = (folder / "daily-ar-dark.html").read_text("utf-8")
    assert 'dir="rtl"' in dark
    assert "prefers-color-scheme" not in dark
    assert 'src="images/harbour-lead.jpg"' in dark
    assert (folder / "images/harbour-lead.jpg").read_bytes()[:3] == b"\xff\xd8\xff"


def test_the_gallery_says_what_it_cannot_show_and_shows_the_rest(site: SiteFolder) -> None:
    with_folder(site, daily__subject_txt="{{ lettr }}")
    ran = site.digest("templates", "gallery", "--json")
    assert ran.code == 1
    assert len(ran.facts["problems"]) == 5
    page = Path(ran.facts["page"]).read_text("utf-8")
    assert '<p class="problem">daily (en): template: daily/subject.txt, line 1' in page
    assert 'id="weekly-de"' in page
    assert "FAIL  daily (en)" in site.digest("templates", "gallery").out


def test_the_gallery_shows_the_brand(site: SiteFolder) -> None:
    from PIL import Image  # noqa: PLC0415 - here alone

    site.edit("[web]", 'brand = { accent = "#8A1C1C", logo = "a.png", logo_dark = "b.png" }\n[web]')
    for name, ink in (("a.png", (0, 0, 0, 255)), ("b.png", (255, 255, 255, 255))):
        Image.new("RGBA", (200, 100), ink).save(site.folder / name)
    folder = site.folder / "var/gallery"
    site.well("templates", "gallery")
    assert "#8A1C1C" in (folder / "daily-en-light.html").read_text("utf-8")
    assert len(list((folder / "images").glob("*.png"))) == 2
