"""Pure. The sample stories in German."""

from __future__ import annotations

from typing import Final

from digest.composition.sample_stories.model import SampleWords, Told

GERMAN: Final = SampleWords(
    language="de",
    site="Hafenbote",
    postal_address="Hafenbote, Kaistraße 12, 27999 Klarhafen",
    daily="Hafenbote am Morgen",
    weekly="Hafenbote der Woche",
    single="Hafenbote aktuell",
    headlines="Kurz und knapp",
    town="Stadt",
    sport="Sport",
    culture="Kultur & Literatur",
    note=(
        "Guten Morgen. Die Mole hat uns die ganze Woche den Briefkasten gefüllt, gestern Nacht"
        " hat sich der Rat entschieden. Wenn Sie die erste Fähre nehmen, sehen Sie vor Montag auf"
        " den neuen Fahrplan. Und wenn Sie Tenor singen: Jemand wartet auf Sie.\n\n"
        "– Alma Penn, Chefredakteurin"
    ),
    sponsor="Buchhandlung am Kai: alle Karten bis Sonntag zum halben Preis",
    credit="Ines Roy / Hafenbote",
    breakwater=Told(
        "Rat stimmt nach langer Nacht für die neue Mole",
        "Der Bau der 400 Meter langen Mauer beginnt im April. Die Liegeplätze am Nordkai bleiben"
        " laut Hafenamt durchgehend offen, der Fischmarkt zieht für eine Saison um.",
        "Tief stehende Sonne über dem Hafen, vorn die alte Mole.",
    ),
    ferry=Told(
        "Fähre fährt wieder nach Winterfahrplan",
        "Ab Montag legt das Boot zu den Inseln wieder um 6.10 Uhr ab, mittags fährt eines weniger.",
        "Die Inselfähre am Anleger, die Bugklappe offen.",
    ),
    schools=Told(
        "Zwei Schulen teilen sich ein Dach – und sparen ein Vermögen",
        "Die Abwärme des Hallenbads heizt nun beide; die Rechnung sank im ersten Jahr um ein"
        " Drittel.",
        "Solaranlage auf dem Dach der beiden Schulen.",
    ),
    keeper=Told(
        "Museum findet Brief der Leuchtturmwärtertochter",
        "Mit elf Jahren zündete sie drei Nächte lang allein das Feuer an.",
        "Der Laternenraum des alten Leuchtturms.",
    ),
    bakers=Told(
        "Bäcker streiten über den Roggenpreis",
        "Die Mühle am Wehrweg verlangt seit dem Herbst das Doppelte.",
    ),
    bench=Told(
        "Endlich eine Bank an der Bushaltestelle",
        "Es brauchte neun Jahre, vier Briefe und einen Tischler.",
    ),
    rowers=Told(
        "Ruderer siegen im Dauerregen um eine Länge",
        "Der Juniorenachter schlägt die Kreisauswahl auf deren eigenem Wasser.",
    ),
    choir=Told(
        "Chor sucht Tenöre: „Wir stellen keine Fragen“",
        "Mit ihnen steht und fällt das Frühjahrskonzert, sagt die Dirigentin.",
        "Chorprobe in der Fischhalle.",
    ),
    foreign=Told(
        "صيادو الميناء يروون حكايات البحر في معرض جديد",
        "خمسون صورة وعشرون تسجيلًا صوتيًا عن ليالي الصيد الطويلة.",
        language="ar",
    ),
    brief=(
        Told("Bücherei öffnet ab März auch sonntags"),
        Told("Entlaufen: graue Katze, hört auf Admiral"),
        Told("Hochwasser um 11.42 Uhr und kurz nach Mitternacht"),
        Told("Laterne am Wehrweg brennt wieder"),
    ),
    retold=(
        Told("Elf zu zehn: So stimmte der Rat über die Mole ab"),
        Told("Was die Fischer von der Mole halten"),
    ),
    archive=(
        Told("Die Mole, die nie gebaut wurde"),
        Told("Sturm „Ada“ riss die alte Mole in einer einzigen Nacht fort"),
        Told("Wer hütete das Feuer? Alle neun Wärter im Überblick"),
    ),
    missed=(
        Told("Warum die Stadtuhr an Markttagen dreizehn schlägt"),
        Told("Räuchermakrele ganz ohne Rauch: das Rezept"),
        Told("Letzte Netzmacherin der Reeperstraße sucht Lehrling"),
    ),
)
