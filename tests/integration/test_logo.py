"""The publisher's logo: what is taken, what it becomes, and what is said of the others."""

from __future__ import annotations

import io
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from digest.clock import fixed
from digest.composition.images import PNG
from digest.composition.logo import Brand, MadeLogo, keep_logo, make_logo, read_logos
from digest.composition.model import Logo
from digest.composition.store import load_image
from digest.db import Database
from digest.errors import CompositionError

NOW = datetime(2026, 1, 9, 6, 30, tzinfo=UTC)
PUBLIC = "https://letters.harbourpost.example"
LOST = (
    "site.brand.logo: dark on a transparent ground: in dark mode it is hardly seen; give a light"
    " one as site.brand.logo_dark"
)

WASHED_OUT = (
    "site.brand.logo: light on a transparent ground: on white paper it is hardly seen; give a dark"
    " one, and this as site.brand.logo_dark"
)


def a_logo(
    folder: Path,
    name: str = "logo.png",
    *,
    size: tuple[int, int] = (400, 200),
    ink: tuple[int, ...] = (20, 20, 20, 255),
    ground: tuple[int, ...] = (0, 0, 0, 0),
) -> Path:
    picture = Image.new("RGBA", size, ground)
    ImageDraw.Draw(picture).rectangle((0, 0, size[0] // 2, size[1]), fill=ink)
    path = folder / name
    if name.endswith("png"):
        picture.save(path)
    else:
        picture.convert("RGB").save(path, "JPEG")
    return path


def opened(made: MadeLogo) -> Image.Image:
    return Image.open(io.BytesIO(made.image.content))


def kept(database: Database, logo: Path | None, dark: Path | None = None) -> Brand:
    return keep_logo(database, logo, dark, public_url=PUBLIC, clock=fixed(NOW))


@pytest.mark.parametrize(
    ("size", "shown", "pixels"),
    [
        ((400, 200), (80, 40), (160, 80)),
        ((2000, 200), (240, 24), (480, 48)),
        ((100, 50), (80, 40), (100, 50)),
        ((50, 400), (5, 40), (10, 80)),
        ((3000, 4), (240, 1), (480, 2)),
    ],
)
def test_a_logo_is_twice_the_size_it_is_shown_at_and_never_blown_up(
    tmp_path: Path, size: tuple[int, int], shown: tuple[int, int], pixels: tuple[int, int]
) -> None:
    made = make_logo(a_logo(tmp_path, size=size), "logo")
    assert (made.width, made.height) == shown
    assert opened(made).size == pixels


def test_a_png_keeps_its_transparent_ground_and_a_jpeg_stays_one(tmp_path: Path) -> None:
    png = make_logo(a_logo(tmp_path), "logo")
    assert (png.image.media_type, opened(png).mode) == (PNG, "RGBA")
    assert opened(png).getpixel((159, 40)) == (0, 0, 0, 0)
    jpeg = make_logo(a_logo(tmp_path, "logo.jpg"), "logo")
    assert (jpeg.image.name[-4:], opened(jpeg).format) == (".jpg", "JPEG")


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"<svg xmlns='x'/>", "it is SVG, which mail programs do not show"),
        (b"", "it is empty"),
        (b"GIF89a, they say", "it is neither PNG nor JPEG"),
        (b"x" * (5 * 1024 * 1024 + 1), "it has more than 5 MB"),
        (None, "it cannot be read (No such file or directory)"),
    ],
)
def test_what_is_no_logo_is_refused_with_a_remedy(
    tmp_path: Path, content: bytes | None, cause: str
) -> None:
    path = tmp_path / "logo.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CompositionError) as caught:
        make_logo(path, "logo_dark")
    assert str(caught.value) == f"site.brand.logo_dark: logo.png: {cause}"
    assert caught.value.hint.startswith("Export the logo as a PNG")


