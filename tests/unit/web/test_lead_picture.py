from __future__ import annotations

from dataclasses import replace

from digest.composition.model import Composition, Logo, Site
from digest.web.lead_picture import lead_picture

PLACE = "https://letters.post.example/images"
LOGO, LEAD, OTHER = (f"{letter * 64}.jpg" for letter in "abc")
SITE = Site(
    name="Harbour Post",
    url="https://post.example",
    public_url="https://letters.post.example",
    language="en",
    zone="Europe/London",
    postal_address="12 Quay Street",
    reply_to="",
    logo=Logo(f"{PLACE}/{LOGO}", 100, 20),
)


def _letter(*names: str) -> Composition:
    html = "".join(f'<img src="{PLACE}/{name}">' for name in names)
    return Composition(1, "en", 1, "Ferry", "", html, "", "n", "0" * 64)


def test_the_first_picture_that_is_no_logo_stands_for_a_letter() -> None:
    assert lead_picture(_letter(LOGO, LEAD, OTHER), SITE) == LEAD
    assert lead_picture(_letter(LOGO, LEAD), replace(SITE, logo=None)) == LOGO


def test_a_letter_without_pictures_has_none() -> None:
    assert lead_picture(_letter(LOGO), SITE) == ""
    assert lead_picture(_letter("story.gif"), SITE) == ""
