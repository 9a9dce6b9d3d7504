"""Pure. Which mail provider stands behind a domain: its group, for which limits are kept.

A provider counts what we bring it over all its domains, so `outlook.fr` and a company whose mail is
kept at Microsoft are one group. Groups of great providers have a plain name without a dot; any
other group is a domain.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

import idna

_LONGEST = 253
_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")

_NATIONAL = {
    ("microsoft", "hotmail"): (
        "com co.uk fr de it es be ca nl se no dk fi gr ch cl cz hu lt lv my ph rs sg sk co.il co.jp"
        " co.kr co.nz co.th co.za com.ar com.au com.br com.hk com.tr com.tw"
    ),
    ("microsoft", "live"): (
        "com co.uk fr de it nl be ca se no dk fi at ie pt ru cn in jp hk cl co.kr co.za com.ar"
        " com.au com.mx com.my com.ph com.pt com.sg"
    ),
    ("microsoft", "outlook"): (
        "com fr de es it at be bg cl cz dk hu ie in jp kr lv my ph pt ro sa sg sk co co.id co.il"
        " co.nz co.th com.ar com.au com.br com.es com.gr com.hr com.pe com.py com.tr com.ua com.vn"
    ),
    ("microsoft", "msn"): "com nl",
    ("yahoo", "yahoo"): (
        "com ca fr de it es in ie nl be at ch dk fi se no gr pl pt ro cz hu cl co.id co.il co.in"
        " co.kr co.nz co.th co.uk co.za com.ar com.au com.br com.co com.hk com.mx com.my com.pe"
        " com.ph com.sg com.tr com.tw com.ve com.vn"
    ),
    ("yahoo", "aol"): "com co.uk de fr it es at be ca ch nl pl se com.ar com.au com.br com.mx",
    ("yahoo", "ymail"): "com",
    ("gmx", "gmx"): "de net com at ch eu org info biz fr it es us co.uk",
}
_DOMAINS = {
    "google": "gmail.com googlemail.com google.com",
    "microsoft": "passport.com windowslive.com microsoft.com",
    "yahoo": (
        "rocketmail.com myyahoo.com yahoo-inc.com aim.com netscape.net verizon.net love.com wow.com"
        " games.com att.net sbcglobal.net bellsouth.net pacbell.net ameritech.net swbell.net"
    ),
    "yahoo-japan": "yahoo.co.jp ybb.ne.jp",
    "apple": "icloud.com me.com mac.com privaterelay.appleid.com",
    "gmx": "web.de mail.com caramail.com email.com usa.com post.com europe.com",
    "t-online": "t-online.de magenta.de",
    "orange": "orange.fr wanadoo.fr",
    "sfr": "sfr.fr neuf.fr cegetel.net club-internet.fr numericable.fr",
    "free": "free.fr aliceadsl.fr",
    "laposte": "laposte.net",
    "proton": "proton.me protonmail.com protonmail.ch pm.me",
    "fastmail": "fastmail.com fastmail.fm",
    "zoho": "zoho.com zohomail.com zohomail.eu",
    "yandex": "yandex.ru yandex.com yandex.by yandex.kz yandex.ua ya.ru",
    "mail.ru": "mail.ru inbox.ru list.ru bk.ru internet.ru",
    "qq": "qq.com foxmail.com",
    "netease": "163.com 126.com yeah.net",
    "naver": "naver.com",
    "libero": "libero.it virgilio.it inwind.it iol.it",
    "wp": "wp.pl o2.pl",
    "onet": "onet.pl op.pl vp.pl onet.eu",
    "seznam": "seznam.cz email.cz post.cz",
    "comcast": "comcast.net xfinity.com",
    "bt": "btinternet.com btopenworld.com",
    "virgin": "virginmedia.com ntlworld.com blueyonder.co.uk",
    "bluewin": "bluewin.ch",
    "telenet": "telenet.be",
    "kpn": "kpnmail.nl planet.nl hetnet.nl home.nl xs4all.nl",
    "ziggo": "ziggo.nl upcmail.nl chello.nl casema.nl quicknet.nl",
}
_MX = {
    "google": "google.com googlemail.com",
    "microsoft": "outlook.com outlook.de mx.microsoft hotmail.com",
    "yahoo": "yahoodns.net yahoo.com aol.com",
    "yahoo-japan": "yahoo.co.jp",
    "apple": "icloud.com apple.com",
    "gmx": "gmx.net gmx.com gmx.de web.de mail.com",
    "t-online": "t-online.de",
    "orange": "orange.fr wanadoo.fr",
    "sfr": "sfr.fr sfr.net",
    "free": "free.fr",
    "proton": "protonmail.ch",
    "fastmail": "messagingengine.com fastmail.com",
    "zoho": "zoho.com zoho.eu zoho.in",
    "yandex": "yandex.ru yandex.net",
    "mail.ru": "mail.ru",
    "qq": "qq.com",
    "netease": "163.com 126.com netease.com",
    "proofpoint": "pphosted.com ppe-hosted.com",
    "mimecast": "mimecast.com mimecast.co.za mimecast-offshore.com",
    "barracuda": "barracudanetworks.com cudamail.com",
    "messagelabs": "messagelabs.com",
    "cisco": "iphmx.com",
    "trendmicro": "trendmicro.com trendmicro.eu",
    "sophos": "sophos.com",
    "hornet": "hornetsecurity.com antispameurope.com",
    "cloudflare": "mx.cloudflare.net",
    "amazon": "amazonaws.com awsapps.com",
    "ionos": "kundenserver.de ionos.com ionos.co.uk ionos.fr ionos.es ionos.it 1and1.com",
    "strato": "rzone.de",
    "ovh": "ovh.net",
    "gandi": "gandi.net",
    "godaddy": "secureserver.net",
    "rackspace": "emailsrvr.com",
    "namecheap": "privateemail.com registrar-servers.com",
    "hostinger": "hostinger.com titan.email",
}


def _groups() -> dict[str, str]:
    found = {domain: group for group, domains in _DOMAINS.items() for domain in domains.split()}
    for (group, name), endings in _NATIONAL.items():
        found |= {f"{name}.{ending}": group for ending in endings.split()}
    return found


_GROUP_OF_DOMAIN = _groups()
_GROUP_OF_HOST = {host: group for group, hosts in _MX.items() for host in hosts.split()}

PROVIDERS = frozenset({*_GROUP_OF_DOMAIN.values(), *_GROUP_OF_HOST.values()})
"""The groups that have a name of their own."""

_BELOW_COUNTRIES = (
    "ac asn co com edu gob gouv gov govt gv id ltd me mil muni ne net nhs nic nom or org plc sch"
)
_SECOND_LEVELS = frozenset(_BELOW_COUNTRIES.split())
"""Names right below a country's that are handed out under, as in co.uk: a small sound rule. Where
it is wrong, a few domains share a limit or two do not."""


@lru_cache(maxsize=8192)
def domain_name(text: str) -> str:
    """Give a domain in lower-case A-labels (IDNA 2008), without a last dot.

    What is no domain comes back in lower case and cut to what a domain may be long: it is a name
    to count under, nothing is looked up by it.
    """
    text = text.strip().rstrip(".")
    if not text.isascii():
        try:
            text = idna.encode(text, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            text = text.encode("ascii", "backslashreplace").decode("ascii")
    return text.lower()[:_LONGEST]


def domain_of(address: str) -> str:
    """Give the domain of an address, as `domain_name` does."""
    return domain_name(address.rpartition("@")[2])


def host_name(text: str) -> str | None:
    """Give a host of a DNS answer in lower case; None when it is no name of a host.

    An answer may hold any bytes (RFC 2181, 11); letters, digits, `-`, `_` and dots are let through.
    """
    name = text.removesuffix(".").lower()
    return name if len(name) <= _LONGEST and _HOST.fullmatch(name) else None


def is_well_known(domain: str) -> bool:
    """Tell whether we know who keeps this domain's mail without asking the DNS."""
    return domain in _GROUP_OF_DOMAIN


def group_of(domain: str, host: str = "", *, named: Collection[str] = ()) -> str:
    """Give the group of a domain (lower-case A-labels) whose best MX is `host`, if that is known.

    A domain among `named`, those that have limits of their own, is its own group. Without a known
    provider the group is what was probably registered of the host's name, or of nothing better the
    domain itself.
    """
    if domain in named:
        return domain
    if domain in _GROUP_OF_DOMAIN:
        return _GROUP_OF_DOMAIN[domain]
    if not host or host == domain:
        return domain
    labels = host.split(".")
    for start in range(len(labels) - 1):
        provider = _GROUP_OF_HOST.get(".".join(labels[start:]))
        if provider:
            return provider
    return _registered(labels)


def _registered(labels: list[str]) -> str:
    of_country = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVELS  # noqa: PLR2004 - a.co.uk
    return ".".join(labels[-3:] if of_country else labels[-2:])
