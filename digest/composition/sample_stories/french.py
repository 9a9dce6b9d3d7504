"""Pure. The sample stories in French."""

from __future__ import annotations

from typing import Final

from digest.composition.sample_stories.model import SampleWords, Told

FRENCH: Final = SampleWords(
    language="fr",
    site="Le Courrier du quai",
    postal_address="Le Courrier du quai, 12, quai des Pêcheurs, 29999 Port-Clair",
    daily="Le Quart du matin",
    weekly="La Semaine à Port-Clair",
    single="Le Courrier, à l’instant",
    headlines="L’essentiel en titres",
    town="Ville",
    sport="Sports",
    culture="Culture et lettres",
    note=(
        "Bonjour. La digue a rempli notre boîte aux lettres toute la semaine\u202f; hier soir, le"
        " conseil a tranché. Si vous prenez le premier bateau, regardez les nouveaux horaires"
        " avant lundi. Et si vous chantez ténor, on vous attend.\n\n"
        "— Alma Penn, rédactrice en chef"
    ),
    sponsor="Librairie du quai\u00a0: toutes les cartes à moitié prix jusqu’à dimanche",
    credit="Inès Roy / Le Courrier du quai",
    breakwater=Told(
        "Nouvelle digue\u00a0: le conseil dit oui après une nuit de débats",
        "Le chantier du mur, long de 400\u00a0mètres, commence en avril. Selon la capitainerie, le"
        " quai nord restera ouvert et la criée ne déménage que pour une saison.",
        "Soleil bas sur le port, l’ancien môle au premier plan.",
    ),
    ferry=Told(
        "Le bateau des îles reprend ses horaires d’hiver",
        "Le départ de 6\u00a0h\u00a010 est rétabli lundi, avec un bateau de moins à midi.",
        "Le bateau des îles à quai, proue ouverte.",
    ),
    schools=Told(
        "Deux écoles sous un même toit, une fortune économisée",
        "La chaleur de la piscine les chauffe toutes deux\u202f; la facture a baissé d’un tiers en"
        " un an.",
        "Panneaux solaires sur le toit des deux écoles.",
    ),
    keeper=Told(
        "Le musée retrouve une lettre de la fille du gardien de phare",
        "À onze ans, elle a allumé le feu seule, trois nuits de suite.",
        "La lanterne de l’ancien phare.",
    ),
    bakers=Told(
        "Les boulangers se fâchent sur le prix du seigle",
        "Le moulin du chemin du Barrage l’a doublé depuis l’automne.",
    ),
    bench=Told(
        "Enfin un banc à l’arrêt de bus",
        "Il aura fallu neuf ans, quatre lettres et un menuisier.",
    ),
    rowers=Told(
        "Les rameurs l’emportent d’une longueur sous la pluie",
        "Le huit junior bat l’équipe départementale dans ses propres eaux.",
    ),
    choir=Told(
        "La chorale cherche des ténors\u202f: «\u00a0aucune question posée\u00a0»",
        "Sans eux, pas de concert de printemps, prévient la cheffe de chœur.",
        "La chorale en répétition dans la halle à marée.",
    ),
    foreign=Told(
        "صيادو الميناء يروون حكايات البحر في معرض جديد",
        "خمسون صورة وعشرون تسجيلًا صوتيًا عن ليالي الصيد الطويلة.",
        language="ar",
    ),
    brief=(
        Told("La bibliothèque ouvrira le dimanche dès mars"),
        Told("Perdu\u00a0: chat gris, répond au nom d’Amiral"),
        Told("Pleine mer à 11\u00a0h\u00a042, puis juste après minuit"),
        Told("Le réverbère du chemin du Barrage est réparé"),
    ),
    retold=(
        Told("Onze voix contre dix\u00a0: le vote de la digue en détail"),
        Told("Digue\u00a0: ce qu’en disent les pêcheurs"),
    ),
    archive=(
        Told("La digue qui ne vit jamais le jour"),
        Told("La tempête Ada a emporté l’ancien môle en une nuit"),
        Told("Qui gardait la lumière\u202f? Les neuf gardiens, un par un"),
    ),
    missed=(
        Told("Pourquoi l’horloge sonne treize coups les jours de marché"),
        Told("Le maquereau fumé sans fumée, mode d’emploi"),
        Told("La dernière ramendeuse de la rue de la Corderie cherche un apprenti"),
    ),
)
