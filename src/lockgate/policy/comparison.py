"""The operators of a condition: an operand, checked once against what the fact can be, and a test of values.

Equality is strict by type, as `===`: 1 equals 1.0 and neither "1" nor true. Order is of numbers ("12" is one, "12 kg" is
none), of dates and of times of day; between things of different kinds nothing holds, and nothing raises. The negative
operators are the opposites of the positive ones, so they hold of a fact that is not there.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import msgspec

from lockgate.policy.facts import MISSING, Fact, Kind, refuse
from lockgate.policy.pattern import BadPattern, compile_pattern

#: How many values `$in` and `$nin` may list, and how long a text among them may be.
LISTED = 1000
LONGEST = 4096

_NUMBER = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?\s*", re.ASCII)
_DIGITS = 64  # the longest text that is taken for a number
_DATE = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])", re.ASCII)
_CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d|24:00", re.ASCII)

_WANTED: dict[Kind, str] = {
    "any": "a text, a number, true, false or null",
    "text": "a text",
    "number": "a number",
    "truth": "true or false",
    "date": 'a date like "2026-08-01"',
    "clock": 'a time of day like "09:30"',
}
_ORDERED: dict[Kind, str] = {
    "any": f"a number, {_WANTED['date']}, or {_WANTED['clock']}",
    "text": f"a number, {_WANTED['date']}, or {_WANTED['clock']}",
    "number": "a number",
    "date": _WANTED["date"],
    "clock": _WANTED["clock"],
}

_FORMS: dict[Kind, re.Pattern[str]] = {"date": _DATE, "clock": _CLOCK}

Order = Callable[[Any, Any], bool]
Build = Callable[[object, Fact, str], "Test"]


class Test(msgspec.Struct, frozen=True):
    """One operator with its operand. `passes` says whether a value passes the positive form, of which a negative one is the
    opposite; `says` completes the sentence of what is so when the operator holds, `denies` when it does not."""

    passes: Callable[[object], bool]
    says: str
    denies: str
    negative: bool = False

    def opposite(self) -> Test:
        """The test that holds where this one does not."""
        return Test(self.passes, self.denies, self.says, negative=not self.negative)


def number_of(value: object) -> float | int | None:
    """The number that a value is or spells."""
    if isinstance(value, str):
        return float(value) if len(value) <= _DIGITS and _NUMBER.fullmatch(value) else None
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def shown(value: object) -> str:
    """A value as a trace shows it."""
    if isinstance(value, str):
        return f"'{value[:48]}…'" if len(value) > 48 else f"'{value}'"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def equal(operand: object, fact: Fact, at: str) -> Test:
    """`$eq`."""
    _check(operand, fact, at)
    return Test(_equality(operand), f"is {shown(operand)}", f"is not {shown(operand)}")


def among(operand: object, fact: Fact, at: str) -> Test:
    """`$in`."""
    if not isinstance(operand, list):
        raise refuse(at, "must be a list.")
    listed = cast("list[object]", operand)
    if len(listed) > LISTED:
        raise refuse(at, f"lists more than {LISTED} values.")
    by_type: dict[type, set[object]] = {}
    for index, each in enumerate(listed):
        _check(each, fact, f"{at}[{index}]")
        by_type.setdefault(type(each), set()).add(each)
    numbers = by_type.get(int, set()) | by_type.get(float, set())
    if numbers:
        by_type[int] = by_type[float] = numbers
    names = ", ".join(map(shown, listed[:5])) + (", …" if len(listed) > 5 else "") or "nothing"

    def passes(value: object) -> bool:
        values = by_type.get(type(value))
        return values is not None and value in values

    return Test(passes, f"is one of {names}", f"is none of {names}")


def exists(operand: object, fact: Fact, at: str) -> Test:
    """`$exists`."""
    if not isinstance(operand, bool):
        raise refuse(at, "must be true or false.")
    test = Test(_is_there, "is there", "is not there")
    return test if operand else test.opposite()


def matches(operand: object, fact: Fact, at: str, flags: str = "") -> Test:
    """`$regex`: of texts alone."""
    if not isinstance(operand, str):
        raise refuse(at, "must be a text.")
    if fact.kind in ("number", "truth"):
        raise refuse(at, f"compares texts, and this is {_WANTED[fact.kind]}.")
    try:
        found = compile_pattern(operand, flags)
    except BadPattern as error:
        raise refuse(at, f"the pattern {error}.") from None
    name = f"/{operand[:48]}{'…' if len(operand) > 48 else ''}/{flags}"
    return Test(lambda value: isinstance(value, str) and found(value), f"matches {name}", f"does not match {name}")


def ordering(compare: Order, words: str) -> Build:
    """`$gt` and its like."""

    def build(operand: object, fact: Fact, at: str) -> Test:
        if fact.kind == "truth":
            raise refuse(at, "true and false have no order.")
        if not _fits_order(operand, fact.kind):
            raise refuse(at, f"must be {_ORDERED[fact.kind]}.")
        says, denies = f"is {words} {shown(operand)}", f"is not {words} {shown(operand)}"
        bound = number_of(operand)
        if bound is not None:
            return Test(_compared(compare, bound), says, denies)
        form = _DATE if _spells(_DATE, operand) else _CLOCK
        return Test(lambda value: _spells(form, value) and compare(value, operand), says, denies)

    return build


def negated(build: Build) -> Build:
    """The operator that holds where another does not."""
    return lambda operand, fact, at: build(operand, fact, at).opposite()


#: Those that stand alone; `$regex` has `$options` beside it, `$not` and `$size` have operators in them (`policy.condition`).
OPERATORS: dict[str, Build] = {
    "$eq": equal,
    "$ne": negated(equal),
    "$gt": ordering(operator.gt, "greater than"),
    "$gte": ordering(operator.ge, "at least"),
    "$lt": ordering(operator.lt, "less than"),
    "$lte": ordering(operator.le, "at most"),
    "$in": among,
    "$nin": negated(among),
    "$exists": exists,
}


def _check(operand: object, fact: Fact, at: str) -> None:
    """Raises `Refusal` for an operand that the fact can never equal."""
    if not _fits(operand, fact.kind):
        raise refuse(at, f"must be {_WANTED[fact.kind]}.")
    if isinstance(operand, str) and len(operand) > LONGEST:
        raise refuse(at, f"is a text of more than {LONGEST} characters.")
    if fact.values and operand not in fact.values:
        raise refuse(at, f"must be one of {', '.join(fact.values)}.")


def _fits(operand: object, kind: Kind) -> bool:
    """Whether a fact of the kind can equal the operand."""
    match operand:
        case bool():
            return kind in ("any", "truth")
        case int() | float():
            return kind in ("any", "number") and math.isfinite(operand)
        case str():
            form = _FORMS.get(kind)
            return kind in ("any", "text") if form is None else _spells(form, operand)
        case None:
            return kind == "any"
        case _:
            return False


def _fits_order(operand: object, kind: Kind) -> bool:
    if kind in _FORMS:
        return _fits(operand, kind)
    number = number_of(operand)
    if number is not None:
        return math.isfinite(number)
    return kind != "number" and (_spells(_DATE, operand) or _spells(_CLOCK, operand))


def _spells(form: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None


def _is_there(value: object) -> bool:
    return value is not MISSING


def _equality(operand: object) -> Callable[[object], bool]:
    if isinstance(operand, bool) or operand is None:
        return lambda value: value is operand
    if isinstance(operand, str):
        return partial(operator.eq, operand)
    return lambda value: value == operand and not isinstance(value, bool)


def _compared(compare: Order, bound: float | int) -> Callable[[object], bool]:
    def passes(value: object) -> bool:
        number = value if type(value) is int else number_of(value)
        return number is not None and compare(number, bound)

    return passes
