"""Regular expressions that anyone may send: searched in time that grows with pattern and text, never faster.

RE2 does not backtrack (https://github.com/google/re2/wiki/WhyRE2), so no pattern is a trap; what its automata cannot do,
look-around and back-references, is refused. Where it has to follow many ways at once it takes some 10 ns for a byte of text
and an instruction of the program (measured), so the product of the two has a bound: a text beyond it is searched up to there.

Patterns are as in JavaScript: unanchored, `$` is the very end, `.` is no line end. Most that are written are a literal with
an anchor or none, and need no engine.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol, cast

import re2  # pyright: ignore[reportMissingTypeStubs]

#: The longest pattern, in characters, and the memory of its program and automaton, in bytes.
LONGEST = 1000
_MEMORY = 1 << 20
#: Instructions × bytes of one search: at most about 20 ms, and far less for patterns that were not made to be slow.
_WORK = 1 << 20
_LITERAL = re.compile(r"(\^?)([A-Za-z0-9 _@/:,;=<>%&!~'\"#-]+)(\$?)", re.ASCII)
_FLAGS = frozenset("ims")


class BadPattern(ValueError):
    """A pattern that is not taken. The message completes "the pattern …"."""


class _Match(Protocol):
    def end(self) -> int: ...


class _Program(Protocol):
    @property
    def programsize(self) -> int: ...

    def search(self, text: bytes) -> _Match | None: ...


class _Options(Protocol):
    max_mem: int
    log_errors: bool


class _Engine(Protocol):
    """What is used of the binding, which has no types of its own."""

    error: type[Exception]
    Options: Callable[[], _Options]

    def compile(self, pattern: bytes, options: _Options) -> _Program: ...


_RE2 = cast("_Engine", re2)


def compile_pattern(pattern: str, flags: str = "") -> Callable[[str], bool]:
    """Whether a text has the pattern in it. Flags: `i` any case, `m` lines, `s` the dot takes line ends too.

    Raises `BadPattern`: too long, too large, wrong, or beyond what is searched without backtracking.
    """
    if len(pattern) > LONGEST:
        raise BadPattern(f"is longer than {LONGEST} characters")
    if unknown := set(flags) - _FLAGS:
        raise BadPattern(f"has the unknown flag '{min(unknown)}' (known: i, m, s)")
    if not flags and (match := _LITERAL.fullmatch(pattern)):
        return _literal(match[2], bool(match[1]), bool(match[3]))
    return _search(_compile(f"(?{flags}){pattern}" if flags else pattern))


def _compile(pattern: str) -> _Program:
    options = _RE2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    try:
        return _RE2.compile(pattern.encode(), options)
    except UnicodeEncodeError:
        raise BadPattern("holds half a character") from None
    except _RE2.error as error:
        reason = cast("bytes", error.args[0]).decode("utf-8", "replace")
        hint = " (look-around and back-references are not known here; say it with $not)" if "invalid" in reason else ""
        raise BadPattern(f"cannot be compiled: {reason}{hint}") from None


def _search(program: _Program) -> Callable[[str], bool]:
    bound = _WORK // max(program.programsize, 1)

    def found(text: str) -> bool:
        data = text.encode("utf-8", "replace")
        if len(data) <= bound:
            return program.search(data) is not None
        match = program.search(data[:bound])
        return match is not None and match.end() < bound  # one that ends at the cut may be none in the whole text

    return found


def _literal(text: str, at_start: bool, at_end: bool) -> Callable[[str], bool]:
    """The search for a literal, as the engine would do it."""
    if at_start and at_end:
        return lambda value: value == text
    if at_start:
        return lambda value: value.startswith(text)
    if at_end:
        return lambda value: value.endswith(text)
    return lambda value: text in value
