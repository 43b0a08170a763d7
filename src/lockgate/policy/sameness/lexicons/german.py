"""German."""

from __future__ import annotations

from lockgate.policy.sameness.lexicons.lexicon import Lexicon, groups, opposites, synonyms
from lockgate.policy.sameness.tongues.german import GERMAN as GERMAN_TONGUE
from lockgate.policy.sameness.words import words

_SYNONYMS = synonyms(
    """
        ändern wechseln bearbeiten | löschen entfernen | kaufen bestellen | preis kosten kostet
        versand lieferung lieferzeit liefern versenden | kündigen stornieren abbestellen | zahlen bezahlen zahlung
        anmelden einloggen | abmelden ausloggen | starten beginnen anfangen | passwort kennwort | handy smartphone
        auto wagen | groß riesig | schnell rasch | autor verfasser schreiben geschrieben | dauern dauert dauer lang lange
        bekommen erhalten | erklären erläutern | finden
        """,
    "de",
)

GERMAN = Lexicon(
    small=words(
        """
        der die das den dem des ein eine einen einem einer eines ich mich mir mein meine meinen meinem meiner meines du
        dich dir dein deine deinen deinem deiner er ihn ihm sein seine seinen seinem sie ihr ihre ihren ihrem ihrer
        ihnen es wir uns unser unsere unseren man jemand alle alles jede jeder jedes jeden einige manche nur mehr
        weniger viel viele kein keine keinen keinem keiner nicht nichts nie niemals ohne mit für von vom zu zum zur in
        im an am auf aus bei nach über unter vor um durch gegen bis seit zwischen und oder aber wenn weil dass ob als
        wie was wer wem wen wo wann warum wieso weshalb welche welcher welches welchen woher wohin ist sind war waren
        sein bin bist wird werden wurde hat habe haben hatte kann kannst können könnte könnten soll sollte sollen muss
        müssen darf dürfen will wollen möchte gibt geht auch noch schon sehr so hier da dort mal denn
        """
    ),
    articles=words("der die das den dem des ein eine einen einem einer eines"),
    asking=groups(
        """
        what: was welche welcher welches welchen | when: wann | where: wo | from: woher | whither: wohin
        why: warum wieso weshalb
        """
        " | who: wer wem wen | how: wie | whether: ob wenn"
    ),
    modals=groups(
        """
        can: kann kannst können könnte könnten darf dürfen | should: soll sollte sollen | must: muss müssen
        will: will wollen möchte wird | past: war waren wurde hatte
        """
    ),
    persons=groups("1: ich mich mir | 2: du dich dir | he: er ihn ihm | she: sie ihr ihnen | we: wir uns | man: man | it: es"),
    owners=groups(
        """1: mein meine meinen meinem meiner meines | 2: dein deine deinen deinem deiner | he: sein seine seinen seinem
        she: ihr ihre ihren ihrem ihrer | we: unser unsere unseren"""
    ),
    extents=groups("all: alle alles jede jeder jedes jeden | some: einige manche | only: nur | more: mehr | less: weniger"),
    calendar=words(
        """
        januar februar märz april mai juni juli august september oktober november dezember montag dienstag mittwoch donnerstag
        freitag samstag sonnabend sonntag montags sonntags wochenende frühling sommer herbst winter weihnachten ostern
        """
    ),
    beginning=GERMAN_TONGUE.asking | GERMAN_TONGUE.inverting,
    speaking=GERMAN_TONGUE.speaking - words("bedeutet bedeutung") | words("bitte danke tschüss hi"),
    negations=words("nicht kein keine keinen keinem keiner nichts nie niemals ohne niemand weder außer"),
    ways=words("von nach als vor zu in gegen bis seit aus minus geteilt zwischen"),
    joined={},
    plain={},
    synonyms=_SYNONYMS,
    opposites=opposites(
        """
        an ein / aus ab
        öffnen offen geöffnet / schließen zu geschlossen
        aktivieren einschalten anschalten / deaktivieren ausschalten abschalten
        erhöhen / senken verringern
        anfangen angefangen beginnen / aufhören aufgehört enden beenden
        größte höchste längste beste maximal / kleinste niedrigste kürzeste schlechteste minimal
        groß / klein
        hoch / niedrig
        gut / schlecht
        vorteil / nachteil
        kaufen / verkaufen
        erlaubt legal / verboten illegal
        annehmen akzeptieren / ablehnen
        vor / nach
        mit / ohne
        hochladen / herunterladen
        gewinnen / verlieren
        senden / empfangen
        importieren / exportieren
        mutter frau schwester tochter / vater mann bruder sohn
        """,
        "de",
        _SYNONYMS,
    ),
)
