"""Pure. The sample stories in English."""

from __future__ import annotations

from typing import Final

from digest.composition.sample_stories.model import SampleWords, Told

ENGLISH: Final = SampleWords(
    language="en",
    site="Harbour Post",
    postal_address="Harbour Post, 12 Quay Street, Harbour Town HP1 1AA",
    daily="The Morning Post",
    weekly="The Week in Harbour Town",
    single="Harbour Post Now",
    headlines="The Short Post",
    town="Town",
    sport="Sport",
    culture="Culture & letters",
    note=(
        "Good morning. The wall has filled our postbag all week; last night the council made up"
        " its mind. If you take the early ferry, look at the new times before Monday. And if you"
        " can sing tenor, somebody is waiting for you.\n\n— Alma Penn, editor"
    ),
    sponsor="Quay Street Books: all maps at half price until Sunday",
    credit="Harbour Post / Ines Roy",
    breakwater=Told(
        "Council backs the new breakwater after a night of argument",
        "Work on the 400-metre wall begins in April. The harbour office says that berths on the"
        " north quay stay open throughout, and that the fish market moves for one season.",
        "Low sun over the harbour, the old mole in front.",
    ),
    ferry=Told(
        "Ferry returns to its winter timetable",
        "The 06:10 to the islands sails again from Monday, with one boat fewer at noon.",
        "The island ferry at its berth, bow open.",
    ),
    schools=Told(
        "Two schools share a roof, and save a fortune",
        "Heat from the swimming pool now warms both; the bill fell by a third in its first year.",
        "Solar panels on the roof of the two schools.",
    ),
    keeper=Told(
        "Museum finds a letter from the keeper’s daughter",
        "She was eleven when she lit the lamp alone for three nights.",
        "The lamp room of the old lighthouse.",
    ),
    bakers=Told(
        "Bakers fall out over the price of rye",
        "The mill on Weir Lane has doubled it since the autumn.",
    ),
    bench=Told(
        "A bench for the bus stop at last",
        "It took nine years, four letters and one carpenter.",
    ),
    rowers=Told(
        "Rowers win by a length in heavy rain",
        "The junior eight beat the county side on its own water.",
    ),
    choir=Told(
        "Choir seeks tenors: no questions asked",
        "The spring concert stands or falls with them, the conductor says.",
        "The choir rehearsing in the fish hall.",
    ),
    foreign=Told(
        "صيادو الميناء يروون حكايات البحر في معرض جديد",
        "خمسون صورة وعشرون تسجيلًا صوتيًا عن ليالي الصيد الطويلة.",
        language="ar",
    ),
    brief=(
        Told("Library opens on Sundays from March"),
        Told("Lost: one grey cat, answers to Admiral"),
        Told("High water at 11:42, and again just after midnight"),
        Told("The lamp on Weir Lane is mended"),
    ),
    retold=(
        Told("Eleven to ten: how the vote on the wall went"),
        Told("Breakwater: what the fishermen say"),
    ),
    archive=(
        Told("The wall that never was"),
        Told("Storm Ada took the old mole in a single night"),
        Told("Who kept the light? A list of all nine keepers"),
    ),
    missed=(
        Told("Why the town clock strikes thirteen on market days"),
        Told("A recipe for smoked mackerel that needs no smoke"),
        Told("The last net-mender of Rope Walk looks for an apprentice"),
    ),
)
