"""What Structs are made of, worked out before there are threads.

msgspec works that out when a Struct is first decoded or converted, in Python code that gives other threads their turn: where a
second thread needs the same Struct in that moment, the process dies (msgspec 0.22: a segmentation fault in one of a few
starts under load). So all of it is done beforehand, once, in the process that the workers are forked from; and again after
modules have been imported later.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import msgspec

_known: set[type[msgspec.Struct]] = set()
_turn = threading.Lock()


def resolve_structs() -> int:
    """Work out every Struct that has been defined by now; how many were new. Those that nobody could decode are left."""
    with _turn:
        new = [struct for struct in _descendants(msgspec.Struct) if struct not in _known]
        for struct in new:
            try:
                msgspec.json.Decoder(struct)
            except (TypeError, NameError):
                pass  # it has members that JSON cannot say: it is never decoded
            _known.add(struct)
        return len(new)


def _descendants(struct: type[msgspec.Struct]) -> Iterator[type[Any]]:
    for each in struct.__subclasses__():
        yield each
        yield from _descendants(each)
