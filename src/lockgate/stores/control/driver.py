"""What the control store asks of a database. The two are alike but for what stands here.

SQL is written once, with `?` for values. In a schema, `{int}` stands for the type of an 8-byte integer, `{blob}` for that of
bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Protocol

Values = Sequence[Any]


class Clash(Exception):
    """A constraint forbids it. `unique`: such a row is there already; else it points at a row that is not there, or is pointed
    at itself."""

    def __init__(self, *, unique: bool) -> None:
        super().__init__("unique" if unique else "reference")
        self.unique = unique


class Connection(Protocol):
    """A transaction under way. Every call may raise `Clash` and `StoreError`."""

    def rows(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """What a query finds."""
        ...

    def run(self, sql: str, values: Values = ()) -> int:
        """Change something; how many rows."""
        ...


class Driver(Protocol):
    """A database. Calls block, for a bounded time; threads may share it, and take turns. Raises `StoreError`."""

    #: How this database writes the placeholders of a schema.
    types: ClassVar[dict[str, str]]

    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction that sees one state of the database and changes nothing."""
        ...

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction of which only one is under way at a time, on all machines. It is committed, durably, when its block
        ends well, and undone when it does not."""
        ...

    def has_table(self, connection: Connection, name: str) -> bool:
        """Whether there is a table of this name."""
        ...

    def same(self) -> bool:
        """Whether certainly nobody else has committed anything since this was last asked. (False costs a query.)"""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...
