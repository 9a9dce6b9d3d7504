"""Pure. The publisher's own marks on readers, as they are typed and as they are kept."""

from __future__ import annotations

import unicodedata

from digest.errors import UsageError

LONGEST_TAG = 64
_PARTING = frozenset(",;|")
"""They stand between tags in one cell of a file."""


def read_tag(text: str) -> str:
    """Give a tag as it is kept: lower case, blanks single. Raises UsageError."""
    tag = unicodedata.normalize("NFC", " ".join(text.split()).casefold())
    if not tag:
        cause = "it is empty"
    elif len(tag) > LONGEST_TAG:
        cause = f"it is longer than {LONGEST_TAG} characters"
    elif not tag.isprintable() or _PARTING & set(tag):
        cause = "a comma, a semicolon, a bar or an unseen character is in it"
    else:
        return tag
    raise UsageError(
        f"tag: {text[:LONGEST_TAG]!a}: {cause}", hint="Write it as in: member, gift 2026."
    )
