"""Pictures through Pillow: real files of many kinds, and what is no picture."""

from __future__ import annotations

import hashlib
import io

import pytest
from PIL import Image, ImageCms
from PIL.ExifTags import Base

from digest.composition.images import SHAPES, MadeImage, make_shot
from digest.errors import CompositionError

RED, BLUE, WHITE = (254, 0, 0), (0, 0, 254), (255, 255, 255)


def encoded(picture: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def plain(size: tuple[int, int] = (1600, 1200), *, mode: str = "RGB") -> Image.Image:
    return Image.new(mode, size)


def opened(made: MadeImage) -> Image.Image:
    return Image.open(io.BytesIO(made.content))


def noise_of(length: int) -> bytes:
    return hashlib.shake_256(b"noise").digest(length)


def colours_of(made: MadeImage) -> Image.Image:
    """Give its colours, whether it became a photograph or a drawing."""
    return opened(made).convert("RGB")


def near(colour: object, expected: tuple[int, int, int]) -> bool:
    assert isinstance(colour, tuple)
    return all(abs(one - other) < 12 for one, other in zip(colour, expected, strict=True))


@pytest.mark.parametrize(("shape", "size"), [("lead", (1200, 675)), ("thumb", (320, 240))])
def test_a_picture_becomes_a_jpeg_of_its_shape_named_by_its_content(
    shape: str, size: tuple[int, int]
) -> None:
    made = make_shot(encoded(plain()), shape)
    picture = opened(made)
    assert (picture.format, picture.size) == ("JPEG", size)
    assert (made.width, made.height, made.media_type) == (*size, "image/jpeg")
    assert made.hash == hashlib.sha256(made.content).hexdigest()
    assert make_shot(encoded(plain()), shape) == made


@pytest.mark.parametrize("shape", ["lead", "thumb"])
def test_even_noise_fits_its_bytes(shape: str) -> None:
    noise = Image.frombytes("RGB", (1500, 1000), noise_of(1500 * 1000 * 3))
    made = make_shot(encoded(noise, "PNG"), shape)
    assert len(made.content) <= SHAPES[shape].most_bytes
    assert abs(made.width / made.height - SHAPES[shape].size[0] / SHAPES[shape].size[1]) < 0.02


def test_noise_too_fine_for_any_quality_gets_smaller() -> None:
    noise = Image.frombytes("L", (1200, 675), noise_of(1200 * 675))
    loud = noise.point(lambda level: 255 if level > 127 else 0).convert("RGB")
    made = make_shot(encoded(loud, quality=95), "lead")
    assert len(made.content) <= 200_000
    assert made.width < 1200


def test_the_middle_is_kept() -> None:
    picture = Image.new("RGB", (3000, 675), BLUE)
    picture.paste(RED, (900, 0, 2100, 675))
    colours = opened(make_shot(encoded(picture, quality=95), "lead"))
    assert near(colours.getpixel((20, 300)), RED)
    assert near(colours.getpixel((1180, 300)), RED)


def test_a_small_picture_is_not_blown_up() -> None:
    made = make_shot(encoded(plain((400, 400))), "lead")
    assert (made.width, made.height) == (400, 225)


def test_a_photograph_stands_upright_and_loses_its_metadata() -> None:
    sideways = Image.new("RGB", (1200, 1600), BLUE)
    sideways.paste(RED, (0, 0, 600, 1600))
    exif = Image.Exif()
    exif[Base.Orientation] = 6  # turn right: what was left comes on top
    exif[Base.Artist] = "A person"
    made = make_shot(encoded(sideways, exif=exif, quality=95, comment=b"secret"), "lead")
    picture = opened(made)
    assert near(picture.getpixel((600, 30)), RED)
    assert near(picture.getpixel((600, 640)), BLUE)
    assert not picture.getexif()
    assert b"A person" not in made.content
    assert b"secret" not in made.content


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF"])
def test_other_formats_are_read(kind: str) -> None:
    assert make_shot(encoded(plain(), kind), "thumb").width == 320


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "I;16", "CMYK", "I", "F", "RGBA"])
def test_all_kinds_of_pixels_are_read(mode: str) -> None:
    assert make_shot(encoded(plain(mode=mode), "TIFF"), "thumb").width == 320


