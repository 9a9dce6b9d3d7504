"""Door to the style sheets, scripts and icon, read once: nobody can ask for another file."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from digest.composition.model import Site
from digest.web.brand import brand_css

_FOLDER = Path(__file__).resolve().parent / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_YEAR = "public, max-age=31536000, immutable"
_SHORT = "public, max-age=300"


class StaticFiles:
    """The files under /static/, with the publisher's accent as one of them."""

    def __init__(self, site: Site) -> None:
        """Read the files; `version` changes whenever one of them does."""
        paths = sorted(path for path in _FOLDER.rglob("*") if path.is_file())
        files = {path.name: path.read_bytes() for path in paths}
        sheet = brand_css(site.accent, site.accent_dark, typeface=site.typeface)
        files["brand.css"] = sheet.encode()
        self.files: Mapping[str, bytes] = files
        self._packed = {name: gzip.compress(content, mtime=0) for name, content in files.items()}
        whole = b"".join(name.encode() + content for name, content in files.items())
        self.version = hashlib.sha256(whole).hexdigest()[:12]

    def serve(self, request: Request) -> Response:
        """GET /static/{name}: kept for a year by whoever asks with the version."""
        name = request.path_params["name"]
        return self._file(request, name)

    def icon(self, request: Request) -> Response:
        """GET /favicon.ico: for who looks for it before reading a page."""
        return self._file(request, "icon.svg")

    def _file(self, request: Request, name: str) -> Response:
        content = self.files.get(name)
        media_type = _TYPES.get(Path(name).suffix)
        if content is None or media_type is None:
            raise HTTPException(404)
        current = request.query_params.get("v") == self.version
        headers = {"Cache-Control": _YEAR if current else _SHORT}
        if "gzip" in request.headers.get("accept-encoding", ""):
            content = self._packed[name]
            headers["Content-Encoding"] = "gzip"
        headers["Vary"] = "Accept-Encoding"
        return Response(content, media_type=media_type, headers=headers)
