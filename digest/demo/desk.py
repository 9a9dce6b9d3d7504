"""Lets whoever tries the demo come in at its desk."""

from __future__ import annotations

from digest.app import App
from digest.people import user_store
from digest.people.model import Role
from digest.people.sign_in import hand_link
from digest.people.users import add
from subscribers.address import read_address

EDITOR = "desk@harbourpost.example"
"""Who is told of drafts in the demo's settings: their mail is in the demo's inbox, too."""

_ACTOR = "demo"


def way_in(app: App) -> str:
    """Add the demo's editor, who may do everything, and give an address that signs in once."""
    now, address = app.clock(), read_address(EDITOR)
    with app.database.write() as connection:
        who = user_store.find_user(connection, address_key=address.key) or add(
            connection,
            address.mailed,
            address.key,
            role=Role.ADMIN,
            name="Alma Penn",
            actor=_ACTOR,
            at=now,
        )
        public_url = app.newsroom.site.public_url
        return hand_link(
            connection,
            who,
            url=lambda token: f"{public_url}/desk/sign-in/{token}",
            actor=_ACTOR,
            now=now,
        )
