"""Pure. Words that betray a template, a web page or spam, in the five languages of our letters."""

from __future__ import annotations

import re
from typing import Final

_BRACKETED: Final = (
    "name|first ?name|last ?name|fname|lname|headline|title|subject|date|city|place|link|url|image"
    "|picture|caption|author|source|quote|price|insert[^\\]]*|add [^\\]]*"
    "|your (?:name|text|city|headline|company)|tk|tbc|tbd|xx+"
    # Spanish, French, German
    "|nombre|apellido|titular|t[ií]tulo|fecha|ciudad|lugar|enlace|imagen|autor|insertar[^\\]]*"
    "|nom|pr[ée]nom|titre|date|ville|lieu|lien|image|auteur|[àa] compl[ée]ter|ins[ée]rer[^\\]]*"
    "|vorname|nachname|überschrift|titel|datum|ort|bild|autor(?:in)?|einf[üu]gen"
    "|hier (?:text|titel|bild)[^\\]]*"
    # Arabic: name, headline, date, city, place, link, picture, author
    "|الاسم|العنوان|التاريخ|المدينة|المكان|الرابط|الصورة|الكاتب|أدخل[^\\]]*"
)
PLACEHOLDER: Final = re.compile(
    r"\{\{|\}\}|\{%|%\}|\*\||\|\*|%%[A-Za-z_]+%%|\$\{\w+\}|<%=?|\{[a-z]+_?name\}"
    r"|lorem ipsum|dolor sit amet"
    rf"|\[\s*(?:{_BRACKETED})\s*\]"
    r"|\btexto de (?:prueba|relleno)\b|\btitular aquí\b|\btexto aquí\b"
    r"|\btexte d['’](?:essai|exemple)\b|\bfaux[- ]texte\b|\btitre ici\b|\btexte ici\b"
    r"|\bblindtext\b|\bplatzhalter(?:text)?\b|\büberschrift hier\b|\btext hier\b"
    r"|\bheadline here\b|\btext here\b|\bplaceholder text\b|\bdummy text\b"
    r"|نص تجريبي|لوريم إيبسوم|العنوان هنا|النص هنا",
    re.IGNORECASE,
)
"""In any language: what only a template or a dummy says."""

UNFINISHED: Final = {
    # "TK" is a German insurer, Tk a currency of Bangladesh and TK Maxx a shop; "todo" is a word of
    # Spanish: each only where it can be nothing else.
    "en": re.compile(r"\bTKTK\b|\bTK\b(?!\s*[A-Z\d])|\bTODO\b|\bFIXME\b|\bXXXX+\b"),
    "es": re.compile(r"\bTODO:|\bFIXME\b|\bPENDIENTE:|\bCOMPLETAR:|\bXXXX+\b"),
    "fr": re.compile(r"\bTODO\b|\bFIXME\b|\b[ÀA] COMPL[ÉE]TER\b|\bXXXX+\b"),
    "de": re.compile(r"\bTODO\b|\bFIXME\b|\bFEHLT NOCH\b|\bERG[ÄA]NZEN:|\bXXXX+\b"),
    "ar": re.compile(r"\bTODO\b|\bFIXME\b|\bXXXX+\b|يُستكمل لاحقًا|للاستكمال:"),
}
"""By language: an editor's own reminder that something is still to be written."""

NOTHING: Final = re.compile(
    r"none|null|nan|undefined|n/a|untitled|\[object object\]|#(?:ref|value|name)[!?]?"
    r"|sin título|sans titre|ohne titel|بدون عنوان|بلا عنوان",
    re.IGNORECASE,
)
"""What a program, and no person, takes for a headline: only when it is the whole of it."""

PAGE_WORDS: Final = frozenset(
    said.strip()
    for said in """
    newsletter; related articles; related; read more; continue reading; close; share; menu; search;
    advertisement; subscribe; sign in; log in; comments; no comments; home; loading; loading…;
    skip to content; watch live; listen; print; ×; x; 0:00; 0:00 0:00; …; -; •
    boletín; artículos relacionados; noticias relacionadas; leer más; seguir leyendo; cerrar;
    compartir; menú; buscar; publicidad; suscríbete; suscribirse; iniciar sesión; comentarios;
    inicio; cargando; ir al contenido
    lettre d'information; infolettre; articles liés; articles similaires; à lire aussi; lire aussi;
    lire la suite; fermer; partager; rechercher; publicité; s'abonner; abonnez-vous; se connecter;
    commentaires; accueil; chargement; aller au contenu
    ähnliche artikel; verwandte artikel; mehr zum thema; weiterlesen; mehr lesen; schließen; teilen;
    menü; suche; anzeige; werbung; abonnieren; anmelden; kommentare; startseite; wird geladen;
    zum inhalt springen
    النشرة البريدية; مقالات ذات صلة; اقرأ أيضًا; اقرأ أيضا; اقرأ المزيد; تابع القراءة; إغلاق; أغلق;
    مشاركة; القائمة; بحث; إعلان; اشترك; تسجيل الدخول; تعليقات; الرئيسية; جار التحميل
    """.replace("\n", ";").split(";")
    if said.strip()
)
"""What stands around an article on its page; matched only when it is the whole of a text."""

