"""What is said to be polite, and changes nothing: greetings, "could you tell me", "please", thanks.

Dropped only where it stands as manners do: at the ends, and with a mark or a question beside it. "Hello in Spanish" is no
greeting, and a text that speaks of words ("how do I say please") keeps all of its own. Question words, modals and
pronouns always stay; an indirect question ("tell me where my order is") is turned into the direct one.
"""

from __future__ import annotations

from lockgate.policy.sameness.tongues.tongue import Tongue
from lockgate.policy.sameness.words import words

_MARKS = frozenset(",.:?¶")
_TWICE = 4


def without_manners(tokens: list[str], tongue: Tongue) -> list[str]:
    """The tokens without what is only polite. Empty if there was nothing else."""
    if tongue.speaking.isdisjoint(tokens[1:]):
        tokens = _without_end(tokens, tongue)
    for _ in range(_TWICE):
        shorter = _without_frame(tokens, tongue)
        if shorter is tokens:
            break
        tokens = shorter
        if tokens and tokens[0][0] == "^" and tokens[0][1:].istitle():
            tokens = [tokens[0][1:].lower(), *tokens[1:]]  # what was within the sentence begins it now
    return tokens


def _without_end(tokens: list[str], tongue: Tongue) -> list[str]:
    tokens = list(tokens)
    asks = False
    for _ in range(_TWICE):
        while tokens and tokens[-1] in _MARKS:
            asks = tokens.pop() == "?" or asks
        for phrase in tongue.farewells.get(tokens[-1], ()) if tokens else ():
            rest = len(tokens) - len(phrase)
            if rest >= 0 and tuple(tokens[rest:]) == phrase and (rest == 0 or tokens[rest - 1] not in _HOLDING):
                del tokens[rest:]
                break
        else:
            break
    if asks:
        tokens.append("?")
    return tokens


#: After these, "please" and "thanks" are what is spoken of.
_HOLDING = words(
    """
    for to and or of the a with than is are not no like = in und oder et ou y o de für von
    """
)


def _without_frame(tokens: list[str], tongue: Tongue) -> list[str]:
    """The tokens without one frame at their beginning; the same list if there is none."""
    if not tokens:
        return tokens
    if tokens[0] in _MARKS:
        return tokens[1:]
    speaks = not tongue.speaking.isdisjoint(tokens[1:])
    for phrase, follow in tongue.frames.get(tokens[0], ()):
        length = len(phrase)
        if tuple(tokens[:length]) != phrase:
            continue
        rest = tokens[length:]
        after = rest[0] if rest else ""
        if follow == "pause":
            if after in _MARKS or (after in tongue.starters and not speaks):
                return rest
        elif follow == "ask":
            asked = rest[1:] if after in _COMMAS else rest
            if asked and asked[0] in tongue.asking:
                if tokens[0] in _KNOWING and asked[:2] == _ABLE:
                    return tokens  # "do you know how to swim" asks for no lesson
                return _direct(asked, tongue)
            if asked and asked[0] in tongue.whether and (turned := _turned(asked[1:], tongue, whether=True)):
                return turned
        elif follow == "more":
            if after in _COMMAS and len(rest) > 1 and rest[1] in tongue.starters:
                return rest[1:]
            if after and after not in _MARKS and after != phrase[-1] and after not in _SPOKEN:
                return _request(rest) if len(phrase) > 1 else rest
        elif rest:
            return _request([*phrase[2:], *rest])
    return tokens


_KNOWING = frozenset(("do", "does"))
_ABLE = ["how", "to"]
_COMMAS = frozenset(",:")
#: What follows "please" where it is spoken of, or a name, or itself what is to be done.
_SPOKEN = words("is are and or vs versus in as me means mean yourself him her them everyone everybody the a my your our")


def _request(tokens: list[str]) -> list[str]:
    """What was asked for as a favour asks no more."""
    return tokens[:-1] if tokens[-1] == "?" else tokens


def _direct(tokens: list[str], tongue: Tongue) -> list[str]:
    """An indirect question as a direct one: "how i can …", "what the capital … is", "how it works"."""
    head = 2 if len(tokens) > 2 and tokens[0] == "how" and tokens[1] in ("much", "many", "long", "old", "far") else 1
    rest = tokens[head:]
    if turned := _turned(rest, tongue):
        return [*tokens[:head], *turned]
    asks = rest[-1:] == ["?"]
    body = rest[:-1] if asks else rest
    if len(body) > 1 and (verb := tongue.final.get(body[-1])) and body[0] not in tongue.final and not _MARKS.intersection(body):
        return [*tokens[:head], verb[0], *body[:-1], *verb[1:], "?"]
    return [*tokens, "?"] if not asks else tokens


def _turned(tokens: list[str], tongue: Tongue, whether: bool = False) -> list[str]:
    """Subject and verb turned around, where they may be: "i can" → "can i"; empty otherwise."""
    if len(tokens) > 1 and (tokens[0], tokens[1]) in tongue.turned:
        return [tokens[1], tokens[0], *tokens[2:]]
    if whether and tongue.asker and len(tokens) > 1 and tokens[0] in tongue.subjects:
        return [tongue.asker, *tokens]
    if tongue.code == "de" and len(tokens) > 2 and tokens[0] == "ich":
        end = len(tokens) - 1 if tokens[-1] == "?" else len(tokens)
        if tokens[end - 1] in ("kann", "muss", "darf", "soll") and not _MARKS.intersection(tokens[:end]):
            return [tokens[end - 1], *tokens[: end - 1], *tokens[end:]]
    return []


def opened(tokens: list[str], tongue: Tongue) -> list[str]:
    """The tokens with their opening in its one form."""
    if tokens:
        for phrase, unless, written in tongue.openings.get(tokens[0], ()):
            length = len(phrase)
            if tuple(tokens[:length]) == phrase and len(tokens) > length and tokens[length] not in unless:
                return [*written, *tokens[length:]]
    return tokens
