"""Reading catalogs: ours, and a publisher's before them."""

from __future__ import annotations

import re
from pathlib import Path
from time import perf_counter

import pytest

from digest.composition.catalogs import FILE, Languages, load_languages
from digest.composition.compose import compose
from digest.composition.environment import load_templates
from digest.composition.language import Language
from digest.composition.samples import sample_letter
from digest.errors import CompositionError

TWO_FORMS = r"""msgid ""
msgstr ""
"Plural-Forms: nplurals=2; plural=(n != 1);\n"

"""
DUTCH = (
    TWO_FORMS
    + r"""msgid "Privacy"
msgstr "Privacy, ja"

#, fuzzy
msgid "In brief"
msgstr "In het kort?"

msgid "# story"
msgid_plural "# stories"
msgstr[0] "# verhaal"
msgstr[1] ""
"""
)
STORIES = r"""msgid "# story"
msgid_plural "# stories"
msgstr[0] "# a"
msgstr[1] "# b"
"""


def entry(words: str, said: str) -> str:
    return f'msgid "{words}"\nmsgstr "{said}"\n\n'


def a_folder(at: Path, **catalogs: str) -> Path:
    for tag, content in catalogs.items():
        path = at / "locale" / tag / FILE
        path.parent.mkdir(parents=True)
        path.write_text(content, "utf-8")
    return at


def test_five_languages_come_with_us_and_speak() -> None:
    languages = load_languages()
    assert languages.tags == ("ar", "de", "en", "es", "fr")
    assert {tag: languages.of(tag).say("Privacy") for tag in languages.tags} == {
        "ar": "الخصوصية",
        "de": "Datenschutz",
        "en": "Privacy",
        "es": "Privacidad",
        "fr": "Vie privée",
    }
    stories = [languages.of("ar").count("# story", "# stories", n) for n in (1, 2, 3, 11, 100)]
    assert stories == ["خبر واحد", "خبران", "3 أخبار", "11 خبرًا", "100 خبر"]


def test_a_region_falls_back_to_its_language_and_an_unknown_one_to_english() -> None:
    languages = load_languages()
    assert languages.speaks("de-AT")
    assert not languages.speaks("nl")
    austrian = languages.of("de-AT")
    assert (austrian.tag, austrian.say("Privacy")) == ("de-AT", "Datenschutz")
    assert languages.of("nl") == Language("nl")
    assert languages.of("nl") is languages.of("nl")


def test_a_publishers_catalog_goes_first_and_ours_says_what_it_lacks(tmp_path: Path) -> None:
    folder = a_folder(
        tmp_path,
        de=entry("Privacy", "Vertraulich") + entry("Town", "Stadt"),
        de_AT=entry("Unsubscribe", "Abbestellen"),
        nl=DUTCH,
    )
    languages = load_languages(folder)
    assert languages.tags == ("ar", "de", "de_AT", "en", "es", "fr", "nl")
    said = [languages.of("de-AT").say(words) for words in ("Privacy", "Town", "Unsubscribe")]
    assert said == ["Vertraulich", "Stadt", "Abbestellen"]
    assert languages.of("de").say("Unsubscribe") == "Abmelden"
    assert languages.of("de").count("# story", "# stories", 2) == "2 Artikel"


def test_what_is_unsure_or_half_translated_is_said_in_english(tmp_path: Path) -> None:
    dutch = load_languages(a_folder(tmp_path, nl=DUTCH)).of("nl")
    assert dutch.say("Privacy") == "Privacy, ja"
    assert dutch.say("In brief") == "In brief"
    assert dutch.count("# story", "# stories", 2) == "2 stories"


