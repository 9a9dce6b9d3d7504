"""Pure. Words of links that say nothing about where they lead, by language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

VAGUE: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "en": frozenset(
            {
                *("click here", "click", "here", "read more", "more", "learn more", "see more"),
                *("link", "this link", "this", "details", "more details", "continue", "go"),
                *("continue reading", "full story", "read full story", "find out more", "info"),
                *("more info", "more information", "view more", "read on", "read", "tap here"),
            }
        ),
        "es": frozenset(
            {
                *("aquí", "haz clic aquí", "haga clic aquí", "clic aquí", "pulse aquí", "más"),
                *("leer más", "ver más", "saber más", "más información", "enlace", "seguir"),
                *("seguir leyendo", "continuar", "continuar leyendo", "leer", "este enlace"),
            }
        ),
        "fr": frozenset(
            {
                *("ici", "cliquez ici", "cliquer ici", "lire la suite", "lire plus", "la suite"),
                *("en savoir plus", "plus", "voir plus", "suite", "lien", "ce lien", "continuer"),
                *("plus d’informations", "plus d'informations", "lire", "plus d’infos"),
            }
        ),
        "de": frozenset(
            {
                *("hier", "hier klicken", "klicken sie hier", "klick hier", "mehr", "weiter"),
                *("mehr lesen", "weiterlesen", "mehr erfahren", "mehr dazu", "link", "lesen"),
                *("dieser link", "details", "mehr infos", "mehr informationen", "zum artikel"),
            }
        ),
        "ar": frozenset(
            {
                *("هنا", "اضغط هنا", "انقر هنا", "المزيد", "اقرأ المزيد", "للمزيد", "إقرأ المزيد"),
                *("التفاصيل", "تابع القراءة", "رابط", "الرابط", "هذا الرابط", "اعرف المزيد"),
            }
        ),
    }
)

_ENDS = re.compile(r"^[\W_]+|[\W_]+$")


def is_vague(words: str, language: str) -> bool:
    """Tell whether a link's words say nothing, in this language (BCP 47) or in English."""
    said = _ENDS.sub("", " ".join(words.split())).casefold()
    spoken = language.partition("-")[0].lower()
    return any(said in VAGUE.get(tag, ()) for tag in (spoken, "en"))
