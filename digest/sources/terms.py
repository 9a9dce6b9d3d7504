"""Pure. The words that carry a text: what the index keeps of a story, and what headlines share."""

from __future__ import annotations

import re
import unicodedata

_MOST_CHARACTERS = 4_000
_MOST_TERMS = 200
"""Bounds of the index: a headline of 10,000 characters is an attack or an accident."""
_LONGEST_TERM = 64

_LETTER_MARKS = "".join(
    chr(code) for code in range(0x0591, 0x1C00) if unicodedata.category(chr(code)) in {"Mn", "Mc"}
)
"""Vowel signs are part of the word in the scripts of India and around, whatever `\\w` says."""
_PAIRED = "\u3005\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_TRIPLED = "\u0e01-\u0e3a\u0e40-\u0e4e\u0e80-\u0ecd\u1000-\u103f\u1780-\u17d3"
"""Scripts without spaces, of one word in about two letters and in more; longer runs overlap."""
_HIRAGANA = re.compile("[\u3040-\u309f]+")
_SPACED = rf"[^\W_{_PAIRED}{_TRIPLED}]"
_WORD = re.compile(
    rf"(?P<pairs>[{_PAIRED}]+)|(?P<triples>[{_TRIPLED}]+)"
    rf"|\d+(?:[.,]\d+)+|{_SPACED}(?:{_SPACED}|[{_LETTER_MARKS}])*"
)
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_FOLDED_MARKS = re.compile("[\u0300-\u036f\u0640\u064b-\u0655\u0670]")
"""Accents, and the points and the stretching of Arabic: writers and feeds leave them out."""
_INITIALS = re.compile(r"\b[^\W\d_](?:\.[^\W\d_])+\b\.?")
_POSSESSIVE = re.compile(r"(?<=\w)'s\b")
_THOUSANDS = re.compile(r"(?<=\d)[.,](?=\d{3}(?!\d))")
_APOSTROPHES = str.maketrans("\u2018\u2019\u02bc\uff07", "''''")

_STOPWORDS_AS_WRITTEN = {
    "en": """
        a about after again all also am amid among an and any are as at be because been before
        being between both but by can cent could d did didn do does doesn doing don during each for
        from further get gets go goes going gone had has have having he her here hers him his how i
        if in into is isn it its itself just ll made make makes may me might more most my new no
        nor not now of off on once only or other our out over own per re s said same say says she
        should so some such t take takes than that the their them then there these they this those
        through to too under until up ve very via was we were what when where which while who whom
        why will with without would yet you your
        """,
    "es": """
        a al algo ante antes asi aun aunque cada como con contra cual cuando de del desde donde dos
        durante e el ella ellas ellos en entre era eran es esa esas ese eso esos esta estan estar
        estas este esto estos fue fueron ha haber habia han hasta hay la las le les lo los mas me mi
        mientras muy ni no nos o os otra otras otro otros para pero poco por porque que quien se sea
        ser si sin sobre son su sus tambien tan te tiene tienen todo todos tras tu u un una unas uno
        unos y ya yo
        """,
    "fr": """
        a afin ai ainsi alors apres au aucun aussi autre autres aux avant avec avoir c car ce cela
        ces cet cette ceux chez comme contre d dans de depuis des deux donc dont du elle elles en
        encore entre est et etaient etait ete etre eu fait font il ils j je jusqu l la le les leur
        leurs lors lui m mais me meme moins mon n ne ni nos notre nous on ont ou par pas pendant
        peu peut plus pour qu quand que quel quelle qui s sa sans se ses si son sont sous sur t ta
        te tous tout toute toutes tres trop tu un une vers vos votre vous y
        """,
    "de": """
        aber alle allem allen aller alles als also am an auch auf aus bei beim bereits bis da damit
        dann das dass dem den denn der des die dies diese diesem diesen dieser dieses doch dort
        durch ein eine einem einen einer eines er erst es euch fuer für gegen hat hatte hatten
        haben hier ich ihr ihre ihrem ihren ihrer im in ins ist jetzt kann kein keine können mehr
        mit muss nach neu neue neuen neuer neues nicht noch nun nur ob oder ohne sein seine seinem
        seinen seiner sei seit sich sie sind so soll sollen sowie über um und uns unter vom von vor
        war waren warum was weil weiter wenn wer werden wie wieder will wir wird wo wurde wurden zu
        zum zur zwischen
        """,
    "ar": """
        أن إلى إن أو التي الذي الذين اللذين أمام أي أيضا بعد بعض بل بين تم ثم حتى حول حيث خلال دون
        ذلك رغم سوف ضد ضمن عبر عدم على عن عند عندما غير فوق في قال قبل قد كان كانت كل كما لا لدى لكن
        لم لن له لها ليس ما مع من منذ نحو هذا هذه هل هم هناك هو هي و وقد وكان ولا يتم يكون يوم
        """,
}
_ENDINGS = {
    "es": ("amente", "mente", "aciones", "acion", "es", "as", "os", "a", "o", "e", "s"),
    "fr": ("ements", "ement", "ees", "es", "ee", "er", "e", "s", "x"),
    "de": ("ern", "em", "en", "er", "es", "e", "n", "s"),
}
"""Light on purpose: plural, gender, the commonest verb endings. A wrong root joins two stories."""
_SURE_OF_LANGUAGE = 2
_COMMONEST = "en"
_LEAST_ROOT = 4
_SHORTEST_ROOT = 3
_VOWELS = "aeiou"
_ARABIC_ARTICLES = ("وال", "بال", "كال", "فال", "ال", "لل")
_ARABIC_LAST = str.maketrans("ةى", "هي")
"""Two letters that are written one for the other."""


