"""One language as data: which words tell that a text is in it, and what may be dropped or written alike."""

from __future__ import annotations

from typing import Literal

import msgspec

from lockgate.policy.sameness.words import in_order, words

#: A frame, words with which a question or request is introduced, and what must follow for it to be dropped: "ask" a question
#: word or "whether"; "more" anything; "pause" a mark, or a word that begins a question; "keep" anything, and the
#: frame keeps what comes after "can you".
Follow = Literal["ask", "more", "pause", "keep"]


class Tongue(msgspec.Struct, frozen=True):
    """A language. Phrases are in tokens, after `respelled`; their values are tokens too."""

    code: str
    #: Words that no other of the languages has, or hardly.
    markers: frozenset[str]
    #: token → the tokens that it is written as: contractions, and spellings of one word.
    respelled: dict[str, tuple[str, ...]]
    #: first word → phrases that begin with it, longest first → what must follow.
    frames: dict[str, tuple[tuple[tuple[str, ...], Follow], ...]]
    #: last word → phrases of thanks and manners that end a text, longest first.
    farewells: dict[str, tuple[tuple[str, ...], ...]]
    #: Openings that ask for the same thing: first word → (opening, unless one of these comes next, what it is written as).
    openings: dict[str, tuple[tuple[tuple[str, ...], frozenset[str], tuple[str, ...]], ...]]
    #: Words that ask, words for "whether", and words that begin a question without asking themselves.
    asking: frozenset[str]
    whether: frozenset[str]
    starters: frozenset[str]
    #: Verbs that make a question by standing first. (Not in Spanish, where statements begin so as well.)
    inverting: frozenset[str]
    #: Prepositions of a setting that may stand before its question or after it: "in Excel, how do I …".
    setting: frozenset[str]
    #: Words that say a text speaks of words ("how do I say please"): its manners stay.
    speaking: frozenset[str]
    #: Verbs that an indirect question may end with, → what it begins with: "where my order is" → "where is my order".
    final: dict[str, tuple[str, ...]]
    #: (subject, verb) that an indirect question turns around: "how i can" → "how can i".
    turned: frozenset[tuple[str, str]]
    #: Words for numbers below 100 by value; "hundred" and the like by what they multiply.
    numbers: dict[str, int]
    scales: dict[str, int]
    ordinals: dict[str, int]
    months: dict[str, int]
    #: Words, and pairs of words, for which an answer of yesterday is none: such a text is never matched.
    fleeting: frozenset[str]
    fleeting_pairs: frozenset[tuple[str, str]]
    #: Decimal and thousands marks, and whether a day comes before its month in figures.
    decimal: str = "."
    day_first: bool = False
    #: The verb that asks where no other can be turned around: "whether you ship" → "do you ship".
    asker: str = ""
    #: Words that such a verb asks about.
    subjects: frozenset[str] = frozenset()


def by_first(phrases: str, follow: Follow) -> list[tuple[tuple[str, ...], Follow]]:
    """The phrases of a text, one a line or separated by `|`, each with what must follow it."""
    return [(in_order(phrase), follow) for phrase in phrases.replace("\n", "|").split("|") if phrase.strip()]


def frames(*groups: list[tuple[tuple[str, ...], Follow]]) -> dict[str, tuple[tuple[tuple[str, ...], Follow], ...]]:
    """Frames by their first word, longest first."""
    found: dict[str, list[tuple[tuple[str, ...], Follow]]] = {}
    for group in groups:
        for phrase, follow in group:
            found.setdefault(phrase[0], []).append((phrase, follow))
    return {first: tuple(sorted(group, key=lambda one: -len(one[0]))) for first, group in found.items()}


def farewells(phrases: str) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Phrases that end a text by their last word, longest first."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for phrase, _ in by_first(phrases, "more"):
        found.setdefault(phrase[-1], []).append(phrase)
    return {last: tuple(sorted(group, key=len, reverse=True)) for last, group in found.items()}


def openings(
    *rules: tuple[str, str, str],
) -> dict[str, tuple[tuple[tuple[str, ...], frozenset[str], tuple[str, ...]], ...]]:
    """Rules (openings, unless followed by, written as) by first word, longest first."""
    found: dict[str, list[tuple[tuple[str, ...], frozenset[str], tuple[str, ...]]]] = {}
    for phrases, unless, written in rules:
        for phrase, _ in by_first(phrases, "more"):
            found.setdefault(phrase[0], []).append((phrase, words(unless), in_order(written)))
    return {first: tuple(sorted(group, key=lambda one: -len(one[0]))) for first, group in found.items()}


def turned(subjects: str, verbs: str) -> frozenset[tuple[str, str]]:
    """Every subject with every verb."""
    return frozenset((subject, verb) for subject in subjects.split() for verb in verbs.split())


def respelled(pairs: str) -> dict[str, tuple[str, ...]]:
    """`one: the tokens` a line or separated by `|`."""
    split = (pair.split(":") for pair in pairs.replace("\n", "|").split("|") if pair.strip())
    return {word.strip(): in_order(written) for word, written in split}


def numbered(text: str, start: int = 0, step: int = 1) -> dict[str, int]:
    """Words in order, each with its number; `/` between spellings of one."""
    return {word: start + at * step for at, spellings in enumerate(text.split()) for word in spellings.split("/")}


def pairs(firsts: str, seconds: str) -> frozenset[tuple[str, str]]:
    """Every first word with every second."""
    return frozenset((first, second) for first in firsts.split() for second in seconds.split())
