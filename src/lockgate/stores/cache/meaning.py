"""What an operator means, for SQL and without it."""

from __future__ import annotations

from typing import LiteralString, cast

from lockgate.core.cached import CachedAnswer
from lockgate.stores.cache.port import Kept, Meant

#: The members of `Kept`, as columns.
COLUMNS = cast("LiteralString", ", ".join(Kept.__struct_fields__))
_EQUAL = ("organisation", "workspace", "model", "provider", "id")

#: The members of `Kept`, in their order.
Row = tuple[str, int, int, int, int, str, str, str, str, str]


def row(answer: CachedAnswer, size: int) -> Row:
    """An answer that takes so many bytes and was not used yet, as `Kept` has it. What only points to another is of no size: an
    operator means it along with the others (`purge`), and does not see it."""
    size = size if answer.status else 0
    place = (answer.organisation, answer.workspace, answer.namespace, answer.provider, answer.model)
    return (answer.id, answer.time_us, answer.expires_us, answer.time_us, size, *place)


def agrees(meant: Meant, kept: Kept) -> bool:
    """Whether an entry is meant."""
    return (
        all(getattr(meant, name) in ("", getattr(kept, name)) for name in _EQUAL)
        and meant.namespace in (None, kept.namespace)
        and (meant.before_us is None or kept.time_us < meant.before_us)
    )


def clause(meant: Meant, mark: str = "?") -> tuple[str, list[str | int]]:
    """The same as SQL's condition, and its values. `mark` is what stands for a value."""
    said: dict[str, str | int] = {name + " =": getattr(meant, name) for name in _EQUAL if getattr(meant, name)}
    if meant.namespace is not None:
        said["namespace ="] = meant.namespace
    if meant.before_us is not None:
        said["time_us <"] = meant.before_us
    return " AND ".join(f"{name} {mark}" for name in said) or "1 = 1", list(said.values())
