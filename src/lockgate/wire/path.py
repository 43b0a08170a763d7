"""Paths that callers give, to be appended to another: nothing in them may climb out of it.

What one host reads as a name, another reads as a step upwards: dots may be escaped, and escapes escaped again. A path that
any of them could misread is refused, not cleaned. Source: RFC 3986, sections 3.3 and 5.2.4.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from lockgate.core.failure import Refusal

#: How often escapes are undone, to see what a host might see behind them.
_DEPTH = 4
_BAD = re.compile(rb"[/\\\x00-\x1f\x7f]")


def below(rest: str) -> str:
    """A path as it stood in the request line, without the slash it would begin with; raises `Refusal` 400 for one that is
    not surely below whatever it is appended to."""
    segments = rest.split("/")
    for number, segment in enumerate(segments):
        if not segment and number < len(segments) - 1:
            raise _refused("it has an empty segment")
        seen = segment.encode("ascii", "replace")
        for _ in range(_DEPTH):
            if seen in (b".", b".."):
                raise _refused("it has a dot segment")
            if _BAD.search(seen):
                raise _refused("it has an escaped slash or a control character")
            seen = unquote_to_bytes(seen)
    if not rest.isascii() or "\\" in rest or "#" in rest or "?" in rest:
        raise _refused("it has characters that must be percent-encoded")
    return "/" + rest


def _refused(why: str) -> Refusal:
    return Refusal(400, "invalid_path", f"The path cannot be passed on: {why}.")
