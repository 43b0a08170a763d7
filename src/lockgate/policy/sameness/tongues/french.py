"""French."""

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

FRENCH = Tongue(
    code="fr",
    markers=words(
        """
        par dois-je
        le les est comment je mon ma mes des du et pas une dans pour avec sur où quand pourquoi quel quelle quels quelles
        qui peux puis-je pouvez vous votre vos nous notre au aux ce cette ces il elle sont faut est-ce combien bonjour merci
        j'ai c'est qu'est-ce l'on peut-on fait suis ai avez peut dois doit très ou leur chez que janvier février juillet
        août décembre livrez-vous
        """
    ),
    respelled=respelled(
        "pourcent: ~% | courriel: email | e-mail: email | mail: email | stp: s'il-te-plaît | svp: s'il-vous-plaît"
    ),
    frames=frames(
        by_first(
            """
                bonjour | salut | bonsoir | coucou | bonjour à tous | bonjour madame | bonjour monsieur | petite question
                une question | j'ai une question | question rapide | excusez-moi | excuse-moi | pardon | alors | euh
                """,
            "pause",
        ),
        by_first(
            """
                dites-moi | dis-moi | pouvez-vous me dire | pourriez-vous me dire | peux-tu me dire | pourrais-tu me dire
                savez-vous | sais-tu | quelqu'un sait | j'aimerais savoir | je voudrais savoir | je veux savoir
                je me demande | je me demandais | expliquez-moi | explique-moi | pouvez-vous m'expliquer
                pourriez-vous m'expliquer | peux-tu m'expliquer | est-ce que vous savez | est-ce que tu sais
                """,
            "ask",
        ),
        by_first(
            "s'il vous plaît | s'il te plaît | s'il vous plait | s'il te plait | s'il-vous-plaît | s'il-te-plaît | veuillez",
            "more",
        ),
    ),
    farewells=farewells(
        """
            s'il vous plaît | s'il te plaît | s'il vous plait | s'il te plait | s'il-vous-plaît | s'il-te-plaît | merci
            merci beaucoup | merci d'avance | merci par avance | merci bien | un grand merci | merci à vous
            merci de votre aide | merci pour votre aide
            """
    ),
    openings=openings(
        (
            """
                comment est-ce que je peux | comment puis-je | comment je peux | comment est-ce que je pourrais
                comment pourrais-je
                """,
            "",
            "comment puis-je",
        ),
        ("est-ce que je peux | puis-je", "", "puis-je"),
        ("pouvez-vous s'il vous plaît", "", "pouvez-vous"),
    ),
    asking=words(
        """
        comment où quand pourquoi quel quelle quels quelles qui combien qu'est-ce
        """
    ),
    whether=frozenset(("si",)),
    starters=words(
        """
        comment où quand pourquoi quel quelle quels quelles qui combien qu'est-ce est-ce puis-je je j'ai pouvez-vous
        pourriez-vous peut-on faut-il mon ma c'est
        """
    ),
    inverting=words("est-ce puis-je pouvez-vous peut-on faut-il pourriez-vous"),
    setting=words(""),
    speaking=words(
        """
        dire dit-on dit signifie traduire traduis traduisez écrit écrire prononce phrase répondre réponds orthographe
        """
    ),
    final={"est": ("est",), "sont": ("sont",), "coûte": ("coûte",), "fonctionne": ("fonctionne",)},
    turned=turned("je", "peux"),
    numbers=numbered(
        """
            zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept dix-huit
            dix-neuf vingt
            """
    )
    | numbered("trente quarante cinquante soixante", 30, 10)
    | {
        f"{ten}-{unit}": value + at
        for ten, value in (("vingt", 20), ("trente", 30), ("quarante", 40), ("cinquante", 50), ("soixante", 60))
        for at, unit in enumerate(["deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf"], 2)
    }
    | {"soixante-dix": 70, "quatre-vingts": 80, "quatre-vingt-dix": 90, "vingt-et-un": 21},
    scales={"cent": 100, "cents": 100, "mille": 1000, "million": 10**6, "millions": 10**6},
    ordinals={},
    months=numbered(
        "janvier février/fevrier mars avril mai juin juillet août/aout septembre octobre novembre décembre/decembre", 1
    ),
    fleeting=words(
        """
        aujourd'hui maintenant hier demain actuel actuelle actuels actuelles actuellement dernier dernière derniers
        dernières récent récente récents récemment avant-hier après-demain bientôt météo actualités actualité désormais
        cejour tantôt présentement en-ce-moment
        """
    ),
    fleeting_pairs=pairs(
        "cette ce cet",
        "semaine mois année an matin soir nuit après-midi week-end moment été hiver automne printemps trimestre jour",
    )
    | pairs("semaine mois année an lundi mardi mercredi jeudi vendredi samedi dimanche", "prochain prochaine passé passée")
    | pairs("prochain prochaine", "mois semaine année")
    | pairs("quelle", "heure")
    | pairs("quel", "jour temps")
    | pairs("en", "cours"),
    decimal=",",
    day_first=True,
)
