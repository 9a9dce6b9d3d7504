"""Pure. The sample stories in Spanish."""

from __future__ import annotations

from typing import Final

from digest.composition.sample_stories.model import SampleWords, Told

SPANISH: Final = SampleWords(
    language="es",
    site="El Correo del Muelle",
    postal_address="El Correo del Muelle, calle del Muelle 12, 11999 Puerto Claro",
    daily="Primera hora",
    weekly="La semana en Puerto Claro",
    single="El Correo, al momento",
    headlines="Solo titulares",
    town="Ciudad",
    sport="Deportes",
    culture="Cultura y letras",
    note=(
        "Buenos días. El dique nos ha llenado el buzón toda la semana, y anoche el pleno por fin"
        " se decidió. Si toma el primer barco, mire los nuevos horarios antes del lunes. Y si"
        " canta de tenor, alguien le está esperando.\n\n— Alma Penn, directora"
    ),
    sponsor="Librería del Muelle: todos los mapas a mitad de precio hasta el domingo",
    credit="Inés Roy / El Correo del Muelle",
    breakwater=Told(
        "El pleno aprueba el nuevo dique tras una noche de discusión",
        "Las obras del muro, de 400 metros, empiezan en abril. La autoridad portuaria asegura que"
        " el muelle norte seguirá abierto y que la lonja se traslada una sola temporada.",
        "Sol bajo sobre el puerto, con el viejo espigón en primer plano.",
    ),
    ferry=Told(
        "El barco de las islas vuelve a su horario de invierno",
        "La salida de las 6:10 se recupera el lunes, con un barco menos a mediodía.",
        "El transbordador de las islas atracado, con la proa abierta.",
    ),
    schools=Told(
        "Dos colegios comparten tejado y ahorran una fortuna",
        "El calor de la piscina calienta ya a los dos: la factura bajó un tercio en un año.",
        "Placas solares en el tejado de los dos colegios.",
    ),
    keeper=Told(
        "El museo encuentra una carta de la hija del farero",
        "Tenía once años cuando encendió el faro ella sola tres noches seguidas.",
        "La linterna del antiguo faro.",
    ),
    bakers=Told(
        "Los panaderos, enfrentados por el precio del centeno",
        "El molino del camino de la Presa lo ha duplicado desde el otoño.",
    ),
    bench=Told(
        "La parada del autobús ya tiene banco",
        "Han hecho falta nueve años, cuatro cartas y un carpintero.",
    ),
    rowers=Told(
        "Los remeros ganan por un largo bajo el aguacero",
        "El ocho juvenil se impuso al equipo provincial en aguas ajenas.",
    ),
    choir=Told(
        "El coro busca tenores: «No haremos preguntas»",
        "Sin ellos no hay concierto de primavera, advierte la directora.",
        "Ensayo del coro en la lonja.",
    ),
    foreign=Told(
        "صيادو الميناء يروون حكايات البحر في معرض جديد",
        "خمسون صورة وعشرون تسجيلًا صوتيًا عن ليالي الصيد الطويلة.",
        language="ar",
    ),
    brief=(
        Told("La biblioteca abrirá los domingos desde marzo"),
        Told("Se busca gato gris que atiende por Almirante"),
        Told("Pleamar a las 11:42 y de nuevo pasada la medianoche"),
        Told("Arreglada la farola del camino de la Presa"),
    ),
    retold=(
        Told("Once contra diez: así se votó el dique"),
        Told("Qué piensan del dique los pescadores"),
    ),
    archive=(
        Told("El dique que nunca se construyó"),
        Told("El temporal «Ada» se llevó el espigón en una noche"),
        Told("¿Quién cuidó la luz? Los nueve fareros, uno por uno"),
    ),
    missed=(
        Told("Por qué el reloj de la villa da trece campanadas los días de mercado"),
        Told("Caballa ahumada sin humo: la receta"),
        Told("La última redera de la calle del Cáñamo busca aprendiz"),
    ),
)
