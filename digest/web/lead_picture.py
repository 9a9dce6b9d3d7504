"""Pure. The picture that stands for a letter where it is shared: the first that is no logo."""

from __future__ import annotations

import re

from digest.composition.model import Composition, Site

_PICTURE = re.compile(r"/images/([0-9a-f]{64}\.(?:jpg|png))")


def lead_picture(letter: Composition, site: Site) -> str:
    """Give the name of a letter's first picture among ours; "" without one."""
    logo = site.logo
    marks = {url.rpartition("/")[2] for url in (logo.url, logo.dark_url) if url} if logo else set()
    pictures = (name for name in _PICTURE.findall(letter.html) if name not in marks)
    return next(pictures, "")
