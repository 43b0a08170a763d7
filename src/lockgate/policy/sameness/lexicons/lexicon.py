"""One language's words by what they do in a comparison."""

from __future__ import annotations

import msgspec

from lockgate.policy.sameness.stems import stemmer
from lockgate.policy.sameness.words import in_order, words


class Lexicon(msgspec.Struct, frozen=True):
    """The words of one language. Stems are those of `stems.stemmer`."""

    #: Words that carry no meaning of their own; and articles, which do not count at all.
    small: frozenset[str]
    articles: frozenset[str]
    #: Word → group: question words, modals, persons, owners, words of extent.
    asking: dict[str, str]
    modals: dict[str, str]
    persons: dict[str, str]
    owners: dict[str, str]
    extents: dict[str, str]
    #: Months, days of the week, seasons: another one is another date.
    calendar: frozenset[str]
    negations: frozenset[str]
    #: Words that make a question of what they begin.
    beginning: frozenset[str]
    #: Words that say a text speaks of words, and words of manners that are spoken of where they are left.
    speaking: frozenset[str]
    #: Words that say which of two things is which: where one stands, order tells.
    ways: frozenset[str]
    #: Two words that are one, → it.
    joined: dict[tuple[str, str], str]
    #: Irregular word → its plain form; stem → the first of those that mean the same.
    plain: dict[str, str]
    synonyms: dict[str, str]
    #: Stem → stems that are never meant when it is said.
    opposites: dict[str, frozenset[str]]


def groups(text: str) -> dict[str, str]:
    """`group: words` separated by `|` → word → group."""
    found: dict[str, str] = {}
    for line in text.replace("\n", "|").split("|"):
        group, _, members = line.partition(":")
        for word in members.split():
            found[word] = group.strip()
    return found


def joined(text: str) -> dict[tuple[str, str], str]:
    """`word: first second, first second` separated by `|`."""
    found: dict[tuple[str, str], str] = {}
    for line in text.replace("\n", "|").split("|"):
        word, _, phrases = line.partition(":")
        for phrase in phrases.split(","):
            if pair := in_order(phrase):
                found[pair[0], pair[1]] = word.strip()
    return found


def synonyms(text: str, language: str) -> dict[str, str]:
    """Groups of words that mean the same, separated by `|` → stem → stem of the first."""
    stem = stemmer(language)
    found: dict[str, str] = {}
    for line in text.replace("\n", "|").split("|"):
        members = [stem(word) for word in line.split()]
        for member in members[1:]:
            found.setdefault(member, members[0])
    return found


def opposites(text: str, language: str, same: dict[str, str]) -> dict[str, frozenset[str]]:
    """`these words / those words` separated by `|` → stem → the stems across."""
    stem = stemmer(language)

    def stems(side: str) -> frozenset[str]:
        return frozenset(same.get(stem(word), stem(word)) for word in words(side))

    found: dict[str, frozenset[str]] = {}
    for line in text.replace("\n", "|").split("|"):
        one, _, other = line.partition("/")
        left, right = stems(one), stems(other)
        for here, there in ((left, right), (right, left)):
            for word in here:
                found[word] = found.get(word, frozenset()) | there
    return found