def test_plural_forms_made_for_another_rule_are_not_mixed_in(tmp_path: Path) -> None:
    folder = a_folder(tmp_path, ar=TWO_FORMS + STORIES, de=STORIES)
    languages = load_languages(folder)
    assert languages.of("ar").count("# story", "# stories", 3) == "3 أخبار"
    assert languages.of("de").count("# story", "# stories", 3) == "3 b"


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ('msgid "a"\nmsgstr "b"\nand so on\n', "digest.po: "),
        (entry("%(name)s", "%(nmae)s"), "cannot be filled in: '%(nmae)s'"),
        (entry("%(name)s", "%(name)s 100%"), "cannot be filled in: '%(name)s 100%'"),
        (TWO_FORMS.replace("n != 1", "n +") + STORIES, "digest.po: "),
        ("\udcff", "digest.po: "),
    ],
)
def test_a_broken_catalog_is_named(tmp_path: Path, content: str, cause: str) -> None:
    path = tmp_path / "locale" / "nl" / FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(CompositionError) as caught:
        load_languages(tmp_path).of("nl").count("# story", "# stories", 1)
    assert str(caught.value).startswith(f"catalog: {path}: ")
    assert cause in str(caught.value)
    assert caught.value.hint


def test_a_folder_with_a_name_that_is_no_language_is_told(tmp_path: Path) -> None:
    languages = Languages([a_folder(tmp_path, **{"x!": entry("a", "b")}) / "locale"])
    with pytest.raises(CompositionError):
        languages.of("x!")


def test_a_catalog_is_read_once_and_fast() -> None:
    began = perf_counter()
    languages = load_languages()
    for tag in languages.tags:
        languages.of(tag)
    # 2 ms each on the machine this was written on.
    assert perf_counter() - began < 0.1 * len(languages.tags)


# Catalogs that would hurt: somebody's file, read by the process that sends


@pytest.mark.parametrize(
    "said", ["%(address)999999999s", "%(address).1s", "%(address)*s", "%(nope)s", "100%", "%s"]
)
def test_a_gap_is_only_filled_never_stretched(tmp_path: Path, said: str) -> None:
    folder = a_folder(tmp_path, pt=TWO_FORMS + entry("We write to %(address)s.", said))
    with pytest.raises(CompositionError, match="its translation cannot be filled in"):
        load_languages(folder).of("pt")


@pytest.mark.parametrize(
    ("rule", "cause"),
    [
        ("n/0", "its plural rule fails for 0"),
        ("n < 3 ? 0 : 1/(n-3)", "its plural rule fails for 3"),
        ("n == 40 ? n%0 : 0", "its plural rule fails for 40"),
        ("n-1000", "its plural rule gives form -1000 for 0"),
        ("n", "its plural rule gives form 2 for 2"),
        ("n > 999999", None),
    ],
)
def test_a_plural_rule_has_a_form_for_every_number(
    tmp_path: Path, rule: str, cause: str | None
) -> None:
    languages = load_languages(a_folder(tmp_path, pt=TWO_FORMS.replace("(n != 1)", rule) + STORIES))
    if cause is None:
        assert languages.of("pt").plural("# story", "# stories").words(2) == "2 a"
        return
    with pytest.raises(CompositionError, match=re.escape(cause)):
        languages.of("pt")


def test_as_many_forms_as_no_language_has_are_refused_before_they_are_made(tmp_path: Path) -> None:
    split = TWO_FORMS.replace("nplurals=2", 'nplu"\n"rals=999999999')
    began = perf_counter()
    for tag, head in (("pt", TWO_FORMS.replace("=2", "=999999999")), ("nl", split)):
        folder = a_folder(tmp_path / tag, **{tag: head + STORIES})
        with pytest.raises(CompositionError, match="it has more than 6 plural forms"):
            load_languages(folder).of(tag)
    assert perf_counter() - began < 2


def test_a_catalog_of_many_megabytes_is_not_read(tmp_path: Path) -> None:
    folder = a_folder(tmp_path, pt=TWO_FORMS + entry("Privacy", "x" * 1_000_000))
    with pytest.raises(CompositionError, match="it has more than 1 MB"):
        load_languages(folder).of("pt")


def test_a_catalog_brings_no_script_into_a_letter(tmp_path: Path) -> None:
    folder = a_folder(tmp_path, de=TWO_FORMS + entry("Privacy", "<script>alert(1)</script>"))
    german = load_languages(folder).of("de")
    with pytest.raises(CompositionError, match="<script> may not stand in a letter"):
        compose(
            sample_letter("daily", german),
            edition_id=7,
            revision=1,
            language=german,
            secret=b"a secret of thirty-two bytes, here",
            environment=load_templates(),
        )
