"""Numbers, currencies and units in one spelling: 1,000 and "one thousand", $5.00 and "5 dollars", 5km and "5 kilometres".

Only spellings are made one. Nothing is converted: 24 hours are not 1 day to everybody, and who asks for minutes in an
hour does not ask for minutes in 60 minutes. Zeros stay where they mean something: 007, version 3.10.
"""

from __future__ import annotations

import re

from lockgate.policy.sameness.tongues.tongue import Tongue

_UNITS = {
    spelling: unit
    for unit, spellings in {
        "~km": "km kilometer kilometers kilometre kilometres kilomètre kilomètres kilómetro kilómetros kms",
        "~m": "meter meters metre metres mètre mètres",
        "~cm": "cm centimeter centimeters centimetre centimetres zentimeter centimètre centimètres centímetro centímetros",
        "~mm": "mm millimeter millimeters millimetre millimetres",
        "~mi": "mile miles mi meile meilen milla millas",
        "~ft": "ft feet foot",
        "~kg": "kg kgs kilo kilos kilogram kilograms kilogramme kilogrammes kilogramm kilogramo kilogramos",
        "~g": "g gram grams gramme grammes gramm gramo gramos",
        "~mg": "mg milligram milligrams",
        "~lb": "lb lbs",
        "~oz": "oz ounce ounces",
        "~l": "liter liters litre litres litro litros",
        "~ml": "ml milliliter milliliters millilitre millilitres",
        "~kwh": "kwh",
        "~mph": "mph",
        "~kmh": "kmh kph km/h",
        "~ms": "ms millisecond milliseconds",
        "~s": "sec secs second seconds sekunde sekunden seconde secondes segundo segundos",
        "~min": "min mins minute minutes minuten minuto minutos",
        "~h": "h hr hrs hour hours stunde stunden heure heures hora horas",
        "~day": "day days tage tagen jour jours día días",
        "~week": "wk wks week weeks woche wochen semaine semaines semana semanas",
        "~month": "month months monat monate monaten mois mes meses",
        "~year": "yr yrs year years jahr jahre jahren ans année années año años",
        "~%": "% ~%",
        "~gb": "gb gigabyte gigabytes",
        "~tb": "tb terabyte terabytes",
        "~dollar": "dollar dollars $",
        "~usd": "usd us$",
        "~eur": "eur euro euros €",
        "~gbp": "gbp £",
        "~jpy": "jpy yen ¥",
        "~inr": "inr rupees ₹",
        "~c": "°c celsius",
        "~f": "°f fahrenheit",
    }.items()
    for spelling in spellings.split()
}
#: Case tells: MB are bytes, Mb bits.
_UNITS_WITH_CASE = {"MB": "~MB", "KB": "~KB", "kB": "~KB", "GB": "~gb", "TB": "~tb"}
_CASED = frozenset(("kb", "mb", "gb", "tb"))
#: Generations of mobile networks.
_NETWORKS = frozenset("23456")
_MONEY = frozenset(("~dollar", "~usd", "~eur", "~gbp", "~jpy", "~inr"))
_SIGN = {"$": "~dollar", "us$": "~usd", "€": "~eur", "£": "~gbp", "¥": "~jpy", "₹": "~inr"}
_SUFFIX = {"k": 1000, "m": 10**6, "mm": 10**6, "bn": 10**9, "b": 10**9}
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*")
_AMOUNT = re.compile(r"(us\$|[$€£¥₹])?([+-]?\d+(?:[.,]\d+)*)(-?[a-z%°$€£¥₹/]+)?")
_AND = frozenset(("and",))
_ORDINAL = frozenset(("st", "nd", "rd", "th"))


def quantities(tokens: list[str], tongue: Tongue) -> list[str]:
    """The tokens with numbers as `#…` and units as `~…` after them."""
    found: list[str] = []
    tokens = _unhyphened(tokens, tongue)
    at, end = 0, len(tokens)
    while at < end:
        token = tokens[at]
        if token in tongue.numbers or token in tongue.scales:
            value, at = _spelled(tokens, at, tongue)
            found.append(f"#{value}")
        elif token[0] == "=" and token[-1] != "'" and (match := _AMOUNT.fullmatch(token[1:].lower())):
            _amount(match, token, tongue, found)
            at += 1
        elif token in tongue.ordinals:
            found.append(f"#{tongue.ordinals[token]}th")
            at += 1
            continue
        else:
            found.append(token)
            at += 1
            if token[0] in "=~" and len(found) > 1 and found[-2][0] == "#":
                _unit_after(token[1:], found)
            continue
        if at < end and found[-1][0] == "#":
            at = _following(tokens, at, tongue, found)
    return found


def _unhyphened(tokens: list[str], tongue: Tongue) -> list[str]:
    """The tokens with "twenty-five" as two."""
    found = tokens
    for at in range(len(tokens) - 1, -1, -1):
        token = tokens[at]
        if "-" in token and token[0] not in "=@" and token not in tongue.numbers:
            parts = token.split("-")
            if all(part in tongue.numbers or part in tongue.scales for part in parts):
                found = [*found[:at], *parts, *found[at + 1 :]]
    return found


