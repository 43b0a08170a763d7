"""A text read for comparison: what it names, counts, denies and asks, each apart. A text is read once and compared often."""

from __future__ import annotations

from itertools import pairwise

import msgspec

from lockgate.policy.sameness.canonical import normal
from lockgate.policy.sameness.lexicon import lexicon_of
from lockgate.policy.sameness.lexicons.lexicon import Lexicon
from lockgate.policy.sameness.stems import Stemmer, stemmer
from lockgate.policy.sameness.text import uniform


class Reading(msgspec.Struct, frozen=True):
    """What a text says. Carriers are stems, the first of those that mean the same; all else is in lower case."""

    #: The language's code; empty if it is none of those known, "?" if nothing at all is known of the text.
    language: str
    #: The text in its one form, as the canonical key has it.
    tokens: tuple[str, ...]
    #: All words but articles in their order: carriers as stems, small words as they are.
    words: tuple[str, ...] = ()
    #: Words that carry the meaning, and those that do not.
    carriers: frozenset[str] = frozenset()
    small: frozenset[str] = frozenset()
    #: Numbers, dates, units and what is literal, sorted, each as often as it comes.
    numbers: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    literals: tuple[str, ...] = ()
    #: Stems of what has a capital within a sentence; none where capitals are grammar, or everywhere.
    names: frozenset[str] = frozenset()
    #: How often it denies.
    negations: int = 0
    #: Of whom it speaks (I, you, he …), in their order.
    persons: tuple[str, ...] = ()
    #: Whether it asks, and does not tell or command.
    is_question: bool = False
    #: After "how": much, many, often.
    degree: str = ""
    #: Whether it speaks of words: how they are said, translated, spelled.
    speaks_of_words: bool = False
    #: Articles, as often as they come; and words of which capitals tell, as they are.
    articles: tuple[str, ...] = ()
    capitals: frozenset[str] = frozenset()
    #: Groups of its question words, modals, owners ("my"), words of extent ("all", "only").
    asks: frozenset[str] = frozenset()
    modals: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()
    extents: frozenset[str] = frozenset()
    #: Whether a word says which of two things is which: "from", "than", "before".
    is_directed: bool = False
    #: All runs of three characters in its carriers.
    trigrams: frozenset[str] = frozenset()


_DEGREES = frozenset(("much", "many", "often", "long", "old", "big", "far"))


def read(text: str) -> Reading:
    """Reads a text."""
    tokens, language = normal(text)
    if language == "?":
        return Reading(language, tuple(tokens), literals=tuple(tokens))
    lexicon = lexicon_of(language)
    stem = stemmer(language)
    kept: dict[str, list[str]] = {"#": [], "@": [], "~": [], "=": []}
    order: list[str] = []
    carriers: list[str] = []
    small: set[str] = set()
    for token in _joined(tokens, lexicon):
        first = token[0]
        if first in kept:
            kept[first].append(token)
            order.append(token)
            continue
        word = token[1:].lower() if first == "^" and len(token) > 1 else token
        if word in lexicon.small:
            if word not in lexicon.articles:
                small.add(word)
                order.append(word)
        elif word in lexicon.calendar:
            kept["@"].append(word)
            order.append(word)
        elif word[0].isalpha():
            carrier = _carrier(word, lexicon, stem)
            carriers.append(carrier)
            order.append(carrier)
    plain = f" {' '.join(carriers)} "
    return Reading(
        language=language,
        tokens=tuple(tokens),
        words=tuple(order),
        carriers=frozenset(carriers),
        small=frozenset(small),
        numbers=tuple(sorted(kept["#"])),
        dates=tuple(sorted(kept["@"])),
        units=tuple(sorted(kept["~"])),
        literals=tuple(sorted(kept["="])),
        names=frozenset() if language == "de" else _names(text, lexicon, stem),
        negations=sum(token in lexicon.negations for token in tokens),
        persons=tuple(lexicon.persons[token] for token in ("i", *tokens[2:]) if token in lexicon.persons)
        if tokens[:2] == ["how", "to"]
        else tuple(lexicon.persons[token] for token in tokens if token in lexicon.persons),
        is_question=tokens[-1:] == ["?"] or bool(tokens and tokens[0] in lexicon.beginning),
        degree=next((after for word, after in pairwise(tokens) if word == "how" and after in _DEGREES), ""),
        speaks_of_words=not lexicon.speaking.isdisjoint(tokens),
        articles=tuple(token for token in tokens if token in lexicon.articles),
        capitals=frozenset(token for token in tokens if token[0] == "^"),
        asks=_groups(small, lexicon.asking),
        modals=_groups(small, lexicon.modals),
        owners=_groups(small, lexicon.owners),
        extents=_groups(small, lexicon.extents),
        is_directed=not lexicon.ways.isdisjoint(small),
        trigrams=frozenset(plain[at : at + 3] for at in range(len(plain) - 2)),
    )


def _carrier(word: str, lexicon: Lexicon, stem: Stemmer) -> str:
    found = stem(lexicon.plain.get(word, word))
    return lexicon.synonyms.get(found, found)


def _joined(tokens: list[str], lexicon: Lexicon) -> list[str]:
    """The tokens with two words that are one as one."""
    joined = lexicon.joined
    if not joined or joined.keys().isdisjoint(pairwise(tokens)):
        return tokens
    found: list[str] = []
    for token in tokens:
        if found and (word := joined.get((found[-1], token))):
            found[-1] = word
        else:
            found.append(token)
    return found


def _groups(small: set[str], table: dict[str, str]) -> frozenset[str]:
    return frozenset(table[word] for word in small if word in table)


def _names(text: str, lexicon: Lexicon, stem: Stemmer) -> frozenset[str]:
    chunks = uniform(text).split()
    found: set[str] = set()
    for before, chunk in pairwise(chunks):
        word = chunk.strip("\"'“”«».,;:!?()")
        if not word or word.islower() or before[-1] in ".?!:" or word == "I" or not word[0].isalpha():
            continue
        lower = word.lower()
        if lower not in lexicon.small and lower not in lexicon.calendar and "'" not in word[:2]:
            found.add(_carrier(lower, lexicon, stem))
    return frozenset(found) if len(found) < 4 or len(found) < 0.6 * len(chunks) else frozenset()
