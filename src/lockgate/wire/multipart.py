"""Forms (`multipart/form-data`), read while they come: where each part is, and what small fields say.

The pieces are held once, as they came; a changed field takes its place between slices of them, so that no file is copied.
Sources: RFC 7578, RFC 2046 section 5.1, and WHATWG HTML ("multipart/form-data encoding algorithm") for names in quotes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import msgspec

from lockgate.core.failure import Refusal
from lockgate.core.json import encode

#: Limits: parts of a form, bytes of a part's headers, bytes of a field that is no file.
PARTS = 256
HEAD_LIMIT = 8 * 1024
FIELD_LIMIT = 1024 * 1024

_BOUNDARY = re.compile(rb'(?:^|;)[ \t]*boundary=(?:"([^"]{1,70})"|([^\s";,]{1,70}))[ \t]*(?:;|$)', re.IGNORECASE)
#: RFC 2046: what a boundary is made of; it does not end with a space.
_GOOD = re.compile(rb"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_PARAMETER = re.compile(rb';[ \t]*(name|filename\*?)=(?:"((?:\\.|[^"\\])*)"|([^\s;"]*))', re.IGNORECASE)


class Part(msgspec.Struct):
    """One part. `start` and `size` say where its value stands in the body; `value` is what a field says, None for a file."""

    name: str
    file: str | None
    kind: str
    start: int
    size: int = 0
    value: bytes | None = None


class Form:
    """`take` each piece, then `close`; both raise `Refusal` 400 for what is no form."""

    __slots__ = ("_at", "_boundary", "_delimiter", "_pieces", "_read", "_rest", "_said", "parts", "size")

    def __init__(self, boundary: bytes) -> None:
        self.parts: list[Part] = []
        self.size = 0
        self._pieces: list[bytes] = []
        self._boundary = boundary
        self._delimiter = b"\r\n--" + boundary
        # The first delimiter has no line before it: as if there were one.
        self._rest = b"\r\n"  # bytes that nothing can be said of yet
        self._at = -2  # where they begin
        self._read: Callable[[Form], bool] = Form._skip  # what comes next; no bound method, which would keep the form alive
        self._said: list[bytes] = []  # of the field being read

    @classmethod
    def of(cls, content_type: bytes) -> Form:
        """An empty form for a body of this type; raises `Refusal` 400 without a boundary."""
        match = _BOUNDARY.search(content_type)
        boundary = (match[1] or match[2]) if match else b""
        if not _GOOD.fullmatch(boundary):
            raise _bad("its content-type names no boundary")
        return cls(boundary)

    def __repr__(self) -> str:
        return f"Form({', '.join(part.name for part in self.parts)})"

    def take(self, piece: bytes) -> None:
        """More of the body."""
        self._pieces.append(piece)
        self.size += len(piece)
        self._rest += piece
        while self._read(self):
            pass

    def close(self) -> None:
        """The body has ended."""
        if self._read is not Form._over:
            raise _bad("it ends before its last delimiter")

    def text(self, name: str) -> str | None:
        """What a field says; None when it is not there. Raises `Refusal` 400 when it is there twice, or a file."""
        found = [part for part in self.parts if part.name == name]
        if not found:
            return None
        if len(found) > 1:
            raise Refusal(400, "repeated_member", f"The field '{name}' is given twice in the form.", param=name)
        if found[0].value is None:
            raise Refusal(400, "invalid_type", f"The field '{name}' of the form must be a text, not a file.", param=name)
        try:
            return found[0].value.decode()
        except UnicodeDecodeError:
            raise Refusal(400, "invalid_type", f"The field '{name}' of the form is not UTF-8.", param=name) from None

    def content(self, part: Part) -> bytes:
        """The value of a part, a file's too."""
        out: list[memoryview] = []
        at, end = 0, part.start + part.size
        for piece in self._pieces:
            if at < end and at + len(piece) > part.start:
                out.append(memoryview(piece)[max(0, part.start - at) : end - at])
            at += len(piece)
        return b"".join(out)

    def body(self, changes: Mapping[str, bytes]) -> list[bytes | memoryview]:
        """The body in pieces, with fields that say something else; one that is not there is put first."""
        out: list[bytes | memoryview] = []
        for name in changes:
            if not any(part.name == name for part in self.parts):
                head = b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n' % (self._boundary, _quoted(name))
                out.append(head + changes[name] + b"\r\n")
        cuts = [(part.start, part.start + part.size, changes[part.name]) for part in self.parts if part.name in changes]
        at = 0
        for piece in self._pieces:
            end = at + len(piece)
            kept = at
            for start, stop, value in cuts:
                if at <= start < end:
                    out += [memoryview(piece)[kept - at : start - at], value]
                if start < end and stop > at:
                    kept = min(stop, end)
            if kept == at:
                out.append(piece)
            elif kept < end:
                out.append(memoryview(piece)[kept - at :])
            at = end
        return out

    def summary(self) -> bytes:
        """The form for a reader: fields as texts, files by name, type and size."""
        said: dict[str, object] = {}
        for part in self.parts:
            told: object = {"file": part.file, "type": part.kind, "bytes": part.size}
            if part.value is not None:
                told = part.value.decode("utf-8", "replace")
            there = said.get(part.name)
            said[part.name] = told if there is None else [*there, told] if isinstance(there, list) else [there, told]
        return encode(said)

    # --- what comes next: each reads what it can and says whether to go on

    def _skip(self) -> bool:
        """What stands before the first delimiter says nothing."""
        return self._until(None)

    def _value(self) -> bool:
        return self._until(self.parts[-1])

    def _until(self, part: Part | None) -> bool:
        """A value, to the delimiter behind it."""
        found = self._rest.find(self._delimiter)
        # A delimiter may have begun at the end.
        size = found if found >= 0 else max(0, len(self._rest) - len(self._delimiter) + 1)
        if part is not None:
            part.size += size
            if part.file is None:
                if part.size > FIELD_LIMIT:
                    raise _bad(f"the field '{part.name}' is longer than {FIELD_LIMIT} bytes")
                self._said.append(self._rest[:size])
                if found >= 0:
                    part.value = b"".join(self._said)
                    self._said.clear()
        if found < 0:
            self._pass(size)
            return False
        self._pass(found + len(self._delimiter))
        self._read = Form._after
        return True

    def _after(self) -> bool:
        """Behind a delimiter: the end of the form, or the end of the line."""
        if len(self._rest) < 2:
            return False
        if self._rest.startswith(b"--"):
            self._read = Form._over
            return False
        end = self._rest.find(b"\r\n")
        if self._rest[: end if end >= 0 else None].strip(b" \t\r"):
            raise _bad("something stands behind a delimiter")
        if end < 0:
            return False
        self._pass(end)  # the line end stays: a part without headers begins with the blank line
        self._read = Form._head
        return True

    def _head(self) -> bool:
        end = self._rest.find(b"\r\n\r\n")
        if (end if end >= 0 else len(self._rest)) > HEAD_LIMIT:
            raise _bad(f"the headers of a part are longer than {HEAD_LIMIT} bytes")
        if end < 0:
            return False
        head = self._rest[:end]
        self._pass(end + 4)
        if len(self.parts) >= PARTS:
            raise _bad(f"it has more than {PARTS} parts")
        self.parts.append(_part(head, self._at))
        self._read = Form._value
        return True

    def _over(self) -> bool:
        """What stands behind the last delimiter says nothing."""
        self._rest = b""
        return False

    def _pass(self, size: int) -> None:
        self._rest = self._rest[size:]
        self._at += size


def _part(head: bytes, start: int) -> Part:
    name: str | None = None
    file: str | None = None
    kind = ""
    for line in head.split(b"\r\n"):
        header, _, value = line.partition(b":")
        if header.strip().lower() == b"content-disposition":
            for parameter, quoted, bare in _PARAMETER.findall(value):
                text = (re.sub(rb"\\(.)", rb"\1", quoted) if quoted else bare).decode("utf-8", "replace")
                if parameter.lower() != b"name":
                    file = text
                elif name is not None:
                    raise _bad("a part has two names")
                else:
                    name = text
        elif header.strip().lower() == b"content-type":
            kind = value.strip().decode("latin-1")
    if name is None:
        raise _bad("a part has no name")
    return Part(name, file, kind, start)


def _quoted(name: str) -> bytes:
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A").encode()


def _bad(why: str) -> Refusal:
    return Refusal(400, "invalid_form", f"The form cannot be read: {why}.")
