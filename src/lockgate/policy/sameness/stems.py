"""Light stemmers: enough to see that "resetting" and "reset" are one word. Only for comparing; no key is made of stems, for
"customs" are not "custom".
"""

from __future__ import annotations

import re
from collections.abc import Callable

Stemmer = Callable[[str], str]

_DOUBLED = re.compile(r"([bdgmnprt])\1$")
_ENGLISH = (
    ("ational", 3, "ate"),
    ("ization", 3, "ize"),
    ("iness", 3, "y"),
    ("ingly", 3, ""),
    ("ies", 3, "y"),
    ("ied", 3, "y"),
    ("ing", 3, ""),
    ("ed", 3, ""),
)
_ENGLISH_AFTER = (
    ("ment", 4, ""),
    ("ness", 4, ""),
    ("er", 4, ""),
    ("or", 4, ""),
    ("ly", 4, ""),
    ("ion", 4, ""),
    ("al", 4, ""),
    ("e", 3, ""),
)
_GERMAN = (
    ("ern", 3, ""),
    ("em", 3, ""),
    ("en", 3, ""),
    ("er", 3, ""),
    ("es", 3, ""),
    ("st", 4, ""),
    ("e", 3, ""),
    ("n", 4, ""),
    ("s", 4, ""),
    ("t", 4, ""),
)
_ROMANCE = (
    ("mente", 3, ""),
    ("aciones", 3, "a"),
    ("ación", 3, "a"),
    ("ations", 3, "a"),
    ("ation", 3, "a"),
    ("iones", 3, "ión"),
    ("es", 3, ""),
    ("s", 3, ""),
)
_ROMANCE_AFTER = (("ar", 3, ""), ("er", 3, ""), ("ir", 3, ""), ("o", 3, ""), ("a", 3, ""), ("e", 3, ""))


def _cut(word: str, endings: tuple[tuple[str, int, str], ...]) -> str:
    """The word with the first ending that leaves enough of it replaced."""
    for ending, least, instead in endings:
        if word.endswith(ending) and len(word) - len(ending) >= least:
            return word[: -len(ending)] + instead
    return word


def _english(word: str) -> str:
    if word.endswith("'s"):
        word = word[:-2]
    if len(word) < 4:
        return word
    if word[-1] == "s" and word[-2] not in "su" and not word.endswith("ies"):
        word = word[:-2] if word.endswith(("sses", "xes", "ches", "shes", "zes")) else word[:-1]
    word = _cut(word, _ENGLISH)
    return _DOUBLED.sub(r"\1", _cut(word, _ENGLISH_AFTER))


def _german(word: str) -> str:
    return _cut(word[2:] if word.startswith("ge") and word.endswith("t") and len(word) > 6 else word, _GERMAN)


def _romance(word: str) -> str:
    if len(word) > 2 and word[1] == "'":
        word = word[2:]
    return _cut(_cut(word, _ROMANCE), _ROMANCE_AFTER)


def _none(word: str) -> str:
    return word


_BY_LANGUAGE: dict[str, Stemmer] = {"en": _english, "": _english, "de": _german, "fr": _romance, "es": _romance}


def stemmer(language: str) -> Stemmer:
    """The stemmer of a language, by its code."""
    return _BY_LANGUAGE.get(language, _none)
