"""Letters for the tests of the demo's inbox."""

from __future__ import annotations

import hashlib
from email.message import EmailMessage
from pathlib import Path

HTML = (
    "<!doctype html><html><head><title>The Morning Post</title><style>p{color:#111}</style></head>"
    "<body><div>Also: scallops by the tonne.&#847;&zwnj;&nbsp;&#8199;&#65279;</div>"
    '<p>Good morning.</p><a href="http://127.0.0.1:8025/e/1">Read</a></body></html>'
)


def letter(
    *,
    to: str = "agnes@reader.example",
    subject: str = "Fish market saved",
    html: str | None = HTML,
    text: str = "Good morning.\n",
    date: str = "Fri, 09 Jan 2026 07:00:00 +0000",
) -> bytes:
    """Write one message as it would be mailed."""
    message = EmailMessage()
    message["From"] = "Harbour Post <news@harbourpost.example>"
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = date
    message["List-Unsubscribe"] = "<http://127.0.0.1:8025/u/abc>"
    message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    return message.as_bytes()


def put(
    root: Path, message: bytes, *, folder: str = "agnes@reader.example", part: str = "new",
    name: str = "",
) -> str:  # fmt: skip
    """Lay a message into a reader's folder; give the id it is found by."""
    name = name or hashlib.sha256(message).hexdigest()
    (root / folder / part).mkdir(parents=True, exist_ok=True)
    (root / folder / part / name).write_bytes(message)
    return name.partition(":")[0]
