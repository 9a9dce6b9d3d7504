"""The desk of a paper, and somebody at it: signed in as the product does it, without the mail."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape

import httpx2
from starlette.testclient import TestClient

from digest.app import App
from digest.people import sessions, user_store, users
from digest.people.model import How, Role, SignedIn
from digest.web.desk.guarding import mark_of
from digest.web.mount import pages_of
from subscribers.address import read_address

ORIGIN = "https://letters.post.example"
"""Where the papers of the tests have their pages: `web.public_url`."""
ALMA = "alma.penn@post.example"


@dataclass
class AtDesk:
    """A browser at the desk; `client` has the cookie, `me` is whose it is."""

    app: App
    client: TestClient
    me: SignedIn | None = field(default=None)

    def get(self, path: str = "", **headers: str) -> httpx2.Response:
        return self.client.get(_whole(path), follow_redirects=False, headers=headers)

    def post(
        self, path: str, data: Mapping[str, str | list[str]] | None = None, **headers: str
    ) -> httpx2.Response:
        """Send a form as the page at this desk does: with its mark and its origin."""
        fields = {"csrf": self.csrf, **(data or {})} if self.me else dict(data or {})
        headers = {"Origin": ORIGIN, **headers}
        return self.client.post(_whole(path), data=fields, headers=headers, follow_redirects=False)

    def part(self, path: str, data: Mapping[str, str | list[str]] | None = None) -> httpx2.Response:
        """Send a form as htmx does."""
        return self.post(path, data, **{"HX-Request": "true"})

    @property
    def csrf(self) -> str:
        """The mark that the forms of this session carry."""
        assert self.me is not None
        return mark_of(self.app.newsroom.secret, self.me.session.public_id)


def at_desk(
    app: App, role: Role | None = Role.ADMIN, *, address: str = ALMA, name: str = ""
) -> AtDesk:
    """Open the desk of an installation; with a role, somebody of that role is signed in."""
    client = TestClient(pages_of(app), base_url=ORIGIN, raise_server_exceptions=False)
    desk = AtDesk(app, client)
    if role is not None:
        sign_in(desk, role, address=address, name=name)
    return desk


def sign_in(desk: AtDesk, role: Role, *, address: str = ALMA, name: str = "") -> None:
    """Let somebody in who is added where nobody has this address yet."""
    app, now, read = desk.app, desk.app.clock(), read_address(address)
    with app.database.write() as connection:
        found = user_store.find_user(connection, address_key=read.key) or users.add(
            connection, read.mailed, read.key, role=role, name=name, actor="test", at=now
        )
        begun = sessions.begin(connection, found, how=How.LINK, device="A test", at=now)
    desk.me = begun.me
    desk.client.cookies.set("__Host-desk", begun.token)


def text_of(response: httpx2.Response) -> str:
    """Give what a page says, without its marks."""
    body = re.sub(r"(?s)<head>.*?</head>|<script.*?</script>", " ", response.text)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body))).strip()


def _whole(path: str) -> str:
    if path.startswith("/"):
        return path
    return f"/desk/{path}".rstrip("/") if path else "/desk"