def terms_of(text: str, *, language: str | None) -> frozenset[str]:
    """Give the words that carry a text: "U.S." is "us", "£1,500" is "1500"; 64 characters at most.

    Compatibility forms, case, accents and possessives are folded, stopwords left out and endings
    cut by `language` (a BCP 47 tag). Without one it is guessed by the stopwords that occur, or
    else taken for English; of one we have no list for every word stays. Of Chinese, Japanese and
    the like every two neighbouring letters are a term, of Thai every three. Only the first 4,000
    characters and 200 terms count.
    """
    words = _words(_folded(text[:_MOST_CHARACTERS]))
    tongue = primary_language(language) or _guessed(words)
    stopwords = _STOPWORDS.get(tongue, frozenset())
    found: dict[str, None] = {}
    for word in words:
        if word not in stopwords:
            found[_stem(word, tongue)[:_LONGEST_TERM]] = None
        if len(found) == _MOST_TERMS:
            break
    return frozenset(found)


def primary_language(tag: str | None) -> str:
    """Give "pt" of "pt-BR" and "pt_BR"; "" of none."""
    return re.split("[-_]", (tag or "").strip().casefold(), maxsplit=1)[0]


def _folded(text: str) -> str:
    # Marks go after decomposing, and the rest is composed again: Korean comes apart otherwise.
    plain = unicodedata.normalize("NFKD", _UNSEEN.sub("", text)).casefold()
    plain = unicodedata.normalize("NFKC", _FOLDED_MARKS.sub("", plain))
    plain = plain.translate(_APOSTROPHES)
    plain = _INITIALS.sub(lambda found: found[0].replace(".", ""), plain)
    return _THOUSANDS.sub("", _POSSESSIVE.sub("", plain))


def _words(plain: str) -> list[str]:
    words: list[str] = []
    for found in _WORD.finditer(plain):
        if found["pairs"]:
            words += _overlapping(found["pairs"], 2)
        elif found["triples"]:
            words += _overlapping(found["triples"], 3)
        else:
            words.append(found[0])
    return words


def _overlapping(run: str, size: int) -> list[str]:
    pieces = [run[at : at + size] for at in range(max(1, len(run) - size + 1))]
    # What Japanese writes in hiragana alone is mostly endings and particles.
    return [piece for piece in pieces if not _HIRAGANA.fullmatch(piece)]


def _guessed(words: list[str]) -> str:
    hits = {tongue: sum(word in stops for word in words) for tongue, stops in _STOPWORDS.items()}
    best = max(hits, key=lambda tongue: hits[tongue])
    # One is chance: the UN, AI and "die" are English too.
    return best if hits[best] >= _SURE_OF_LANGUAGE else _COMMONEST


def _stem(word: str, tongue: str) -> str:
    if word[0].isdecimal():
        return word.replace(",", ".")
    if tongue == "en":
        return _english_root(word)
    if tongue == "ar":
        return _arabic_root(word)
    for ending in _ENDINGS.get(tongue, ()):
        if word.endswith(ending) and len(word) - len(ending) >= _LEAST_ROOT:
            return word.removesuffix(ending)
    return word


def _english_root(word: str) -> str:
    root = _without_verb_ending(word)
    if root == word and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        longer = word.endswith("es") and len(word) - 2 >= _LEAST_ROOT
        root = word[:-2] if longer else word[:-1] if len(word) > _SHORTEST_ROOT else word
    if root.endswith("e") and len(root) > _LEAST_ROOT:
        return root[:-1]
    if root.endswith("y") and len(root) >= _LEAST_ROOT and root[-2] not in _VOWELS:
        return root[:-1] + "i"
    return root


def _without_verb_ending(word: str) -> str:
    """Give "plan" of "planned", "approv" of "approving", "vote" of "voted"; else the word."""
    for ending in ("ing", "ed"):
        root = word.removesuffix(ending)
        if root == word:
            continue
        if len(root) == _SHORTEST_ROOT:
            return root + "e"
        if len(root) >= _LEAST_ROOT:
            doubled = root[-1] == root[-2] and root[-1] not in "lsz"
            return root[:-1] if doubled else root
    return word


def _arabic_root(word: str) -> str:
    for article in _ARABIC_ARTICLES:
        if word.startswith(article) and len(word) - len(article) >= _SHORTEST_ROOT:
            word = word.removeprefix(article)
            break
    return word.translate(_ARABIC_LAST)


_STOPWORDS = {
    tongue: frozenset(_folded(words).split()) for tongue, words in _STOPWORDS_AS_WRITTEN.items()
}
