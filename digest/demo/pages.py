"""Door to the demo's own page templates and style sheets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from digest.resources import data_folder

_SAFETY = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; media-src 'self'; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page(name: str, facts: Mapping[str, object], status: int = 200) -> HTMLResponse:
    """Write one page of templates/demo, under a policy that runs no script."""
    html = _environment().get_template(name).render(facts)
    return HTMLResponse(html, status, headers={**_SAFETY, "Content-Security-Policy": _POLICY})


def document(
    body: bytes | str, media_type: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Give anything that is no page of ours; browsers are told not to guess what it is."""
    return Response(body, media_type=media_type, headers={**_SAFETY, **(headers or {})})


def style_routes(prefix: str, name: str) -> list[Route]:
    """Serve tokens.css and the sheet `name` (of demo/static) below `prefix`."""
    return [_style_route(prefix, sheet) for sheet in ("tokens.css", name)]


def _style_route(prefix: str, sheet: str) -> Route:
    def serve(_request: Request) -> Response:
        return document(_sheet(sheet), "text/css")

    return Route(f"{prefix}/{sheet}", serve)


@cache
def _sheet(name: str) -> bytes:
    return files("digest.demo").joinpath("static", name).read_bytes()


@cache
def _environment() -> Environment:
    loader = FileSystemLoader(data_folder("templates") / "demo")
    return Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
