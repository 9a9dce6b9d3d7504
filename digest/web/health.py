"""Tell machines whether this process lives, and whether it can work."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

import digest
from digest import migrations
from digest.db import Database
from digest.errors import DatabaseError


class Health:
    """The handlers, bound to one database."""

    def __init__(self, database: Database) -> None:
        """Take the database to ask."""
        self.database = database

    async def alive(self, request: Request) -> Response:
        """GET /healthz: the process answers."""
        del request
        return JSONResponse({"status": "ok", "version": digest.__version__})

    def ready(self, request: Request) -> Response:
        """GET /readyz: 200 when the database answers and its schema is the newest, else 503."""
        del request
        try:
            schema = "behind" if migrations.pending(self.database) else "newest"
            database = "ok"
        except DatabaseError:
            database, schema = "unreachable", "unknown"
        good = schema == "newest"
        return JSONResponse(
            {"status": "ok" if good else "not ready", "database": database, "schema": schema},
            status_code=200 if good else 503,
        )
