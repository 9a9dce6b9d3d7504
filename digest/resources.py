"""Door to the installed files: templates and migrations, beside the package or in the checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def data_folder(name: str) -> Path:
    """Find `templates` or `alembic`.

    A wheel carries them in `digest/_data`; a checkout has them beside the package. The order
    matters: an editable install leaves a stale copy elsewhere, which this never looks at.
    Raises RuntimeError when the installation is broken.
    """
    for base in (_PACKAGE / "_data", _PACKAGE.parent):
        folder = base / name
        if folder.is_dir():
            return folder
    raise RuntimeError(f"{name!r} is missing from this installation: {_PACKAGE}")