PAGE_PHRASES: Final = re.compile(
    r"(?<![\d:])0:00(?::00)?(?:\s*/?\s*0:00(?::00)?)+"
    r"|\bThe post .{1,200} (?:appeared first on|first appeared on)\b"
    r"|\bLa entrada .{1,200} (?:se publicó primero en|apareció primero en)\b"
    r"|\bL['’]article .{1,200} est apparu en premier sur\b"
    r"|\bDer Beitrag .{1,200} erschien zuerst auf\b"
    r"|ظهرت? .{0,200}أولا?ً? على"
    r"|(?:\bRelated Articles|\bArtículos relacionados|\bArticles similaires|\bÄhnliche Artikel"
    r"|مقالات ذات صلة)\s*$"
    r"|\s(?:Read more|Continue reading|Leer más|Seguir leyendo|Lire la suite|Weiterlesen|Mehr lesen"
    r"|اقرأ المزيد|تابع القراءة)\s*(?:[.…»\u203a→>]+|\.\.\.)?\s*$"
    r"|\s×\s*$",
    re.IGNORECASE,
)
"""What a page puts around or behind a text, and a careless feed brings along."""

MARKUP: Final = re.compile(
    r"&(?:amp|lt|gt|quot|apos|nbsp|[lr][sd]quo|[mn]dash|hellip|eacute|egrave|uuml|ouml|auml|#\d{2,7}"
    r"|#x[0-9a-f]{2,6});"
    r"|</?(?:p|div|br|span|a|img|strong|em|b|i|u|h[1-6]|ul|ol|li|figure|figcaption|iframe|script"
    r"|style|table|tr|td|blockquote|font|center|svg|video|audio)(?:\s[^>]*|/)?(?:>|$)"
    r"|<!--|<!\[CDATA\[|\bhref\s*=|\bstyle\s*=\s*[\"']"
    r"|\[/?(?:caption|gallery|embed|audio|video|playlist|vc_\w+|et_pb_\w+|fusion_\w+|su_\w+|wp\w*"
    r"|contact-form\S*|shortcode|youtube|tweet|instagram|url|img|b|i)(?:\s+\w+=[^\]]*)?/?\]",
    re.IGNORECASE,
)
"""Tags, entities and shortcodes that somebody should have resolved."""

_CONTINUED: Final = "\x80-\x9f¡-ª¬-º¼-¿€\u201aƒ„†‡\u02c6‰Š\u2039Œ•\u02dc™š\u203aœžŸŽ"
"""What the second byte of a UTF-8 sign looks like in Windows-1252: without quotation marks, which
may stand behind a capital Ã in Portuguese."""
SUSPECT: Final = re.compile("[\x80-\x84\x86-\x9f\ufffdÃÂâïðØÙÐÑ]")
"""What everything in DAMAGED begins with: quick to look for."""
DAMAGED: Final = re.compile(
    "[\x80-\x84\x86-\x9f\ufffd]"
    f"|Ã[{_CONTINUED}]"
    "|Â[£©®°±·«»¿¡€\x80-\x9f]"
    "|â€[™œ\u02dc¦“”\x9d\x99\x93\x94\x98\x9c–•]|â\u201a¬|ï»¿|ðŸ"
    f"|(?:[ØÙ][{_CONTINUED}«»]){{2,}}"
    f"|(?:[ÐÑ][{_CONTINUED}«»]){{2,}}"
)
"""C1 controls, the sign for a lost sign, and UTF-8 that was read as something else."""

REPLY: Final = re.compile(
    r"\s*(?:re|fwd?|aw|wg|r[ée]p|tr|rv|res|رد|إعادة توجيه)\s*(?:\[\d+\])?\s*[:\uff1a]",
    re.IGNORECASE,
)
"""What mail programs put before the subject of an answer or of a mail passed on."""

SPAM: Final = re.compile(
    r"\b(?:act now|click here|limited time|100 ?% free|risk[- ]free|you (?:have )?won|cash bonus"
    r"|buy now|order now|no obligation|earn money|double your|free gift|once in a lifetime"
    r"|haga clic aquí|haz clic|compre ahora|has? ganado|oferta limitada|dinero fácil|100 ?% gratis"
    r"|cliquez ici|achetez maintenant|vous avez gagné|offre limitée|argent facile|100 ?% gratuit"
    r"|hier klicken|jetzt kaufen|sie haben gewonnen|nur für kurze zeit|schnelles geld)\b"
    r"|انقر هنا|اشتر الآن|لقد ربحت|عرض محدود|مجانًا 100",
    re.IGNORECASE,
)
"""Phrases that filters and readers know from elsewhere; newspapers hardly ever need them."""

FIRST_LINE: Final = re.compile(
    r"(?:view|read|open) (?:this (?:e-?mail|edition|letter)|it)? ?"
    r"(?:in (?:your|the) browser|online)"
    r"|(?:having )?trouble (?:viewing|reading)|can(?:'|’|no)t see this|if you can(?:not|’t) see"
    r"|unsubscribe|ver (?:este (?:correo|mensaje) )?en (?:el|su|tu) navegador|darse de baja"
    r"|cancelar la suscripción"
    r"|(?:voir|lire|afficher) .{0,30}(?:navigateur|en ligne)|se désabonner|se désinscrire"
    r"|(?:im browser|online) (?:ansehen|lesen|öffnen|anzeigen)|abbestellen|abmelden"
    r"|عرض .{0,20}المتصفح|إلغاء الاشتراك|<?https?://",
    re.IGNORECASE,
)
"""What wastes the line of plain text that some inboxes show beside the subject."""
