"""How long one question may read a log. A member may ask what no roll-up tells of ten million requests; the threads that answer
are few, and others wait for them."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from lockgate.stores.ports import TooLong

P = ParamSpec("P")
R = TypeVar("R")

#: Seconds. A month may be counted from its rows.
MOST_S = 60.0
#: Steps of SQLite's machine between two looks at the clock: some tenths of a millisecond.
_STEPS = 20_000


class Patience:
    """Of each thread by itself; `most_s` seconds a question."""

    def __init__(self, most_s: float = MOST_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._most_s = most_s
        self._clock = clock
        self._thread = threading.local()

    def __repr__(self) -> str:
        return f"Patience({self._most_s:g} s)"

    @contextmanager
    def one(self) -> Iterator[None]:
        """A question is asked within. Raises `TooLong`."""
        self._thread.until = self._clock() + self._most_s
        try:
            yield
        finally:
            del self._thread.until

    def watch(self, db: sqlite3.Connection) -> None:
        """Have what this thread asks a file end with the question. Raises `TooLong` where it is over."""
        until = getattr(self._thread, "until", None)
        if until is not None:
            if self._clock() > until:  # many small days are no long statement
                raise too_long(self._most_s)
            db.set_progress_handler(lambda: self._clock() > until, _STEPS)

    def end_of(self, error: sqlite3.Error) -> TooLong | None:
        """What it means that a statement broke off; None: something else."""
        if getattr(error, "sqlite_errorcode", 0) != sqlite3.SQLITE_INTERRUPT:
            return None
        return too_long(self._most_s)


def too_long(seconds: float) -> TooLong:
    """What is said to who has asked."""
    return TooLong(
        f"This would read too many requests one by one: given up after {seconds:g} s. Ask for a shorter time, or without "
        "words, ranges, or names that no roll-up knows together."
    )


class _Patient(Protocol):
    patience: Patience


S = TypeVar("S", bound=_Patient)


def patiently(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """A method that is one question."""

    @wraps(method)
    def asked(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.patience.one():
            return method(self, *args, **kwargs)

    return asked
