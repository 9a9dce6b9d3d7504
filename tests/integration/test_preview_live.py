"""Files that are saved while a preview is open: watched, told, and read again."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Iterator
from pathlib import Path

import pytest

from digest.app import open_app
from digest.cli.sight import Sight
from digest.config import load
from digest.errors import CompositionError, SettingsError
from digest.web.preview_live import Changes, watching
from digest.web.preview_problem import problem_of
from digest.web.preview_wish import Wish
from tests.integration.cli_site import SiteFolder, make_site

_PATIENCE = 30.0


@pytest.fixture
def sight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Sight, SiteFolder]]:
    """A sight of a site with a folder of its own templates."""
    site = make_site(tmp_path / "site")
    (site.folder / "templates").mkdir()
    site.edit("postal_address =", 'templates = "templates"\npostal_address =')
    site.well("collect")
    monkeypatch.chdir(site.folder)
    config = site.folder / "digest.toml"
    app = open_app(load(config), read_only=True)
    found = Sight(app, config=config)
    yield found, site
    found.close()
    app.close()


def test_what_is_saved_in_watched_folders_and_files_is_told_and_nothing_else_is(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "templates"
    (folder / "daily").mkdir(parents=True)
    config = tmp_path / "digest.toml"
    config.write_text("a = 1")
    told: queue.Queue[frozenset[Path]] = queue.Queue()
    with watching([folder, tmp_path / "gone"], [config], changed=told.put) as is_watched:
        assert is_watched
        # A watch begins in its own thread: what is saved before it is not seen, so save again.
        found: set[Path] = set()
        wanted = {folder / "daily/body.mjml", config}
        for n in range(600):
            if wanted <= found:
                break
            (folder / "daily/body.mjml").write_text(f"{n}")
            (folder / "daily/.body.mjml.swp").write_text(f"{n}")
            (tmp_path / "other.toml").write_text(f"{n}")
            draft = tmp_path / "draft"
            draft.write_text(f"a = {n}")
            draft.replace(config)  # as editors save
            try:
                found |= told.get(timeout=_PATIENCE / 600)
            except queue.Empty:
                continue
    assert found == wanted


def test_pages_hear_the_count_at_once_and_several_changes_as_one() -> None:
    changes = Changes()

    async def listen() -> list[str]:
        stream = changes.stream()
        heard = [await anext(stream)]
        changes.tell()
        changes.tell()
        heard.append(await anext(stream))
        await stream.aclose()  # type: ignore[attr-defined]
        changes.tell()
        return heard

    assert asyncio.run(listen()) == ["retry: 500\ndata: 0\n\n", "data: 2\n\n"]
    assert changes.count == 3


def test_settings_are_read_again_when_they_are_saved_and_a_slip_stays_due(
    sight: tuple[Sight, SiteFolder],
) -> None:
    found, site = sight
    config = site.folder / "digest.toml"
    assert found.look(Wish()).site.name == "Harbour Post"
    site.edit('"Harbour Post"', '"Quay Times"')
    assert found.look(Wish()).site.name == "Harbour Post", "nobody said that it was saved"
    found.saved([site.folder / "other.txt"])
    assert found.look(Wish()).site.name == "Harbour Post"
    found.saved([config])
    assert found.look(Wish()).site.name == "Quay Times"
    site.edit('"Quay Times"', "Quay")
    found.saved([config])
    for _ in range(2):
        with pytest.raises(SettingsError, match="is not valid TOML"):
            found.look(Wish())
    site.edit("Quay\n", '"Quay Post"\n')
    assert found.look(Wish()).site.name == "Quay Post"


def test_a_catalog_that_is_saved_is_spoken_at_the_next_look(
    sight: tuple[Sight, SiteFolder],
) -> None:
    found, site = sight
    path = site.folder / "templates/locale/en/LC_MESSAGES/digest.po"
    path.parent.mkdir(parents=True)
    before = found.look(Wish()).preview.copies[0].text
    assert "TOP STORIES" in before
    path.write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
        'msgid "Top stories"\nmsgstr "What matters"\n',
        "utf-8",
    )
    found.saved([path])
    assert "WHAT MATTERS" in found.look(Wish()).preview.copies[0].text


def test_the_text_of_what_is_broken_can_be_read(sight: tuple[Sight, SiteFolder]) -> None:
    found, _ = sight
    assert "[site]" in (found.read("digest.toml") or "")
    assert "mj" in (found.read("house/daily/body.mjml") or "")
    assert found.read("nothing/body.mjml") is None


def test_a_problem_names_file_line_and_the_lines_around_it() -> None:
    text = "\n".join(f"line {n}" for n in range(1, 20))
    error = CompositionError("it is wrong", template="daily/body.mjml", line=2, hint="Mend it.")
    problem = problem_of(error, read=lambda _name: text, good_at=None)
    assert (problem.file, problem.line, problem.hint) == ("daily/body.mjml", 2, "Mend it.")
    assert problem.excerpt == tuple((n, f"line {n}") for n in range(1, 6))
    slip = SettingsError("settings: digest.toml is not valid TOML:", problems=("line 7: no",))
    problem = problem_of(slip, read=lambda _name: text, good_at=None)
    assert (problem.file, problem.line, len(problem.excerpt)) == ("digest.toml", 7, 7)
    unknown = problem_of(OSError(5, "disk"), read=lambda _name: None, good_at=None)
    assert unknown.sentence == "The edition cannot be looked at now (OSError)"
