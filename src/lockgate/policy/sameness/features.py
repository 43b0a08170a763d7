"""What a pair of texts looks like, in numbers: how near their vectors are, and how their words can be laid over each other.

All are the same whichever of the two comes first. `FEATURES` names them, in the order of the vector; a model that was trained
with others does not fit.
"""

from __future__ import annotations

from itertools import pairwise

from lockgate.policy.sameness.reading import Reading

#: Name → whether more of it speaks for sameness (1), against it (-1), or neither by itself (0).
FEATURES: dict[str, int] = {
    "cosine": 1,
    "carriers_shared": 0,  # how many words of meaning both have
    "carriers_alone_least": -1,  # … that one of them alone has: of the one with fewer (a substitution, if it is not 0)
    "carriers_alone_most": -1,
    "carriers_overlap": 1,  # shared to all
    "trigrams_overlap": 1,
    "small_alone": -1,  # small words that one of them alone has
    "small_overlap": 1,
    "in_order": 1,  # longest common subsequence of all words, to the longer one
    "length_ratio": 0,
    "length": 0,
    "turns": -1,  # shared words that come in another order
    "asks_differ": -1,
    "modals_differ": -1,
    "persons_differ": -1,
    "owners_differ": -1,
    "articles_differ": -1,
    "question_differs": -1,
    "first_differs": 0,  # the first word of the two
    "last_differs": -1,
    "has_figures": 0,
    "has_names": 0,
    "denies": 0,
    "alone_longest": -1,  # length of the longest word that one of them alone has
}


def features(left: Reading, right: Reading, cosine: float) -> list[float]:
    """The vector of a pair. `cosine` is that of their embeddings."""
    here, there = left.carriers, right.carriers
    shared = len(here & there)
    alone_here, alone_there = here - there, there - here
    few, many = sorted((len(alone_here), len(alone_there)))
    grams = len(left.trigrams | right.trigrams)
    small_alone = len(left.small ^ right.small)
    small_all = len(left.small | right.small)
    longer = max(len(left.words), len(right.words)) or 1
    shorter = min(len(left.words), len(right.words))
    return [
        cosine,
        shared,
        few,
        many,
        shared / ((shared + few + many) or 1),
        len(left.trigrams & right.trigrams) / (grams or 1),
        small_alone,
        1 - small_alone / (small_all or 1),
        _common(left.words, right.words) / longer,
        shorter / longer,
        longer,
        _turns(left.words, right.words),
        len(left.asks ^ right.asks),
        len(left.modals ^ right.modals),
        len(set(left.persons) ^ set(right.persons)),
        len(left.owners ^ right.owners),
        abs(len(left.articles) - len(right.articles)) if left.articles != right.articles else 0,
        left.is_question != right.is_question,
        left.words[:1] != right.words[:1],
        left.words[-1:] != right.words[-1:],
        bool(left.numbers or left.dates or left.units or right.numbers or right.dates or right.units),
        len(left.names | right.names),
        left.negations + right.negations,
        max(map(len, alone_here | alone_there), default=0),
    ]


#: Words of a text that are laid over another's: beyond, both are long, and what is first tells.
_LAID = 40


def _common(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """The length of the longest common subsequence."""
    one, other = one[:_LAID], other[:_LAID]
    start = 0
    while start < len(one) and start < len(other) and one[start] == other[start]:
        start += 1
    one, other = one[start:], other[start:]
    row = [0] * (len(other) + 1)
    for word in one:
        before = 0
        for at, match in enumerate(other, 1):
            above = row[at]
            if word == match:
                row[at] = before + 1
            elif row[at - 1] > above:
                row[at] = row[at - 1]
            before = above
    return start + row[-1]


def _turns(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """How often the words of one that both have step back in the other."""
    places = {word: at for at, word in enumerate(other)}
    order = [places[word] for word in dict.fromkeys(one) if word in places]
    return sum(after < before for before, after in pairwise(order))
