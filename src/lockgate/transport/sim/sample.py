"""A JSON value that fits a JSON Schema, made from the schema and from what the user said; the same each time.

Of the vocabulary (draft 2020-12) it obeys: type, enum, const, properties, required, items, prefixItems, minItems,
maxItems, uniqueItems, minLength, maxLength, pattern, format, minimum, maximum, exclusive bounds, multipleOf, local $ref,
anyOf, oneOf (the first branch) and allOf. It writes the members that are required, or all of them when none is.
"""

from __future__ import annotations

import math
import re
from typing import Any

from lockgate.core.failure import Refusal
from lockgate.transport.sim.pattern import Unwritable, matching

Schema = dict[str, Any]

_DEEPEST = 48  # levels; a schema that is not done by then needs itself
_LEAN_FROM = 6  # levels from which on optional things are left out
_BUDGET = 20_000  # values and characters that one schema may ask for
_WHOLE = 200  # characters of a string that nothing bounds

_FORMATS = {
    "date-time": "2026-01-31T12:00:00Z",
    "date": "2026-01-31",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}

_QUOTED = re.compile(r"[\"“«`]([^\"“”«»`]{1,200})[\"”»`]|(?<!\w)'([^']{1,200})'(?!\w)")
_PROPER = re.compile(r"(?<=[\w,] )[A-Z][\w-]*(?: [A-Z][\w-]*)*")
_NUMBER = re.compile(r"-?\b\d{1,15}(?:\.\d{1,6})?\b")


def fitting(schema: Schema, said: str = "") -> Any:
    """A value for `schema`. Quoted words, names and numbers in `said` are used where they fit; raises `Refusal` 400."""
    return _Sampler(schema, said).value(schema, "value", 0, 0)


def unfit(why: str) -> Refusal:
    """The refusal of a schema for which no value can be made."""
    return Refusal(400, "invalid_schema", f"The simulator cannot make a value for this JSON schema: {why}.")


class _Sampler:
    """One walk through a schema. Words and numbers of the user are used up in their order."""

    def __init__(self, root: Schema, said: str) -> None:
        self._root = root
        self._said = said.lower()
        self._words = [quoted or single for quoted, single in _QUOTED.findall(said)] or _PROPER.findall(said)
        self._numbers = [float(number) for number in _NUMBER.findall(said)]
        self._left = _BUDGET

    def value(self, schema: Any, name: str, depth: int, nth: int) -> Any:
        """A value; `name` is the member it is for, `nth` its place among its like (unique items differ by it)."""
        self._spend(1)
        if depth > _DEEPEST:
            raise unfit("it contains itself without end")
        if schema is False:
            raise unfit(f"nothing is allowed at '{name}'")
        if not isinstance(schema, dict):
            schema = {}
        schema = self._resolved(schema, depth)
        if "const" in schema:
            return schema["const"]
        if isinstance(options := schema.get("enum"), list) and options:
            return self._option(options, nth)
        kind = _kind(schema)
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, name, depth)
        if kind == "string":
            return self._string(schema, name, nth)
        if kind == "boolean":
            return nth % 2 == 0
        if kind == "null":
            return None
        return self._number(schema, nth, whole=kind == "integer")

    def _spend(self, amount: int) -> None:
        self._left -= amount
        if self._left < 0:
            raise unfit(f"it asks for more than {_BUDGET} values and characters")

    def _resolved(self, schema: Schema, depth: int) -> Schema:
        """The schema with its $ref, allOf and the chosen branch of anyOf or oneOf merged into it."""
        for _ in range(_DEEPEST):
            if "$ref" in schema:
                rest = {key: value for key, value in schema.items() if key != "$ref"}
                schema = _merged(self._target(schema["$ref"]), rest)
            elif branches := schema.get("allOf"):
                rest = {key: value for key, value in schema.items() if key != "allOf"}
                for branch in branches:
                    rest = _merged(rest, branch if isinstance(branch, dict) else {})
                schema = rest
            elif word := next((word for word in ("anyOf", "oneOf") if schema.get(word)), None):
                rest = {key: value for key, value in schema.items() if key != word}
                schema = _merged(rest, _branch(schema[word], depth))
            else:
                return schema
        raise unfit("its references have no end")

    def _target(self, ref: Any) -> Schema:
        """What a reference into the same document points to (RFC 6901)."""
        node: Any = self._root
        if not isinstance(ref, str) or not ref.startswith("#"):
            raise unfit(f"the reference {ref!r} is not to a place inside it")
        for step in ref[1:].split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            if isinstance(node, dict) and step in node:
                node = node[step]
            elif isinstance(node, list) and step.isdigit() and int(step) < len(node):
                node = node[int(step)]
            else:
                raise unfit(f"the reference {ref!r} points nowhere")
        return node if isinstance(node, dict) else {}

    def _option(self, options: list[Any], nth: int) -> Any:
        """The option that the user spoke of, or the first; further ones in their order."""
        if nth == 0:
            for option in options:
                if isinstance(option, str) and option and re.search(rf"\b{re.escape(option.lower())}\b", self._said):
                    return option
        return options[nth % len(options)]

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        properties = schema.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        required = schema.get("required")
        if not isinstance(required, list) or not required:
            required = [] if depth >= _LEAN_FROM else list(properties)
        extra = schema.get("additionalProperties", {})
        names = [name for name in required if isinstance(name, str)]
        return {name: self.value(properties.get(name, extra), name, depth + 1, 0) for name in names}

    def _array(self, schema: Schema, name: str, depth: int) -> list[Any]:
        first = schema.get("prefixItems")
        first = first if isinstance(first, list) else []
        least = max(_bound(schema, "minItems", 0), len(first))
        usual = 0 if depth >= _LEAN_FROM or schema.get("items") is False else 1
        length = min(max(least, usual), _bound(schema, "maxItems", _BUDGET))
        self._spend(length)
        items = schema.get("items", {})
        return [self.value(first[i] if i < len(first) else items, name, depth + 1, i) for i in range(length)]

    def _string(self, schema: Schema, name: str, nth: int) -> str:
        least = _bound(schema, "minLength", 0)
        most = _bound(schema, "maxLength", max(_WHOLE, least))
        self._spend(least)
        if isinstance(pattern := schema.get("pattern"), str):
            try:
                text = matching(pattern, least, min(most, _BUDGET))
            except Unwritable as why:
                raise unfit(f"the pattern {pattern!r} at '{name}' is too hard, {why}") from None
        elif schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        else:
            text = self._words.pop(0) if self._words else f"example {name}" + (f" {nth + 1}" if nth else "")
            text = (text + "." * (least - len(text)))[:most]
        self._spend(len(text))
        return text

    def _number(self, schema: Schema, nth: int, *, whole: bool) -> int | float:
        low, high = _range(schema, whole)
        step = schema.get("multipleOf")
        step = step if isinstance(step, (int, float)) and step > 0 else (1 if whole else None)
        said = next((number for number in self._numbers if low <= number <= high and _is_multiple(number, step)), None)
        if said is not None:
            self._numbers.remove(said)
            return int(said) if whole or said.is_integer() else said
        number = min(max(1.0, low), high) if low <= high else low
        if step:
            number = math.ceil(number / step) * step + nth * step
            while number > high and number - step >= low:
                number -= step
        if number > high or number < low:
            raise unfit("no number is within its bounds")
        return int(number) if float(number).is_integer() else number


