"""The canonical key of a text: equal for two texts that differ in spelling and manners alone, and for no others.

What may be written in several ways is written in one: characters and case, contractions, numbers and number words, dates,
times, units, currencies. Politeness is dropped. Everything else stays, in its order: question words, modals, pronouns,
negations, articles, tenses. So direction, polarity and names need no rules of their own: they are in the key.

Every rule here is safe if no two texts of different meaning come out alike; that one text comes out odd does no harm.
"""

from __future__ import annotations

import re
from hashlib import blake2b

import msgspec

from lockgate.policy.sameness.capitals import tells
from lockgate.policy.sameness.dates import dates
from lockgate.policy.sameness.language import FLEETING_UNSPACED, OTHER, UNKNOWN, is_fleeting, language_of
from lockgate.policy.sameness.manners import opened, without_manners
from lockgate.policy.sameness.quantities import quantities
from lockgate.policy.sameness.text import LONGEST, is_literal, tokens_of, uniform
from lockgate.policy.sameness.tongues.tongue import Tongue

#: Keys of one version are compared; a change of any rule is a new version.
VERSION = 1
_NOT_KNOWN = frozenset((UNKNOWN.code, OTHER.code))
_PERSON = b"canonical %d" % VERSION


class Canonical(msgspec.Struct, frozen=True):
    """A text in its one form. `tokens` are for people to read; `key` is what is looked up (16 bytes)."""

    key: bytes
    tokens: tuple[str, ...]
    language: str


def canonical(text: str) -> Canonical | None:
    """The canonical form of a text; None if it must not be matched.

    That is an empty one, one too long, and one that is bound to its moment ("today", "latest").
    """
    if len(text) > LONGEST:
        return None
    text = uniform(text)
    if is_literal(text):
        return _as_it_is(text)
    tokens, tongue = _parsed(text)
    if is_fleeting(tokens, tongue):
        return None
    if tongue.code in _NOT_KNOWN:
        return _keyed(_smooth(tokens), tongue) if text.isascii() else _as_it_is(text)
    return _keyed(_normal(tokens, tongue), tongue)


def normal(text: str) -> tuple[list[str], str]:
    """The tokens of a text in its one form, whatever it is bound to, and its language: "?", and all is one token."""
    text = uniform(text)
    if not is_literal(text):
        tokens, tongue = _parsed(text)
        if tongue.code not in _NOT_KNOWN:
            return _normal(tokens, tongue), tongue.code
        if text.isascii() and not tongue.code:
            return _smooth(tokens), ""
    return [f"=={text}"], "?"


def _parsed(text: str) -> tuple[list[str], Tongue]:
    tokens = tokens_of(text)
    tongue = language_of(tokens)
    return _respelled(tokens, tongue), tongue


def _normal(tokens: list[str], tongue: Tongue) -> list[str]:
    tokens = _smooth(without_manners(tokens, tongue))
    tokens = opened(_settled(quantities(dates(tokens, tongue), tongue), tongue), tongue)
    if len(tokens) > 1 and tokens[-1] == "?" and (tokens[0] in tongue.asking or tokens[0] in tongue.inverting):
        tokens.pop()  # it asks without the mark
    return tokens


def _as_it_is(text: str) -> Canonical | None:
    """Of a text of which nothing may be changed but blanks around it; and between words, if it is on one line."""
    lowered = text.lower()
    if any(word in lowered for word in FLEETING_UNSPACED) or is_fleeting(_WORDS.findall(lowered), UNKNOWN):
        return None
    return _keyed([f"=={text}" if "\n" in text or is_literal(text) else f"=={' '.join(text.split())}"], UNKNOWN)


def _keyed(tokens: list[str], tongue: Tongue) -> Canonical | None:
    if not tokens or tokens == ["?"] or tokens == ["=="]:
        return None
    # No token holds a line end: what has one is literal as a whole, and alone.
    return Canonical(
        blake2b("\n".join(tokens).encode("utf-8", "surrogatepass"), digest_size=16, person=_PERSON).digest(),
        tuple(tokens),
        tongue.code,
    )


def _respelled(tokens: list[str], tongue: Tongue) -> list[str]:
    table = tongue.respelled
    found: list[str] = []
    for token in tokens:
        if written := table.get(token):
            found.extend(written)
        elif token[0] == "^" and not tells(token[1:], tongue.code):
            found.append(token[1:].lower())
        elif len(found) > 1 and found[-1] == "not" and token in tongue.subjects and found[-2] not in tongue.subjects:
            found[-1:] = (token, "not")  # why can't I, why can I not
        else:
            found.append(token)
    return found


def _smooth(tokens: list[str]) -> list[str]:
    """The tokens without marks at the ends, but for a last "?", and without the comma before "and" and "or"."""
    asks = False
    while tokens and tokens[-1] in _ENDING:
        asks = tokens[-1] == "?" or asks
        tokens = tokens[:-1]
    if "," in tokens:
        last = len(tokens) - 1
        tokens = [token for at, token in enumerate(tokens) if token != _COMMA or at == last or tokens[at + 1] not in _JOINING]
    return [*tokens, "?"] if asks else tokens


_ENDING = frozenset(".,:?¶")
_COMMA = ","
_JOINING = frozenset(("and", "or", "und", "oder", "et", "ou", "y", "o"))
_WORDS = re.compile(r"\w+")
#: The longest setting, in tokens, its preposition included.
_SETTING = 4


def _settled(tokens: list[str], tongue: Tongue) -> list[str]:
    """The tokens with a setting that stands before its question put behind it: "in Excel, how do I …"."""
    if not tokens or tokens[0] not in tongue.setting:
        return tokens
    asking, inverting = tongue.asking, tongue.inverting
    for at in range(1, min(_SETTING, len(tokens) - 2) + 1):
        token = tokens[at]
        if token == _COMMA or (at > 1 and token in asking):
            start = at + 1 if token == _COMMA else at
            if tokens[start] not in asking and tokens[start] not in inverting:
                return tokens
            question = tokens[start:-1] if tokens[-1] == "?" else tokens[start:]
            return tokens if _ENDING.intersection(question) else [*question, *tokens[:at]]
        if token in asking:
            return tokens
    return tokens