def _following(tokens: list[str], at: int, tongue: Tongue, found: list[str]) -> int:
    """Reads what comes after a number: "million", a unit."""
    number, word = found[-1], tokens[at]
    if tongue.scales.get(word, 0) >= 1000 and number[1:].replace(".", "", 1).isdigit():
        found[-1] = f"#{_times(number[1:], tongue.scales[word])}"
        at += 1
        if at == len(tokens):
            return at
        word = tokens[at]
    if word == "degrees" and at + 1 < len(tokens) and tokens[at + 1] in ("celsius", "fahrenheit"):
        at, word = at + 1, tokens[at + 1]
    if unit := _UNITS.get(word):
        _emit_unit(unit, found)
        return at + 1
    if word == "us" and at + 1 < len(tokens) and tokens[at + 1] == "dollars":
        _emit_unit("~usd", found)
        return at + 2
    return at


def _unit(written: str) -> str:
    """The unit of a spelling, or nothing: Gb are not GB, and 5 G is not 5 g."""
    if unit := _UNITS_WITH_CASE.get(written):
        return unit
    lower = written.lower()
    return "" if written != lower and (len(written) == 1 or lower in _CASED) else _UNITS.get(lower, "")


def _unit_after(text: str, found: list[str]) -> None:
    """A literal after a number may be a unit: "5 MB", "20 %", "5 €"."""
    if unit := _unit(text):
        found.pop()
        _emit_unit(unit, found)


def _emit_unit(unit: str, found: list[str]) -> None:
    if unit in _MONEY:
        found[-1] = _money(found[-1])
    found.append(unit)


def _money(number: str) -> str:
    """5.00 is 5 for money, and 5.50 is 5.5."""
    return number.rstrip("0").rstrip(".") if "." in number and number[1:].replace(".", "", 1).isdigit() else number


def _amount(match: re.Match[str], token: str, tongue: Tongue, found: list[str]) -> None:
    """A piece that begins with a number or a currency."""
    sign, digits, suffix = match.groups()
    number = f"#{plain(digits, tongue)}"
    unit = _SIGN.get(sign, "")
    if suffix:
        written = token[len(token) - len(suffix) :].lstrip("-")
        lower = written.lower()
        if unit or lower == "k":  # $5m, 10k
            if not (factor := _SUFFIX.get(lower)):
                found.append(token)
                return
            number = f"#{_times(number[1:], factor)}"
        elif suffix in _ORDINAL:
            number += "th"
        elif (lower == "g" and digits in _NETWORKS) or not (unit := _unit(written)):
            found.append(token)
            return
    found.append(number)
    if unit:
        _emit_unit(unit, found)


def _times(digits: str, factor: int) -> str:
    whole, _, part = digits.partition(".")
    zeros = len(str(factor)) - 1
    if not whole.lstrip("+-").isdigit() or len(part) > zeros:
        return f"{digits}*{factor}"
    return (whole + part.ljust(zeros, "0")).lstrip("0") or "0"


_GROUPS = {
    ".": (re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?"), ",", "."),
    ",": (re.compile(r"[+-]?[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?"), ".", ","),
}
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")


def plain(digits: str, tongue: Tongue) -> str:
    """Digits without thousands marks, with a decimal point; as they are where the language does not tell which is which."""
    if digits.isdigit() or not tongue.numbers:
        return digits
    grouped, thousands, decimal = _GROUPS[tongue.decimal]
    if grouped.fullmatch(digits):
        return digits.replace(thousands, "").replace(decimal, ".")
    if decimal == "," and _DECIMAL_COMMA.fullmatch(digits):
        return digits.replace(",", ".")
    return digits


def _spelled(tokens: list[str], at: int, tongue: Tongue) -> tuple[int, int]:
    """The value of number words from here on, and where they end: "two hundred and five thousand", "twenty-five"."""
    total, part, last = 0, -1, 10**12
    end = len(tokens)
    while at < end:
        token = tokens[at]
        if (value := tongue.numbers.get(token)) is not None:
            if (
                part >= 0
                and not (part % 100 == 0 and part)
                and not (20 <= part % 100 <= 90 and part % 10 == 0 and 0 < value < 10)
            ):
                break
            part = max(part, 0) + value
        elif (scale := tongue.scales.get(token)) == 100:
            if part > 9 or part == 0:
                break
            part = max(part, 1) * 100
        elif scale is not None:
            if scale >= last or part == 0:
                break
            total, part, last = total + max(part, 1) * scale, -1, scale
        elif token in _AND and part > 0 and part % 100 == 0 and at + 1 < end and "between" not in tokens:
            follows = tongue.numbers.get(tokens[at + 1], 0)
            if not 0 < follows < 100 or (at + 2 < end and tokens[at + 2] in tongue.scales):
                break
        else:
            break
        at += 1
    return total + max(part, 0), at
