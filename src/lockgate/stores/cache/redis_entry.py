"""An entry of the cache in Redis: at its key, a head that says whose it is, and the answer, packed.

An operator looks for entries by reading heads. (An index beside them would be evicted as well, and would name what is no longer
there.)
"""

from __future__ import annotations

import msgspec

from lockgate.core.cached import CachedAnswer
from lockgate.stores.cache.meaning import Row, row
from lockgate.stores.cache.port import Kept

#: What all keys begin with. The number is that of the layout of what stands there.
PREFIX = b"lockgate:cache:1:"
#: Before the same key stand the words by which it is found; and what holds for the words of all.
WORDS = b"lockgate:cache:words:1:"
SEQUENCE = b"lockgate:cache:sequence:1:"
PURGED = b"lockgate:cache:purged"
#: Bytes at the beginning that say how long the head is, after them.
LENGTH = 4

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Row).decode


def entry(answer: CachedAnswer, data: bytes) -> bytes:
    """What stands at a key: an answer, of which `data` is what was packed."""
    head = _encode(row(answer, len(data)))
    return len(head).to_bytes(LENGTH) + head + data


def head_end(start: bytes) -> int:
    """Where the head ends of an entry that begins so."""
    return LENGTH + int.from_bytes(start[:LENGTH])


def head(start: bytes) -> Kept | None:
    """What the head says, which is in these bytes; None when that is none."""
    try:
        return Kept(*_decode(start[LENGTH : head_end(start)]))
    except msgspec.DecodeError:
        return None


def data(value: bytes) -> bytes:
    """What was packed of an entry."""
    return value[head_end(value) :]
