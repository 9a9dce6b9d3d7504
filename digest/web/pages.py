"""Door to the page templates: a name and its values in, an answer out."""

from __future__ import annotations

from http import HTTPStatus

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from digest.resources import data_folder
from digest.web.assets import StaticFiles
from digest.web.context import WebContext
from digest.web.security import add_headers


class Pages:
    """The pages of one site, in its look."""

    def __init__(self, context: WebContext, static: StaticFiles) -> None:
        """Prepare the templates: the publisher's own first, then ours."""
        folders = [*context.template_folders, data_folder("templates") / "web"]
        # True for every name: Starlette's own choice leaves names such as page.html.j2 unescaped.
        self.environment = Environment(
            loader=FileSystemLoader(folders),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.environment.globals.update(
            site=context.site, base=context.base, version=static.version
        )

    def show(self, name: str, *, status: int = 200, **values: object) -> Response:
        """Render `templates/web/<name>.html`."""
        html = self.environment.get_template(f"{name}.html").render(values)
        response = HTMLResponse(html, status_code=status)
        # Also here: the answer to a crash is sent from outside the middleware.
        add_headers(response.headers)
        return response

    def problem(self, status: int, title: str, *sentences: str, again: bool = False) -> Response:
        """Say what went wrong and what to do; `again` offers the form to subscribe."""
        return self.show("problem", status=status, title=title, sentences=sentences, again=again)

    def damaged_link(self) -> Response:
        """Answer a forged, cut or changed link: the same words for all of them."""
        return self.problem(
            HTTPStatus.NOT_FOUND,
            "This link is damaged",
            "Copy it whole from the letter, from https:// to its last character, "
            "and open it again.",
            "If that does not help, write to us and we will do it for you.",
        )
