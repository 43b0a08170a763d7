"""What an answer that passes says of itself, for dialects that learn it by reading the answer whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from lockgate.core.failure import Failure
from lockgate.core.outcome import Outcome
from lockgate.core.query import Query, Result

Q = TypeVar("Q", bound=Query)
R = TypeVar("R", bound=Result)


def observer(read_reply: Callable[[bytes, Q], R | Failure], query: Q) -> Callable[[bytes], Outcome]:
    """The `observe` of a dialect, by its `read_reply`. `query` stands for what was asked, which nobody knows here."""

    def observe(body: bytes) -> Outcome:
        result = read_reply(body, query)
        if isinstance(result, Failure):
            return Outcome(failure=result)
        return Outcome(result.id, result.model, result.usage, begun=True, complete=True)

    return observe
