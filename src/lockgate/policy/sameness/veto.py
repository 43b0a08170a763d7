"""Why one text must not be answered with what was answered to another, however alike they look.

What is looked at differs in kind from what an embedding sees: a number, a name or a "not" hardly moves a vector, and
changes the answer. A veto is no verdict that two texts differ, but that nobody should say without asking that they do
not.
"""

from __future__ import annotations

from collections.abc import Callable

from lockgate.policy.sameness.lexicon import lexicon_of
from lockgate.policy.sameness.lexicons.lexicon import Lexicon
from lockgate.policy.sameness.reading import Reading, read
from lockgate.policy.sameness.words import words

#: What prefixes turn a word into its opposite.
_TURNING = ("un", "dis", "non-", "non", "in", "im", "il", "ir", "de", "mis", "anti", "des", "dés", "dé", "mal", "i", "a")
_LEAST = 3


def veto(one: str | Reading, other: str | Reading) -> str:
    """The first reason against it, as a word; empty if there is none.

     `language` · `code` (what is compared as it is) · `quoted` (strings, identifiers) · `numbers` · `units` · `dates` ·
    `negation` · `names` · `question` (when, where, why, who) · `owner` (my, your) · `person` (I, you, she) · `modal` ·
    `article` · `words` · `extent` (all, only) · `polarity` · `direction`
    """
    left = read(one) if isinstance(one, str) else one
    right = read(other) if isinstance(other, str) else other
    if left.tokens == right.tokens:
        return "" if left.language == right.language else "language"
    if "?" in (left.language, right.language):
        return "code"
    if left.language != right.language and "" not in (left.language, right.language):
        return "language"
    for reason, differs in _APART:
        if differs(left, right):
            return reason
    lexicon = lexicon_of(left.language or right.language)
    if _opposed(left, right, lexicon):
        return "polarity"
    return "direction" if _turned_around(left, right) else ""


def _names_differ(left: Reading, right: Reading) -> bool:
    return not (left.names <= right.carriers | _pieces(right) and right.names <= left.carriers | _pieces(left))


def _pieces(reading: Reading) -> frozenset[str]:
    """What a name may stand in the other text as, beside a word: "MB", "C++"."""
    return frozenset(token[1:].lower() for token in (*reading.literals, *reading.units))


_FIRM = frozenset(("when", "where", "why", "who"))
_TELLING = _FIRM | {"whether", "yes"}
_HOW = frozenset(("when", "why", "who"))


def _questions_differ(left: Reading, right: Reading) -> bool:
    """Of when, where, why, who and how, both ask one, and not the same. (How and where something is done are often one
    question.)
    """
    here, there = left.asks, right.asks
    if here & _FIRM and there & _FIRM:
        return here & _FIRM != there & _FIRM
    if ("how" in here and there & _HOW) or ("how" in there and here & _HOW):
        return True
    if left.degree and right.degree and left.degree != right.degree:
        return True
    if left.language == right.language == "fr" and left.is_question != right.is_question:
        return True  # "vous livrez" tells, "livrez-vous" asks
    if left.carriers != right.carriers:
        return False
    if left.degree != right.degree:
        return True
    if {"how", "where"} <= here ^ there:
        return False
    return left.is_question != right.is_question or here & _TELLING != there & _TELLING


def _owners_differ(left: Reading, right: Reading) -> bool:
    return bool(left.owners and right.owners and left.owners != right.owners)


_THIRD = frozenset(("he", "she", "they"))


def _persons_differ(left: Reading, right: Reading) -> bool:
    here, there = _THIRD.intersection(left.persons), _THIRD.intersection(right.persons)
    if here and there and here != there:
        return True
    # "you" may be anybody; but who asks what I may and what you may, in the same words, asks for two things.
    return left.carriers == right.carriers and bool(left.persons and right.persons) and left.persons != right.persons


#: Modals that a question often does without: "how can I", "how do I".
_LIGHT = frozenset(("can", "will", "now"))


def _modals_differ(left: Reading, right: Reading) -> bool:
    """Whether one may and one should, did and will do: in the same words, two questions."""
    if left.carriers != right.carriers:
        return False
    here, there = left.modals, right.modals
    if not here or not there:
        return not here | there <= _LIGHT | {"past"}  # the past is often in the verb alone
    return here - _LIGHT != there - _LIGHT or ("can" in here and "will" in there) or ("will" in here and "can" in there)


def _articles_differ(left: Reading, right: Reading) -> bool:
    """Of so little as "what is (the) time?", the article is much; and "most people" are not "the most people"."""
    if left.carriers != right.carriers or left.articles == right.articles or left.literals:
        return False
    return len(left.carriers) < 2 or "most" in left.small


def _words_differ(left: Reading, right: Reading) -> bool:
    """Of words that are spoken of, each counts, and how often; of the same words in the same order, so do the marks between
    them.
    """
    if left.words == right.words:
        return left.tokens.count(",") != right.tokens.count(",")
    if (left.speaks_of_words or right.speaks_of_words) and not left.literals:
        return left.carriers != right.carriers or len(left.words) != len(right.words)
    if left.carriers != right.carriers:
        return False
    return _count(left) != _count(right) or _one_differs(left.words, right.words) or _little_differs(left, right)


