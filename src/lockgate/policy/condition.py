"""A condition on requests: a Mongo-like query, as Portkey's users write it, compiled once into a predicate.

All that a query says holds together: every path, every operator below a path, and what stands beside `$and` and `$or`. (In
Portkey's gateway `$regex`, `$and` and `$or` made it forget their neighbours; docs/routing.md names the differences.)

    {"metadata.plan": "paid", "params.max_tokens": {"$gt": 1000, "$lte": 8000}}
    {"$or": [{"model": {"$regex": "^gpt", "$options": "i"}}, {"params.messages[*].role": {"$in": ["tool"]}}]}

Of a path with `[*]`, an operator holds when it does of some element; a negative one (`$ne`, `$nin`, `$not`) when its
opposite does of none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import cast

import msgspec

from lockgate.policy.comparison import OPERATORS, Test, matches, shown
from lockgate.policy.facts import MISSING, Fact, Facts, Path, read_path, refuse, walk

#: Bounds of one query: groups in groups, operators in all, regular expressions among them.
DEPTH = 16
CLAUSES = 256
PATTERNS = 32
#: The longest sentence of `why`, in characters.
SENTENCE = 300

_GROUPS = ("$and", "$or", "$nor")
_BELOW = ", ".join((*OPERATORS, "$regex", "$size", "$not"))
_LENGTH = Fact("number", "the length of a list")


class Predicate(msgspec.Struct, frozen=True):
    """A compiled query.

    holds   whether it holds of a request; raises nothing of its own, though facts may (`Facts.find`)
    why     what decides it, in a sentence: "metadata.plan is 'paid'". Texts of headers and bodies are not repeated
    asks    the names of the facts that it may look at
    says    what must be so, in a sentence, whatever a request is like
    """

    holds: Callable[[Facts], bool]
    why: Callable[[Facts], str]
    asks: frozenset[str] = frozenset()
    says: str = ""

    def __repr__(self) -> str:
        return f"Predicate({', '.join(sorted(self.asks))})"


def compile_query(query: object, at: str) -> Predicate:
    """The query, ready to be asked. Raises `Refusal` 400 naming the exact place below `at` of what is wrong with it."""
    reading = _Reading()
    root = reading.query(query, at, DEPTH)

    return Predicate(root.holds, lambda facts: _clipped(root.why(facts)), frozenset(reading.asks), _clipped(root.says))


def _clipped(sentence: str) -> str:
    return sentence if len(sentence) <= SENTENCE else sentence[: SENTENCE - 1] + "…"


# A query's parts are closures: half the cost of objects with methods, where a request may ask a thousand of them.


def _every(parts: Sequence[Predicate]) -> Predicate:
    """All of the parts hold."""
    tests = tuple(part.holds for part in parts)

    def holds(facts: Facts) -> bool:
        for test in tests:  # noqa: SIM110 - a generator costs as much as what it would loop over
            if not test(facts):
                return False
        return True

    def why(facts: Facts) -> str:
        for part in parts:
            if not part.holds(facts):
                return part.why(facts)
        return " and ".join(part.why(facts) for part in parts) or "it asks for nothing"

    if len(parts) == 1:
        return parts[0]
    return Predicate(holds, why, says=" and ".join(part.says for part in parts) or "anything")


def _some(parts: Sequence[Predicate]) -> Predicate:
    """One of the parts holds."""
    tests = tuple(part.holds for part in parts)

    def holds(facts: Facts) -> bool:
        for test in tests:  # noqa: SIM110 - as above
            if test(facts):
                return True
        return False

    def why(facts: Facts) -> str:
        for part in parts:
            if part.holds(facts):
                return part.why(facts)
        return " and ".join(part.why(facts) for part in parts)

    return Predicate(holds, why, says=f"({' or '.join(part.says for part in parts)})")


def _not(part: Predicate) -> Predicate:
    """The part does not hold; what is so is the same."""
    test = part.holds
    return Predicate(lambda facts: not test(facts), part.why, says=f"not ({part.says})")


def _clause(path: Path, test: Test) -> Predicate:
    """One operator on a path that leads to one value."""
    name, key, steps = path.name, path.key, path.steps
    passes, negative = test.passes, test.negative

    def holds(facts: Facts) -> bool:
        return passes(facts.find(name, key)) is not negative

    def holds_below(facts: Facts) -> bool:
        return passes(walk(facts.find(name, key), steps)) is not negative

    def why(facts: Facts) -> str:
        value = path.of(facts)
        sentence = f"{path.text} {test.says if passes(value) is not negative else test.denies}"
        seen = _seen(value, path.fact)
        return sentence if not seen or sentence.endswith(seen) else f"{sentence} (it {seen})"

    return Predicate(holds_below if steps else holds, why, says=f"{path.text} {test.says}")


def _gathered(path: Path, test: Test) -> Predicate:
    """One operator on a path that leads to many values: one of them passes."""
    says = test.denies if test.negative else test.says

    def passes(facts: Facts) -> bool:
        return any(map(test.passes, cast("tuple[object, ...]", path.of(facts))))

    def why(facts: Facts) -> str:
        return f"{path.text}: {'one' if passes(facts) else 'none'} {says}"

    return Predicate(
        lambda facts: passes(facts) is not test.negative, why, says=f"{path.text}: {'none' if test.negative else 'one'} {says}"
    )


def _seen(value: object, fact: Fact) -> str:
    """What a trace may tell of a value."""
    if value is MISSING:
        return "is not there"
    if isinstance(value, list):
        return f"is a list of {len(cast('list[object]', value))}"
    if isinstance(value, dict):
        return "is an object"
    if isinstance(value, str) and not fact.shown:
        return ""
    return f"is {shown(value)}"


class _Reading:
    """A query while it is read: what it has asked for so far, and how much."""

    def __init__(self) -> None:
        self.asks: set[str] = set()
        self._clauses = 0
        self._patterns = 0

    def query(self, query: object, at: str, depth: int) -> Predicate:
        """An object of paths and groups."""
        if not isinstance(query, dict):
            raise refuse(at, "must be an object of paths and what is asked of each.")
        parts: list[Predicate] = []
        for name, said in _members(cast("dict[object, object]", query), at):
            here = f"{at}.{name}"
            if name in _GROUPS:
                parts.append(self._group(name, said, here, depth))
            elif name == "$not":
                parts.append(_not(self.query(said, here, self._down(here, depth))))
            elif name in OPERATORS or name in ("$regex", "$size", "$options"):
                raise refuse(here, f"stands below a path: {{PATH: {{{name}: …}}}}.")
            elif name.startswith("$"):
                raise refuse(here, "is not known. Known here: $and, $or, $nor, $not; below a path: " + _BELOW + ".")
            else:
                path = read_path(name, here)
                self.asks.add(path.name)
                parts += self._asked(path, said, here, depth)
        return _every(parts)

    def _group(self, name: str, said: object, at: str, depth: int) -> Predicate:
        listed = cast("list[object]", said) if isinstance(said, list) else []
        if not listed:
            raise refuse(at, "must be a list of queries, one at least.")
        depth = self._down(at, depth)
        parts = [self.query(each, f"{at}[{index}]", depth) for index, each in enumerate(listed)]
        if name == "$and":
            return _every(parts)
        return _some(parts) if name == "$or" else _not(_some(parts))

    def _asked(self, path: Path, said: object, at: str, depth: int) -> list[Predicate]:
        """What is asked of one path: operators, or the value that it has."""
        if not isinstance(said, dict):
            if isinstance(said, list):
                raise refuse(at, 'must be one value; for one of several say {"$in": […]}.')
            return [self._clause(path, OPERATORS["$eq"](said, path.fact, at), at)]
        members = cast("dict[object, object]", said)
        if not members:
            raise refuse(at, f"asks for nothing. Known: {_BELOW}.")
        parts: list[Predicate] = []
        for name, operand in _members(members, at):
            here = f"{at}.{name}"
            if name == "$not":
                if not isinstance(operand, dict):
                    raise refuse(here, "must be an object of operators.")
                parts.append(_not(_every(self._asked(path, cast("object", operand), here, self._down(here, depth)))))
            elif name == "$options":
                if "$regex" not in members:
                    raise refuse(here, "stands beside $regex.")
            else:
                parts.append(self._clause(path, self._test(name, operand, members, path.fact, at), here))
        return parts

    def _test(self, name: str, operand: object, beside: dict[object, object], fact: Fact, at: str) -> Test:
        here = f"{at}.{name}"
        if name == "$regex":
            self._patterns += 1
            if self._patterns > PATTERNS:
                raise refuse(here, f"the query has more than {PATTERNS} regular expressions.")
            options = beside.get("$options", "")
            if not isinstance(options, str):
                raise refuse(f"{at}.$options", "must be a text of the letters i, m, s.")
            return matches(operand, fact, here, "".join(sorted(set(options))))
        if name == "$size":
            return self._size(operand, fact, here)
        if (build := OPERATORS.get(name)) is None:
            raise refuse(here, f"is no operator. Known: {_BELOW}.")
        return build(operand, fact, here)

    def _size(self, operand: object, fact: Fact, at: str) -> Test:
        """How many elements a list has: a number, or operators on it."""
        if fact.kind != "any":
            raise refuse(at, "counts the elements of a list, and this is none.")
        alone = not isinstance(operand, dict)
        members: dict[object, object] = {"$eq": operand} if alone else cast("dict[object, object]", operand)
        tests: list[Test] = []
        for name, bound in _members(members, at):
            here = at if alone else f"{at}.{name}"
            if name not in ("$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin"):
                raise refuse(here, "is not known here. Known: $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin.")
            self._count(here)
            tests.append(OPERATORS[name](bound, _LENGTH, here))
        if not tests:
            raise refuse(at, "asks for nothing.")

        def passes(value: object) -> bool:
            if not isinstance(value, list):
                return False
            size = len(cast("list[object]", value))
            return all(test.passes(size) is not test.negative for test in tests)

        said = " and ".join(test.says for test in tests)
        return Test(passes, f"has a length that {said}", f"has no length that {said}")

    def _clause(self, path: Path, test: Test, at: str) -> Predicate:
        self._count(at)
        return _gathered(path, test) if path.many else _clause(path, test)

    def _count(self, at: str) -> None:
        self._clauses += 1
        if self._clauses > CLAUSES:
            raise refuse(at, f"the query asks for more than {CLAUSES} things.")

    def _down(self, at: str, depth: int) -> int:
        if depth == 0:
            raise refuse(at, f"is nested more than {DEPTH} deep.")
        return depth - 1


def _members(query: dict[object, object], at: str) -> Iterator[tuple[str, object]]:
    for name, said in query.items():
        if not isinstance(name, str):
            raise refuse(at, f"has the member {name!r}, whose name is no text; quote it.")
        yield name, said