def _kind(schema: Schema) -> str:
    """The type to write: the first that is not null, or what the schema's other words speak of."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if isinstance(kind, str):
        return kind
    if "properties" in schema or "required" in schema:
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    return "number" if schema.keys() & {"minimum", "maximum", "multipleOf"} else "string"


def _branch(branches: Any, depth: int) -> Schema:
    """The first branch that is not null; deep down, where a schema may contain itself, null or what refers to nothing."""
    usable = [branch for branch in branches if isinstance(branch, dict)] if isinstance(branches, list) else []
    if depth >= _LEAN_FROM:
        usable = sorted(usable, key=lambda branch: (branch.get("type") != "null", "$ref" in branch))
    elif full := [branch for branch in usable if branch.get("type") != "null"]:
        usable = full
    return usable[0] if usable else {}


def _merged(one: Schema, other: Schema) -> Schema:
    """Both schemas at once: members and requirements are united, of other words the latter's count."""
    both = {**one, **other}
    if isinstance(one.get("properties"), dict) and isinstance(other.get("properties"), dict):
        both["properties"] = {**one["properties"], **other["properties"]}
    if isinstance(one.get("required"), list) and isinstance(other.get("required"), list):
        both["required"] = list(dict.fromkeys([*one["required"], *other["required"]]))
    return both


def _bound(schema: Schema, word: str, otherwise: int) -> int:
    bound = schema.get(word)
    return int(bound) if isinstance(bound, (int, float)) and 0 <= bound < 1e15 else otherwise


def _range(schema: Schema, whole: bool) -> tuple[float, float]:
    """The least and the greatest number allowed; an exclusive bound is moved in by one, or by a little for fractions."""
    low, high = -1e15, 1e15
    if isinstance(bound := schema.get("minimum"), (int, float)):
        low = math.ceil(bound) if whole else bound
    if isinstance(bound := schema.get("maximum"), (int, float)):
        high = math.floor(bound) if whole else bound
    over, under = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if isinstance(over, (int, float)) and not isinstance(over, bool):
        low = max(low, math.floor(over) + 1 if whole else math.nextafter(over, math.inf))
    if isinstance(under, (int, float)) and not isinstance(under, bool):
        high = min(high, math.ceil(under) - 1 if whole else math.nextafter(under, -math.inf))
    return low, high


def _is_multiple(number: float, step: float | None) -> bool:
    return step is None or abs(number / step - round(number / step)) < 1e-9