def _one_differs(here: tuple[str, ...], there: tuple[str, ...]) -> bool:
    """Whether one word is another, and all else the same: nobody says it anew to change a "for" into an "in"."""
    if len(here) != len(there):
        return False
    apart = [{one, other} for one, other in zip(here, there, strict=True) if one != other]
    return len(apart) == 1 and apart[0] not in _EXCHANGED


_EXCHANGED = [
    {"which", "what"},
    {"can", "could"},
    {"can", "do"},
    {"can", "does"},
    {"if", "whether"},
    {"in", "with"},
    {"in", "at"},
    {"is", "are"},
    {"do", "does"},
    {"where", "how"},
]


def _little_differs(left: Reading, right: Reading) -> bool:
    """Of texts with one word of meaning, the small ones say the rest."""
    return len(left.carriers) < 2 and not (left.small ^ right.small) <= _IDLE


_IDLE = words("can could do does did is are it there to be would will i what which how have has")


def _count(reading: Reading) -> int:
    return sum(word in reading.carriers for word in reading.words)


def _capitals_differ(left: Reading, right: Reading) -> bool:
    """Whether a word of which the capital tells has it in one of them alone."""
    return any(token[1:].lower() in right.tokens for token in left.capitals - right.capitals) or any(
        token[1:].lower() in left.tokens for token in right.capitals - left.capitals
    )


def _literals_differ(left: Reading, right: Reading) -> bool:
    return left.literals != right.literals


def _numbers_differ(left: Reading, right: Reading) -> bool:
    return left.numbers != right.numbers


def _units_differ(left: Reading, right: Reading) -> bool:
    return left.units != right.units


def _dates_differ(left: Reading, right: Reading) -> bool:
    return left.dates != right.dates


def _negations_differ(left: Reading, right: Reading) -> bool:
    return left.negations != right.negations


def _extents_differ(left: Reading, right: Reading) -> bool:
    return left.extents != right.extents


_APART: tuple[tuple[str, Callable[[Reading, Reading], bool]], ...] = (
    ("quoted", _literals_differ),
    ("numbers", _numbers_differ),
    ("units", _units_differ),
    ("dates", _dates_differ),
    ("negation", _negations_differ),
    ("names", _names_differ),
    ("names", _capitals_differ),
    ("question", _questions_differ),
    ("owner", _owners_differ),
    ("person", _persons_differ),
    ("modal", _modals_differ),
    ("article", _articles_differ),
    ("extent", _extents_differ),
    ("words", _words_differ),
)


#: All that is looked at, by the words in which a veto says it.
CHECKS: tuple[str, ...] = ("language", "code", *dict.fromkeys(reason for reason, _ in _APART), "polarity", "direction")


def _opposed(left: Reading, right: Reading, lexicon: Lexicon) -> bool:
    """Whether a word of one has its opposite in the other, which has not the word itself."""
    here, there = left.carriers | left.small, right.carriers | right.small
    mine, yours = here - there, there - here
    opposites = lexicon.opposites
    if any(not opposites[word].isdisjoint(yours) for word in mine if word in opposites):
        return True
    return _prefixed(mine, yours) or _prefixed(yours, mine)


def _prefixed(turned: frozenset[str], others: frozenset[str]) -> bool:
    for word in turned:
        if len(word) > _LEAST:
            for prefix in _TURNING:
                if word.startswith(prefix) and len(rest := word[len(prefix) :]) >= _LEAST and _has(others, rest):
                    return True
    return False


def _has(others: frozenset[str], rest: str) -> bool:
    """Whether a word is among others, stems being cut at different places."""
    return rest in others or any(other.startswith(rest) or (len(other) > _LEAST and rest.startswith(other)) for other in others)


def _turned_around(left: Reading, right: Reading) -> bool:
    """Whether what both speak of stands the other way round: by a word that says which way, or three words in a row."""
    here, there = _places(left), _places(right)
    common = [word for word in here if word in there]
    order = [there[word] for word in common]
    if order == sorted(order):
        return False
    if (left.is_directed and right.is_directed) or (left.language == "de" and left.carriers == right.carriers):
        return True  # in German, the article says who does it to whom
    if len(left.carriers) == 2 and left.carriers == right.carriers:
        return [word for word in left.words if word in left.carriers] != [word for word in right.words if word in left.carriers]
    return _falls_thrice(order)


def _places(reading: Reading) -> dict[str, int]:
    """Where each word stands that comes once."""
    order = reading.words
    return {word: at for at, word in enumerate(order) if order.count(word) == 1}


def _falls_thrice(order: list[int]) -> bool:
    """Whether three of them, in a row or not, go down."""
    pair = -1
    highest = order[0]
    for place in order[1:]:
        if place < pair:
            return True
        if place < highest:
            pair = max(pair, place)
        highest = max(highest, place)
    return False
