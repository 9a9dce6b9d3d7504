"""A web app manifest: what it tells of a site, however it is written."""

from __future__ import annotations

import json

import pytest

from digest.sources.site_manifest import Manifest, read_manifest

ADDRESS = "https://post.example/files/site.webmanifest"


def _read(value: object) -> Manifest:
    return read_manifest(json.dumps(value).encode(), address=ADDRESS)


def test_name_language_colour_and_icons_are_read_the_largest_first() -> None:
    icons = [
        {"src": "small.png", "sizes": "192x192"},
        {"src": "/large.png", "sizes": "512x512", "type": "image/png"},
        {"src": "drawn.svg", "sizes": "any", "type": "image/svg+xml"},
        {"src": "mask.png", "sizes": "900x900", "purpose": "monochrome"},
    ]

    found = _read({"name": "Harbour Post", "lang": "en", "theme_color": "#0B4F8A", "icons": icons})

    assert found == Manifest(
        "Harbour Post",
        "en",
        "#0B4F8A",
        ("https://post.example/large.png", "https://post.example/files/small.png"),
    )


@pytest.mark.parametrize(
    "content",
    [b"", b"not json", b"[1, 2]", b"[" * 100_000, b'{"name": ' + b" " * 300_000 + b'"x"}', b"\xff"],
)
def test_what_is_no_manifest_tells_nothing(content: bytes) -> None:
    assert read_manifest(content, address=ADDRESS) == Manifest()


@pytest.mark.parametrize(
    "icons", [None, "x", [1, "y", {}], [{"src": "javascript:alert(1)"}], [{"src": 5}]]
)
def test_icons_that_are_none_are_left_out(icons: object) -> None:
    assert _read({"short_name": "Post", "icons": icons}) == Manifest("Post")
