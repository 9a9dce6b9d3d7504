"""Door: can a picture from elsewhere be a logo? It is tried as a file, as the settings would."""

from __future__ import annotations

import tempfile
from pathlib import Path

from digest.composition.logo import SHOWN_HEIGHT, make_logo
from digest.errors import CompositionError


def is_logo(content: bytes) -> bool:
    """Tell whether a letter can show a picture: a PNG or JPEG, large enough, and seen on white."""
    with tempfile.TemporaryDirectory(prefix="digest-logo-") as folder:
        path = Path(folder, "logo")
        path.write_bytes(content)
        try:
            made = make_logo(path, "logo")
        except CompositionError:
            return False
    return made.source_height >= SHOWN_HEIGHT and not made.is_lost_on_light
