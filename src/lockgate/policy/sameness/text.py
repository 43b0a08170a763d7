"""A text as it was typed, taken apart: characters made uniform, what must stay literal kept so, the rest in tokens.

A token is a word in lower case, or begins with a character that no word begins with:

    =  literal, with its case: a quoted string, code, an address, an identifier, a symbol, a single letter
    #  a number   ~  a unit   @  a date or time   ^  a word whose capital may change what it means   and punctuation

What looks like code, or is written without spaces, is one literal token: nothing is known about it that would be safe to drop.
"""

from __future__ import annotations

import re
import unicodedata

from lockgate.policy.sameness.capitals import may_tell
from lockgate.policy.sameness.words import words

#: The longest text that is looked at, in characters. Longer ones are documents, which hardly come twice in other words.
LONGEST = 2000

# NFKC would make 10² to 102 and 1½ to 11⁄2.
_RAISED = {ord(raised): f"^{plain}" for raised, plain in zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n", strict=True)}
_UNIFORM: dict[int, str] = {
    **_RAISED,
    **{ord(fraction): f" {fraction} " for fraction in "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"},
    **dict.fromkeys(map(ord, "\u200b\u2060\ufeff\u00ad"), ""),  # invisible, and without meaning in any script
    **dict.fromkeys(map(ord, "‘’‛ʼ`´′"), "'"),
    **dict.fromkeys(map(ord, "‐‑‒–−"), "-"),
    ord("—"): " , ",
    ord("…"): ". ",
    ord("¿"): " ",
    ord("¡"): " ",
}
del _UNIFORM[ord("`")]  # it holds code
_GROUPED = re.compile(r"(?<=\d)[\u00a0\u202f\u2009](?=\d{3}(?!\d))")
_CODE = re.compile(r"[{}<>\\=;\[\]|*~^]|\w\(|```|::|->|\n[ \t]")
#: Scripts without spaces between words: Thai, Lao, Myanmar, Khmer, Japanese, Chinese, and what lies between.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fff\u3040-\u30ff\u31f0-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]"
)
_LITERAL = re.compile(r"""`[^`]+`|"[^"]*"|“[^”]*”|„[^“”]*[“”]|«[^»]*»|(?<!\w)'[^']+'(?!\w)""")
_QUOTES = re.compile("[`\"“„«']")
_TAIL = re.compile(r"[.,:!?)]+$")
_FOLDED = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)+|[A-Za-z]{2,}-?\d+|[A-Za-z]+(?:\.[jJ][sS]|\+\+|#)")
_MARKS = {",": ",", ":": ":", "(": "(", ")": ")", "¶": "¶"}


def uniform(text: str) -> str:
    """The text in one spelling of characters (Unicode NFKC, but for what that would confuse), without blanks around it."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _GROUPED.sub("", text).translate(_UNIFORM))
    return text.strip()


def is_literal(text: str) -> bool:
    """Whether a uniform text is compared as it is: code, or a script without spaces."""
    return _CODE.search(text) is not None or (not text.isascii() and _UNSPACED.search(text) is not None)


def tokens_of(text: str) -> list[str]:
    """The tokens of a uniform text that is not literal. The last one is "?" if the text asks by its last mark."""
    found: list[str] = []
    if "\n" in text:
        text = "\n".join(filter(None, map(str.strip, text.splitlines()))).replace("\n", " ¶ ")
    if _QUOTES.search(text):
        at = 0
        for match in _LITERAL.finditer(text):
            _split(text[at : match.start()], found)
            found.append(f"={match[0][1:-1]}" if match[0][0] != "`" else f"=`{match[0][1:-1]}")
            at = match.end()
        text = text[at:]
    _split(text, found)
    return found


def _split(text: str, found: list[str]) -> None:
    for chunk in text.split():
        if chunk.isalpha():
            found.append(_word(chunk, found))
            continue
        while chunk[0] == "(" and len(chunk) > 1:
            found.append("(")
            chunk = chunk[1:]
        marks = ""
        if (tail := _TAIL.search(chunk)) and (tail.start() or len(chunk) == tail.end()):
            marks = tail[0]
            # What ends in a mark and is none: 5! is a product, "e.g." and "p.m." are words.
            if marks[0] == "!" and tail.start() and chunk[tail.start() - 1].isdigit():
                marks = marks[1:]
            elif marks[0] == "." and "." in chunk[: tail.start()] and chunk[: tail.start()].replace(".", "").isalpha():
                chunk, marks = chunk[: tail.start()].replace(".", ""), marks[1:]
                tail = None
            if tail:
                chunk = chunk[: len(chunk) - len(marks)]
        if chunk:
            found.append(_piece(chunk, found))
        for mark in marks:
            kind = "." if mark in ".!" else mark
            if found and found[-1] != kind:
                found.append(kind)


def _piece(chunk: str, found: list[str]) -> str:
    """The token of a piece that holds more than letters, or lost its marks."""
    if chunk.isalpha():
        return _word(chunk, found)
    if chunk in _MARKS:
        return _MARKS[chunk]
    if "'" in chunk and chunk.replace("'", "").isalpha():
        return chunk.lower()
    if _FOLDED.fullmatch(chunk):
        return chunk.lower()
    return f"={chunk}"


def _word(word: str, found: list[str]) -> str:
    if word.islower() and len(word) > 1:
        return word
    lower = word.lower()
    if len(word) == 1:
        # A single letter is a name (vitamin C, x); but for the two that English has as words.
        if word in "Ia" or (word == "i") or (word == "A" and _begins(found)):
            return lower
        return f"={word}" if word.isupper() else lower
    if may_tell(word, lower) and not _begins(found):
        return f"^{word}"
    if word in _CASED or (not word.istitle() and not word.isupper() and _HUMPED.fullmatch(word) and lower not in _PRODUCTS):
        return f"={word}"
    return lower


def _begins(found: list[str]) -> bool:
    """Whether the next word begins a sentence, so that its capital says nothing."""
    return not found or found[-1] in _OPENING


_OPENING = frozenset(".?:¶")
#: MB are bytes, and Mb bits.
_CASED = words("KB Kb kB kb MB Mb mb GB Gb TB Tb PB Pb mW MW") - {"kb", "mb"}
#: Words with capitals inside that are identifiers: getElementById, IllegalStateException; not YouTube.
_HUMPED = re.compile(r"[a-z]+[A-Z]\w*|(?:[A-Z][a-z]+){3,}")
_PRODUCTS = words(
    """
    iphone ipad ipod imac imessage icloud itunes ios macos ipados watchos tvos ebay mysql
    """
)
