"""Pure. Twenty-five readers who do not exist, all at reader.example."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class DemoReader:
    """A reader of the demo: a name, an address that no mail can reach, and when they asked."""

    name: str
    address: str
    since: date


READERS = tuple(
    DemoReader(name, f"{mailbox}@reader.example", date.fromisoformat(since))
    for name, mailbox, since in (
        ("Agnes Whitlow", "agnes", "2023-03-14"),
        ("Bartholomew Finch-Hatherleigh", "b.finch-hatherleigh", "2023-09-02"),
        ("Zoë Amaral", "zoe", "2024-01-08"),
        ("Iain MacAskaig", "iain.macaskaig", "2024-02-29"),
        ("Siân Prydderch", "sian", "2024-05-17"),
        ("Tunde Marlow", "tunde", "2024-06-21"),
        ("Łucja Wrońska", "lucja", "2024-08-11"),
        ("Dr Harriet Moss", "harriet.moss", "2024-10-01"),
        ("Jürgen Bächle", "juergen", "2024-11-30"),
        ("Ng Wei Lin", "weilin", "2025-01-06"),
        ("Maeve O’Dowd", "maeve", "2025-01-19"),
        ("Søren Lykke", "soren", "2025-02-14"),
        ("Priya Nandakumar", "priya", "2025-03-03"),
        ("Old Tom Sallow", "tom.sallow", "2025-03-30"),
        ("Élodie Marchand", "elodie", "2025-04-22"),
        ("Nikos Παππάς", "nikos", "2025-05-05"),
        ("Florence Adeyinka", "florence", "2025-06-18"),
        ("高橋 由美", "yumi", "2025-07-07"),
        ("Rhys ap Gwilym", "rhys", "2025-08-25"),
        ("Amira Haddad", "amira", "2025-09-09"),
        ("Patience Orme", "patience+post", "2025-10-26"),
        ("Maria Quill", "maria", "2025-11-03"),
        ("Dmytro Kovalchyn", "dmytro", "2025-12-01"),
        ("The Reading Room, Gull Island", "reading-room", "2025-12-24"),
        ("Joel Danby", "joel", "2026-01-02"),
    )
)
"""In the order in which they asked."""
