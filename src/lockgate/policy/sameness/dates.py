"""Dates and times in one notation: "March 5th, 2025", "5 March 2025" and 2025-03-05; 3pm, "3 p.m." and 15:00.

03/05/2025 is two dates; it becomes one only where the language, or the number, says which.
"""

from __future__ import annotations

import re

from lockgate.policy.sameness.tongues.tongue import Tongue

_ISO = re.compile(r"=(\d{4})[-/](\d{1,2})[-/](\d{1,2})")
_FIGURES = re.compile(r"=(\d{1,2})([./-])(\d{1,2})\2(\d{4})")
_CLOCK = re.compile(r"=(\d{1,2})(?:[:.h](\d{2}))?(am|pm|h)?", re.IGNORECASE)
#: What may stand between a day and its month: "5th of March", "5 de marzo", "5. März".
_BETWEEN = frozenset(("of", "de", "."))
_HALF = {"am": 0, "pm": 12}


def dates(tokens: list[str], tongue: Tongue) -> list[str]:
    """The tokens, still with their figures literal, with dates as `@2025-03-05` (`@--03-05` without a year) and times as
    `@15:00`.
    """
    months = tongue.months
    found: list[str] = []
    at, end = 0, len(tokens)
    while at < end:
        token = tokens[at]
        if token in months or token.lstrip("^").lower() in months:
            at = _after_month(tokens, at, tongue, found)
            continue
        if token[0] == "=" and token[1:2].isdigit():
            following = tokens[at + 1] if at + 1 < end else ""
            token, used = _figures(token, following, tongue)
            at += used
            found.append(token)
            continue
        found.append(token)
        at += 1
    return found


def _after_month(tokens: list[str], at: int, tongue: Tongue, found: list[str]) -> int:
    """Reads a date around a month: the day may stand before (and in `found`) or after, the year after."""
    start = at
    month = tongue.months[tokens[at].lstrip("^").lower()]
    at += 1
    day = 0
    keep = len(found)
    if len(found) > 1 and found[-1] in _BETWEEN and (found[-1] != "." or tongue.code == "de") and (day := _day(found[-2])):
        keep -= 2
    elif found and (day := _day(found[-1])):
        keep -= 1
    elif at < len(tokens) and (day := _day(tokens[at])):
        at += 1
    if not day:
        found.append(tokens[start])
        return start + 1
    if keep and found[keep - 1] == "the" and keep < len(found):
        keep -= 1
    after = at + 1 if at < len(tokens) and tokens[at] in (",", "of", "de", "del") else at
    year = tokens[after][1:] if after < len(tokens) and re.fullmatch(r"=(?:1[5-9]|20|21)\d\d", tokens[after]) else ""
    del found[keep:]
    found.append(f"@{year or '-'}-{month:02}-{day:02}")
    return after + 1 if year else at


def _day(token: str) -> int:
    """The day of the month that a literal may be; 0: none."""
    if token[0] != "=":
        return 0
    digits = token[1:]
    if digits[-2:] in ("st", "nd", "rd", "th", "er"):
        digits = digits[:-2]
    digits = digits.rstrip(".")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 2 and 1 <= int(digits) <= 31 else 0


def _figures(token: str, following: str, tongue: Tongue) -> tuple[str, int]:
    """A literal that begins with a figure, as a date or time if it is one, and how many tokens that took."""
    if match := _ISO.fullmatch(token):
        return _date(match[1], match[2], match[3]) or token, 1
    if match := _FIGURES.fullmatch(token):
        first, _, second, year = match.groups()
        if tongue.day_first or int(first) > 12:
            return _date(year, second, first) or token, 1
        if tongue.code and int(second) > 12:
            return _date(year, first, second) or token, 1
        return token, 1
    if match := _CLOCK.fullmatch(token):
        hour, minute, half = int(match[1]), match[2] or "00", (match[3] or "").lower()
        used = 1
        if not half and following in ("am", "pm", "^AM", "^PM"):
            half, used = following.lstrip("^").lower(), 2
        elif not half and following in ("uhr", "uhr.") and tongue.code == "de":
            half, used = "h", 2
        if half in _HALF and 1 <= hour <= 12:
            return f"@{hour % 12 + _HALF[half]:02}:{minute}", used
        if hour <= 24 and int(minute) < 60 and ((half == "h" and tongue.code in ("de", "fr")) or (":" in token and hour > 12)):
            return f"@{hour:02}:{minute}", used
    return token, 1


def _date(year: str, month: str, day: str) -> str:
    if 1 <= int(month) <= 12 and 1 <= int(day) <= 31:
        return f"@{year}-{int(month):02}-{int(day):02}"
    return ""
