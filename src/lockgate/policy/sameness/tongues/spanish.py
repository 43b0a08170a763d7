"""Spanish."""

from __future__ import annotations

from lockgate.policy.sameness.tongues.tongue import (
    Tongue,
    by_first,
    farewells,
    frames,
    numbered,
    openings,
    pairs,
    respelled,
    turned,
)
from lockgate.policy.sameness.words import words

SPANISH = Tongue(
    code="es",
    markers=words(
        """
        a el los las es cómo qué cuál cuáles dónde cuándo quién mi mis una del y con por para está están puedo puede tengo hay
        cuánto cuántos cuánta cuántas su sus al lo como cual donde cuando porque hacer quiero necesito hola gracias favor
        usted ustedes soy son tiene mejor muy más sin sobre este esta estos qué debo hace cuesta que enero febrero marzo
        julio diciembre hacen tienda
        """
    ),
    respelled=respelled("porciento: ~% | email: correo-electrónico"),
    frames=frames(
        by_first(
            """
                hola | buenas | buenos días | buenas tardes | buenas noches | hola a todos | hola buenas | hola buenos días
                una pregunta | tengo una pregunta | una duda | tengo una duda | pregunta rápida | disculpe | disculpa
                perdón | perdona | oye | bueno
                """,
            "pause",
        ),
        by_first(
            """
                dime | dígame | puedes decirme | puede decirme | podrías decirme | podría decirme | me puedes decir
                me puede decir | me podrías decir | me podría decir | sabes | sabe usted | alguien sabe | quiero saber
                quisiera saber | me gustaría saber | necesito saber | me pregunto | quería saber | explícame
                puedes explicarme | puede explicarme | podrías explicarme | me puedes explicar | me puede explicar
                """,
            "ask",
        ),
        by_first("por favor", "more"),
    ),
    farewells=farewells(
        """
            por favor | gracias | muchas gracias | gracias de antemano | muchas gracias de antemano | mil gracias
            gracias por su ayuda | gracias por tu ayuda | porfa | porfavor
            """
    ),
    openings=openings(),
    asking=words(
        """
        cómo qué cuál cuáles dónde cuándo quién quiénes cuánto cuánta cuántos cuántas adónde
        """
    ),
    whether=frozenset(("si",)),
    starters=words(
        """
        cómo qué cuál cuáles dónde cuándo quién cuánto cuánta cuántos cuántas como cual donde cuando cuanto puedo puede es
        hay tengo quiero necesito por mi
        """
    ),
    inverting=words(""),
    setting=words(""),
    speaking=words(
        """
        dice decir digo palabra significa traduce traducir traduzca escribe escribir pronuncia frase responder responde
        """
    ),
    final={"está": ("está",), "es": ("es",), "son": ("son",), "cuesta": ("cuesta",)},
    turned=turned("yo", "puedo"),
    numbers=numbered(
        """
            cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete
            dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete
            veintiocho veintinueve treinta
            """
    )
    | numbered("cuarenta cincuenta sesenta setenta ochenta noventa", 40, 10),
    scales={"cien": 100, "mil": 1000},
    ordinals={},
    months=numbered("enero febrero marzo abril mayo junio julio agosto septiembre/setiembre octubre noviembre diciembre", 1),
    fleeting=words(
        """
        hoy ahora ayer mañana actual actuales actualmente último última últimos últimas ultimo ultima reciente recientes
        recientemente anoche anteayer pronto clima noticias ahorita aún todavía vigente vigentes
        """
    ),
    fleeting_pairs=pairs(
        "esta este",
        """
            semana mes año noche tarde fin verano invierno otoño primavera momento trimestre lunes martes miércoles jueves
            viernes sábado domingo
            """,
    )
    | pairs("semana mes año lunes martes miércoles jueves viernes sábado domingo", "pasado pasada próximo próxima que")
    | pairs("próximo próxima pasado pasada", "semana mes año")
    | pairs("qué que", "hora día"),
    decimal=",",
    day_first=True,
)