def test_a_logo_cut_short_moving_or_huge_is_refused(tmp_path: Path) -> None:
    whole = a_logo(tmp_path).read_bytes()
    cut, moving, huge = (tmp_path / name for name in ("cut.png", "moving.png", "huge.png"))
    cut.write_bytes(whole[: len(whole) // 2])
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue")]
    frames[0].save(moving, "PNG", save_all=True, append_images=frames[1:])
    Image.new("1", (5000, 4001)).save(huge)
    bomb = tmp_path / "bomb.png"
    Image.new("1", (14_000, 14_000)).save(bomb)
    causes = {cut: "is broken", moving: "it moves", huge: "5000 x 4001 pixels", bomb: "too much"}
    for path, cause in causes.items():
        with pytest.raises(CompositionError, match=cause):
            make_logo(path, "logo")


def test_a_logo_is_kept_like_other_pictures_and_once(database: Database, tmp_path: Path) -> None:
    light, dark = a_logo(tmp_path), a_logo(tmp_path, "dark.png", ink=(250, 250, 250, 255))
    first = kept(database, light, dark)
    made = make_logo(light, "logo"), make_logo(dark, "logo_dark")
    urls = [f"{PUBLIC}/images/{each.image.name}" for each in made]
    assert first == Brand(Logo(urls[0], 80, 40, urls[1]))
    assert kept(database, light, dark) == first
    with database.read() as connection:
        assert load_image(connection, made[0].image.hash) == (PNG, made[0].image.content)
        assert load_image(connection, made[1].image.hash) == (PNG, made[1].image.content)


def test_another_logo_takes_the_place_and_the_old_one_stays_for_old_letters(
    sqlite_database: Database, tmp_path: Path
) -> None:
    old = make_logo(a_logo(tmp_path), "logo")
    kept(sqlite_database, tmp_path / "logo.png")
    new = make_logo(a_logo(tmp_path, ink=(200, 0, 0, 255)), "logo")
    found = kept(sqlite_database, tmp_path / "logo.png").logo
    assert found is not None
    assert found.url.endswith(new.image.name)
    with sqlite_database.read() as connection:
        assert load_image(connection, old.image.hash)
        assert load_image(connection, new.image.hash)


def test_letters_go_without_a_logo_that_cannot_be_used_and_it_is_told(
    sqlite_database: Database, tmp_path: Path
) -> None:
    broken = tmp_path / "logo.svg"
    broken.write_bytes(b"<svg/>")
    (told,) = kept(sqlite_database, broken).told
    assert told.startswith("site.brand.logo: logo.svg: it is SVG, which mail programs do not show:")
    assert kept(sqlite_database, broken).logo is None
    good = kept(sqlite_database, a_logo(tmp_path, ink=(200, 200, 200, 255)), broken)
    assert good.logo is not None
    assert good.logo.dark_url == ""
    assert [each.partition(":")[0] for each in good.told] == ["site.brand.logo_dark"]


@pytest.mark.parametrize(
    ("ink", "ground", "told"),
    [
        ((20, 20, 20, 255), (0, 0, 0, 0), (LOST,)),
        ((11, 79, 138, 255), (0, 0, 0, 0), (LOST,)),
        ((240, 240, 240, 255), (0, 0, 0, 0), (WASHED_OUT,)),
        ((255, 204, 0, 255), (0, 0, 0, 0), ()),
        ((230, 120, 20, 255), (0, 0, 0, 0), ()),
        ((240, 240, 240, 255), (255, 255, 255, 255), ()),
        ((20, 20, 20, 255), (255, 255, 255, 255), ()),
        ((0, 0, 0, 0), (0, 0, 0, 0), ()),
    ],
)
def test_a_logo_that_its_ground_swallows_is_told(
    tmp_path: Path, ink: tuple[int, ...], ground: tuple[int, ...], told: tuple[str, ...]
) -> None:
    assert read_logos(a_logo(tmp_path, ink=ink, ground=ground), None).told == told


def test_a_dark_logo_answers_that_and_is_nothing_alone(tmp_path: Path) -> None:
    light, dark = a_logo(tmp_path), a_logo(tmp_path, "dark.png", ink=(255, 255, 255, 255))
    assert read_logos(light, dark).told == ()
    assert read_logos(None, dark).told == (
        "site.brand.logo_dark: without site.brand.logo it is not shown",
    )
    assert read_logos(None, None).told == ()
    assert read_logos(light, light).told == (
        (
            "site.brand.logo_dark: dark on a transparent ground: in dark mode it is hardly seen;"
            " give a light one"
        ),
    )


def test_a_low_logo_is_told_to_look_soft(tmp_path: Path) -> None:
    low = a_logo(tmp_path, "logo.jpg", size=(200, 99))
    assert read_logos(low, None).told == (
        "site.brand.logo: 99 pixels high: it looks soft on phones; give one of 100 or more",
    )


def test_a_logo_that_would_be_waited_for_is_told(tmp_path: Path) -> None:
    path = tmp_path / "logo.png"
    os.mkfifo(path)
    (told,) = read_logos(path, None).told
    assert told.startswith("site.brand.logo: logo.png: it is no file: letters go without it.")
