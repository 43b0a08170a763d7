"""Bounded inflate: gzip and deflate answers, for upstreams that compress although we ask for `identity`.

A pull decoder: it holds what came compressed and gives plain pieces of at most `PIECE` bytes, so that a bomb costs what
is taken out of it and no more. Sources: RFC 1952 (gzip, members one after the other), RFC 1950 and 1951 (deflate, which
servers send with and without the zlib wrapper).
"""

from __future__ import annotations

import zlib
from collections import deque

PIECE = 64 * 1024
#: The most that one answer may inflate to, in bytes.
TOTAL = 64 * 1024 * 1024
#: The most plain bytes per compressed byte, once `FREE` bytes are out (a small answer may be that regular).
RATIO = 100
FREE = 1024 * 1024
#: The most members of one gzip stream. An empty member is 20 bytes and costs microseconds: 100,000 of them are an attack.
MEMBERS = 1000
#: How much zlib is given at a time. What it leaves unread is copied, so a small bite keeps the whole linear.
BITE = 4096

CODINGS = frozenset((b"gzip", b"x-gzip", b"deflate"))

_GZIP = 16 + zlib.MAX_WBITS


class InflateError(Exception):
    """The compressed body is broken, cut short, or larger than it may be; the message says which."""


class Inflate:
    """`feed` compressed bytes, `take` plain ones; `finish` when all has been fed and taken."""

    __slots__ = ("_begun", "_bites", "_full", "_gzip", "_members", "_taken_in", "_taken_out", "_zlib")

    def __init__(self, coding: bytes) -> None:
        self._gzip = coding != b"deflate"
        self._zlib = zlib.decompressobj(_GZIP) if self._gzip else None
        self._bites: deque[bytes | memoryview] = deque()
        self._begun = False
        self._full = False  # the last piece was cut at its limit: zlib may hold more, even without more input
        self._members = 0
        self._taken_in = 0
        self._taken_out = 0

    def feed(self, data: bytes) -> None:
        """Hold compressed bytes. How many are held is bounded by whoever reads the network."""
        if len(data) <= BITE:
            self._bites.append(data)
            return
        view = memoryview(data)
        self._bites.extend(view[at : at + BITE] for at in range(0, len(data), BITE))

    def take(self) -> bytes:
        """The next plain bytes, or b"" when more must be fed first; raises `InflateError`."""
        while self._bites or self._full:
            bite = self._bites.popleft() if self._bites else b""
            if self._zlib is None:
                self._zlib = zlib.decompressobj(zlib.MAX_WBITS if bite[0] & 0x0F == 8 else -zlib.MAX_WBITS)
            elif self._zlib.eof and not (bite := self._next_member(bite)):
                continue
            self._begun = True
            try:
                plain = self._zlib.decompress(bite, PIECE)
            except zlib.error:
                raise InflateError("its compressed body is broken") from None
            rest = self._zlib.unused_data if self._zlib.eof else self._zlib.unconsumed_tail
            self._full = len(plain) == PIECE and not self._zlib.eof
            self._taken_in += len(bite) - len(rest)
            self._taken_out += len(plain)
            if rest:
                self._bites.appendleft(rest)
            if self._taken_out > TOTAL:
                raise InflateError(f"its body inflates to more than {TOTAL} bytes")
            if self._taken_out > FREE and self._taken_out > RATIO * self._taken_in:
                raise InflateError(f"its body inflates to more than {RATIO} times its size")
            if plain:
                return plain
        return b""

    def finish(self) -> None:
        """The body has ended; raises `InflateError` if the compression has not."""
        if self._begun and not (self._zlib is not None and self._zlib.eof):
            raise InflateError("its compressed body is cut short")

    def _next_member(self, bite: bytes | memoryview) -> bytes | memoryview:
        """What follows a finished member: another one, or zeros that pad a gzip file."""
        if self._gzip and bite[0] == 0x1F:
            self._members += 1
            if self._members >= MEMBERS:
                raise InflateError(f"its body has more than {MEMBERS} gzip members")
            self._zlib = zlib.decompressobj(_GZIP)
            return bite
        if any(bite):
            raise InflateError("its compressed body is followed by something else")
        return b""
