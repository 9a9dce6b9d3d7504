"""Door to the page templates: a name and its values in, an answer out."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from babel import Locale, UnknownLocaleError
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from digest.composition.language import Language
from digest.composition.names import apart
from digest.resources import data_folder
from digest.web.assets import StaticFiles
from digest.web.context import WebContext
from digest.web.forms import HONEYPOT
from digest.web.security import add_headers
from digest.web.speech import choose_language


@dataclass(frozen=True, slots=True)
class Tongue:
    """A language the pages can be had in, by the name its own readers give it."""

    tag: str
    name: str
    direction: str


class Pages:
    """The pages of one site, in its look."""

    def __init__(self, context: WebContext, static: StaticFiles) -> None:
        """Prepare the templates: the publisher's own first, then ours."""
        folders = [*context.template_folders, data_folder("templates") / "web"]
        # True for every name: Starlette's own choice leaves names such as page.html.j2 unescaped.
        self.context = context
        self.environment = Environment(
            loader=FileSystemLoader(folders),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        tongues = [self._tongue(tag) for tag in context.tongues]
        self.environment.globals.update(
            site=context.site,
            base=context.base,
            version=static.version,
            ours=self._ours,
            tongues=tongues if len(tongues) > 1 else [],
        )

    def _ours(self, url: str) -> str:
        """Give the path of a picture of ours: letters name it whole, pages may load no other."""
        return f"{self.context.base}{url.removeprefix(self.context.site.public_url)}"

    def language(self, request: Request, *, reader: str | None = None, asked: str = "") -> Language:
        """Choose what to speak to whoever sent this.

        `reader` is the language of their letters, `asked` what their form was written in.
        """
        if asked:  # an answer to an error has no form any more, and speaks as the form did
            request.state.asked = asked
        asked = asked or getattr(request.state, "asked", "")
        tag = choose_language(
            self.context.tongues,
            asked=request.query_params.get("language", "") or asked,
            reader=reader,
            accepted=request.headers.get("accept-language", ""),
        )
        return self.context.languages.of(tag)

    def show(
        self, name: str, *, language: Language | None = None, status: int = 200, **values: Any
    ) -> Response:
        """Render `templates/web/<name>.html` in a language, else in the site's.

        Templates say `_("For %(address)s", address=…)` and `ngettext("# story", "# stories", n)`:
        what is put in is escaped and held apart, unless it is markup of the template's own.
        `apart(words)` is for words beside others where no `<bdi>` may stand, as in a title.
        """
        spoken = language or self.context.languages.of(self.context.tongues[0])
        # Between pages a choice of language is kept by the links themselves: there is no cookie.
        query = f"?language={spoken.tag}" if len(self.context.tongues) > 1 else ""
        rtl = spoken.direction == "rtl"
        html = self.environment.get_template(f"{name}.html").render(
            values, language=spoken, rtl=rtl, in_language=query, **_words(spoken)
        )
        response = HTMLResponse(html, status_code=status)
        # Also here: the answer to a crash is sent from outside the middleware.
        add_headers(response.headers)
        return response

    def problem(
        self,
        status: int,
        title: str,
        *sentences: str,
        again: bool = False,
        language: Language | None = None,
    ) -> Response:
        """Say what went wrong and what to do; `again` offers the form to subscribe."""
        values = {"title": title, "sentences": sentences, "again": again}
        return self.show("problem", status=status, language=language, **values)

    def find(
        self,
        language: Language,
        *,
        damaged: bool = False,
        typed: str = "",
        problem: str = "",
        status: int = HTTPStatus.OK,
    ) -> Response:
        """Ask for an address, to mail it a fresh link: after a damaged one, or a lost letter."""
        return self.show(
            "find",
            language=language,
            status=status,
            damaged=damaged,
            typed=typed.replace("\0", ""),
            problem=problem,
            honeypot=HONEYPOT,
        )

    def damaged_link(self, language: Language | None = None) -> Response:
        """Answer a forged, cut or changed link: the same words for all of them."""
        spoken = language or self.context.languages.of(self.context.tongues[0])
        return self.find(spoken, damaged=True, status=HTTPStatus.NOT_FOUND)

    def _tongue(self, tag: str) -> Tongue:
        language = self.context.languages.of(tag)
        try:
            locale = Locale.parse(tag.replace("-", "_"))
            name = str(locale.get_display_name(locale) or tag)
        except (UnknownLocaleError, ValueError):
            name = tag
        return Tongue(tag, name[:1].upper() + name[1:], language.direction)


def _words(language: Language) -> dict[str, object]:
    """Give what templates say their words with."""

    def say(words: str, /, **values: object) -> Markup:
        said = Markup.escape(language.say(words))
        return said % {name: held(value) for name, value in values.items()} if values else said

    def held(value: object) -> object:
        if isinstance(value, Markup) or not isinstance(value, str):
            return value
        return apart(value, language)

    def count(one: str, many: str, number: int) -> Markup:
        return Markup.escape(language.count(one, many, number))

    return {"_": say, "ngettext": count, "apart": held}
