"""German."""

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

_UNITS = ["ein", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"]
_TENS = numbered("zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig", 20, 10) | {"dreissig": 30}

GERMAN = Tongue(
    code="de",
    markers=words(
        """
        der das ist wie ich kann mein meine meinen meinem meiner und nicht ein eine einen einem einer sie es auf für mit von
        zu den dem des wo warum wann wer wem wen welche welcher welches kannst können könnten könnte soll sollte muss darf
        bitte danke gibt haben habe wird werden sind bei aus nach über zum zur im oder aber wenn kein keine kostet du dein
        deine viel viele mir mich lange was am januar februar märz juni juli oktober dezember erkläre möchte geschah
        """
    ),
    respelled=respelled(
        """
            gibt's: gibt es | geht's: geht es | wie's: wie es | ist's: ist es | prozent: ~% | emails: e-mails
            email: e-mail | ok: okay
            """
    ),
    frames=frames(
        by_first(
            """
                hallo | hi | hey | moin | servus | guten tag | guten morgen | guten abend | grüß gott | hallo zusammen
                hallo team | liebes team | sehr geehrte damen und herren | kurze frage | eine kurze frage | eine frage
                ich habe eine frage | ich hätte eine frage | ich habe mal eine frage | entschuldigung | sorry | also | äh
                """,
            "pause",
        ),
        by_first(
            """
                sag mir | sagen sie mir | kannst du mir sagen | können ^Sie mir sagen | könnten ^Sie mir sagen
                könntest du mir sagen | können sie mir sagen | könnten sie mir sagen | kannst du mir bitte sagen
                können ^Sie mir bitte sagen | könnten ^Sie mir bitte sagen | könnten sie mir bitte sagen
                könntest du mir bitte sagen | weißt du | wissen ^Sie | weiß jemand | kann mir jemand sagen
                ich möchte wissen | ich würde gerne wissen | ich würde gern wissen | ich wüsste gerne | ich wüsste gern
                ich frage mich | ich wollte fragen | ich wollte wissen | darf ich fragen | erkläre mir | erklär mir
                kannst du mir erklären | kannst du erklären | können ^Sie mir erklären | könnten ^Sie mir erklären
                bitte sag mir | bitte sagen ^Sie mir
                """,
            "ask",
        ),
        by_first("bitte", "more"),
    ),
    farewells=farewells(
        """
            bitte | danke | danke schön | vielen dank | danke im voraus | vielen dank im voraus | dankeschön | besten dank
            herzlichen dank | danke dir | merci | danke euch | danke sehr | vielen lieben dank
            """
    ),
    openings=openings(),
    asking=words(
        """
        was wo wer wem wen wann warum wieso weshalb welche welcher welches welchen wie woher wohin wieviel worin
        """
    ),
    whether=frozenset(("ob",)),
    starters=words(
        """
        was wo wer wann warum wieso welche welcher welches wie woher wohin kann kannst können könnten könnte ich darf muss
        soll ist sind gibt bitte mein meine
        """
    ),
    inverting=words(
        """
        kann kannst können könnten könnte ist sind gibt darf muss soll sollte hat habe haben war
        """
    ),
    setting=words(""),
    speaking=words(
        """
        sagt sagen sage sag heißt heissen heißen wort bedeutet bedeutung übersetze übersetzen schreibt schreibe satz spricht
        aussprache hallo antwortet
        """
    ),
    final={
        "ist": ("ist",),
        "sind": ("sind",),
        "war": ("war",),
        "kostet": ("kostet",),
        "funktioniert": ("funktioniert",),
        "bedeutet": ("bedeutet",),
    },
    turned=turned("ich", "kann"),
    numbers=numbered(
        """
            null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn
            achtzehn neunzehn
            """
    )
    | _TENS
    | {f"{unit}und{word}": value + at for word, value in _TENS.items() for at, unit in enumerate(_UNITS, 1)},
    scales={"hundert": 100, "tausend": 1000, "million": 10**6, "millionen": 10**6},
    ordinals={},
    months=numbered(
        """
            januar/jan/jänner februar/feb märz april/apr mai juni/jun juli/jul august/aug september/sep/sept oktober/okt
            november/nov dezember/dez
            """,
        1,
    ),
    fleeting=words(
        """
        heute heutige heutigen heutiger jetzt gestern morgen übermorgen vorgestern aktuell aktuelle aktueller aktuellen
        aktuelles aktuellste derzeit derzeitige derzeitigen momentan gerade neueste neuesten neuester neuestes neuste letzte
        letzten letzter kürzlich neulich zurzeit gegenwärtig nun inzwischen mittlerweile wetter nachrichten uhrzeit bald
        vorhin soeben demnächst bisher ^Morgen
        """
    ),
    fleeting_pairs=pairs(
        "diese diesen diesem dieses dieser nächste nächsten nächstes nächster kommende kommenden vergangene vergangenen",
        """
            woche monat jahr jahres monats quartal wochenende sommer winter frühling herbst montag dienstag mittwoch
            donnerstag freitag samstag sonntag
            """,
    )
    | pairs("wie", "spät")
    | pairs("im", "moment augenblick"),
    decimal=",",
    day_first=True,
)
