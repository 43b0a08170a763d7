"""Values as they stand in ClickHouse's SQL.

Typed parameters (`{name:String}`) would go with the URL: there proxies cut them short, and access logs keep what somebody
searched for. So values stand in the statement, and whatever they hold, they end where they end: within quotes only the quote
and the backslash mean anything (https://clickhouse.com/docs/sql-reference/syntax#string).
"""

from __future__ import annotations

from collections.abc import Iterable

_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\0": "\\0", "\n": "\\n", "\r": "\\r", "\t": "\\t"})
_PATTERN = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_", "*": "%", "?": "_"})


def encoded(text: str) -> bytes:
    """A text in UTF-8; what is none of Unicode (a lone surrogate) is spelled out, as in a packed record."""
    return text.encode("utf-8", "backslashreplace")


def text(value: str) -> str:
    """A string literal."""
    return f"'{encoded(value).decode().translate(_ESCAPES)}'"


def texts(values: Iterable[str]) -> str:
    """String literals, for `IN (...)`."""
    return ", ".join(map(text, values))


def like(column: str, pattern: str) -> str:
    """The condition that a column agrees with a pattern of `*` and `?`."""
    if "*" in pattern or "?" in pattern:
        return f"{column} LIKE {text(pattern.translate(_PATTERN))}"
    return f"{column} = {text(pattern)}"