def test_what_is_transparent_becomes_white() -> None:
    clear = Image.new("RGBA", (800, 600), (255, 0, 0, 0))
    assert near(colours_of(make_shot(encoded(clear, "PNG"), "thumb")).getpixel((5, 5)), WHITE)


def test_grey_of_sixteen_bits_keeps_its_tone() -> None:
    grey = Image.new("I;16", (800, 600), 32768)
    made = colours_of(make_shot(encoded(grey, "PNG"), "thumb"))
    assert near(made.getpixel((5, 5)), (128, 128, 128))


def test_a_colour_profile_is_applied_and_a_broken_one_passed_over() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (lab, b"broken"):
        content = encoded(Image.new("RGB", (800, 600), RED), icc_profile=profile, quality=95)
        made = make_shot(content, "thumb")
        assert near(colours_of(made).getpixel((5, 5)), RED)
        assert "icc_profile" not in opened(made).info


def moving(kind: str) -> bytes:
    frames = [Image.new("RGB", (800, 600), colour) for colour in (RED, BLUE)]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:])


def test_a_cameras_second_view_is_no_animation() -> None:
    made = make_shot(moving("MPO"), "thumb")
    assert near(colours_of(made).getpixel((5, 5)), RED)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "it is empty"),
        (b"no picture", "it is no picture that we can read"),
        (b"<?xml version='1.0'?><svg xmlns='x'/>", "it is SVG, which mail programs do not show"),
        (b"<!DOCTYPE html><html>", "it is a web page, not a picture"),
        (b"\xff\xd8\xff\xe0 cut off", "the file is broken"),
        (encoded(plain())[:2000], "the file is broken"),
        (encoded(plain((1, 1)), "GIF"), "1 x 1 pixels are too few"),
        (encoded(plain((299, 500))), "299 x 500 pixels are too few"),
        (moving("GIF"), "it moves"),
        (moving("WEBP"), "it moves"),
        (encoded(plain((9000, 9000), mode="1"), "PNG"), "9000 x 9000 pixels are too many"),
        (encoded(plain((10500, 10500), mode="1"), "PNG"), "it unpacks to too many pixels"),
        (encoded(plain((14000, 14000), mode="1"), "PNG"), "it unpacks to too many pixels"),
        (b"\xff" * (20 * 1024 * 1024 + 1), "it has more than 20 MB"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_used_is_told(content: bytes, cause: str) -> None:
    with pytest.raises(CompositionError) as caught:
        make_shot(content, "lead")
    assert str(caught.value) == f"picture: cannot be used: {cause}"
    assert caught.value.hint


def a_chart(kind: str) -> bytes:
    chart = Image.new("RGB", (1600, 900), "white")
    for n, colour in enumerate(("navy", "teal", "gold", "maroon")):
        chart.paste(colour, (200 + 300 * n, 800 - 150 * n, 400 + 300 * n, 850))
    return encoded(chart, kind)


def test_a_drawing_stays_sharp_as_png_and_is_smaller_than_the_photograph_of_it() -> None:
    made = make_shot(a_chart("PNG"), "lead")
    photograph = make_shot(a_chart("JPEG"), "lead")
    assert (made.media_type, opened(made).format, opened(made).size) == (
        "image/png",
        "PNG",
        (1200, 675),
    )
    assert made.name == f"{made.hash}.png"
    assert photograph.name == f"{photograph.hash}.jpg"
    assert len(made.content) < len(photograph.content)
    assert near(colours_of(made).getpixel((10, 10)), WHITE)


def test_a_picture_is_cut_around_what_is_in_it() -> None:
    picture = Image.new("RGB", (2400, 675), (120, 120, 130))
    picture.paste(Image.frombytes("RGB", (500, 500), noise_of(750_000)), (60, 80))
    kept = colours_of(make_shot(encoded(picture, quality=90), "lead")).convert("L")
    assert kept.getbbox() == (0, 0, 1200, 675)
    assert _contrast(kept.crop((100, 100, 500, 500))) > 150
    assert _contrast(kept.crop((900, 0, 1200, 675))) < 20


def _contrast(grey: Image.Image) -> int:
    levels = [level for level, count in enumerate(grey.histogram()) if count]
    return levels[-1] - levels[0]
