"""Reading catalogs: ours, and a publisher's before them."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import pytest

from digest.composition.catalogs import FILE, Languages, load_languages
from digest.composition.language import Language
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
