"""French and Spanish."""

from __future__ import annotations

from lockgate.policy.sameness.lexicons.lexicon import Lexicon, groups, opposites, synonyms
from lockgate.policy.sameness.tongues.french import FRENCH as FRENCH_TONGUE
from lockgate.policy.sameness.tongues.spanish import SPANISH as SPANISH_TONGUE
from lockgate.policy.sameness.words import words

_IN_FRENCH = synonyms(
    """
        changer modifier | supprimer effacer enlever | acheter commander | prix coûter coûte tarif | livraison livrer livrez
        annuler résilier | payer régler | auteur écrire écrit | commencer débuter | voiture auto | grand gros
        """,
    "fr",
)
_IN_SPANISH = synonyms(
    """
        cambiar cambio modificar editar | borrar eliminar quitar | comprar pedir | precio cuesta costar coste costo
        envío enviar envían entrega | cancelar anular | pagar | autor escribir escribió | empezar comenzar iniciar
        coche auto carro | grande
        """,
    "es",
)

FRENCH = Lexicon(
    small=words(
        """
        le la les l' un une des du de d' je me moi mon ma mes tu te toi ton ta tes il elle on nous notre nos vous votre
        vos ils elles leur leurs son sa ses ce cet cette ces ça cela que qui quoi quel quelle quels quelles où quand
        comment pourquoi combien si est sont était être suis es sommes êtes a ai as avons avez ont avait fait faire peut
        peux puis-je pouvez peut-on dois doit faut faut-il dois-je doit-on devons-nous est-ce qu'est-ce et ou mais donc
        car ne n' pas plus moins jamais rien sans avec pour par sur sous dans en à au aux vers chez entre avant après
        contre depuis tout tous toute toutes chaque quelque quelques seulement très aussi y c'est s'il font
        """
    ),
    articles=words("le la les un une des du ce cet cette ces"),
    asking=groups(
        "what: que quel quelle quels quelles quoi qu'est-ce | when: quand | where: où | why: pourquoi | who: qui | how: comment"
        " | much: combien | whether: si"
    ),
    modals=groups("can: peut peux puis-je pouvez peut-on | must: dois doit faut faut-il dois-je doit-on | past: était avait"),
    persons=groups("1: je me moi | 2: tu te toi vous | he: il ils | she: elle elles | we: nous on"),
    owners=groups("1: mon ma mes | 2: ton ta tes votre vos | he: son sa ses | we: notre nos | they: leur leurs"),
    extents=groups("all: tout tous toute toutes chaque | some: quelque quelques | only: seulement | more: plus | less: moins"),
    calendar=words(
        """
        janvier février mars avril mai juin juillet août septembre octobre novembre décembre lundi mardi mercredi jeudi
        vendredi samedi dimanche printemps été automne hiver noël pâques
        """
    ),
    beginning=FRENCH_TONGUE.asking | FRENCH_TONGUE.inverting,
    speaking=FRENCH_TONGUE.speaking - words("signifie") | words("merci bonjour salut"),
    negations=words("pas jamais rien sans aucun aucune ni sauf personne"),
    ways=words("de à vers que avant après contre depuis par entre en"),
    joined={},
    plain={},
    synonyms=_IN_FRENCH,
    opposites=opposites(
        """
        activer / désactiver
        ouvert ouvrir / fermé fermer
        augmenter / diminuer réduire
        commencer / finir arrêter
        avantage / inconvénient
        acheter / vendre
        légal / illégal
        avec / sans
        avant / après
        grand / petit
        haut / bas
        bon / mauvais
        plus / moins
        accepter / refuser
        importer / exporter
        père frère fils mari homme / mère sœur fille femme
        """,
        "fr",
        _IN_FRENCH,
    ),
)

SPANISH = Lexicon(
    small=words(
        """
        el la los las lo un una unos unas de del al a yo me mi mis mí tú te tu tus él ella ello nosotros nos nuestro
        nuestra ustedes usted su sus ellos ellas se le les este esta esto ese esa eso estos estas qué que quién quiénes
        cuál cuáles dónde cuándo cómo cuánto cuánta cuántos cuántas por para con sin en sobre entre desde hasta hacia
        contra antes después si sí no nunca nada nadie ni y o pero porque como donde cuando es son era ser está están
        estar soy hay ha he han haber puedo puede pueden podría debo debe tengo tiene quiero hace hacer muy más menos
        todo todos toda todas cada algún alguno alguna algunos solo sólo también ya
        """
    ),
    articles=words("el la los las lo un una unos unas este esta ese esa"),
    asking=groups(
        "what: qué que cuál cuáles | when: cuándo cuando | where: dónde donde | who: quién quiénes | how: cómo como"
        " | much: cuánto cuánta cuántos cuántas | whether: si | yes: sí"
    ),
    modals=groups("can: puedo puede pueden podría | must: debo debe tengo tiene | want: quiero"),
    persons=groups("1: yo me mí | 2: tú te usted ustedes | he: él ellos | she: ella ellas | we: nosotros nos"),
    owners=groups("1: mi mis | 2: tu tus | he: su sus | we: nuestro nuestra"),
    extents=groups(
        "all: todo todos toda todas cada | some: algún alguno alguna algunos | only: solo sólo | more: más | less: menos"
    ),
    calendar=words(
        """
        enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre lunes martes miércoles
        jueves viernes sábado domingo primavera verano otoño invierno navidad
        """
    ),
    beginning=SPANISH_TONGUE.asking | SPANISH_TONGUE.inverting,
    speaking=SPANISH_TONGUE.speaking - words("significa") | words("gracias hola adiós"),
    negations=words("no nunca nada nadie ni sin ningún ninguno ninguna jamás excepto"),
    ways=words("de a que antes después contra desde hasta por entre hacia en"),
    joined={},
    plain={},
    synonyms=_IN_SPANISH,
    opposites=opposites(
        """
        activar activo / desactivar desactivo
        abierto abierta abrir / cerrado cerrada cerrar
        aumentar subir / disminuir reducir bajar
        empezar / terminar
        ventaja / desventaja
        comprar / vender
        legal / ilegal
        con / sin
        antes / después
        grande / pequeño
        alto / bajo
        bueno / malo
        más / menos
        aceptar / rechazar
        padre hermano hijo / madre hermana hija
        """,
        "es",
        _IN_SPANISH,
    ),
)
