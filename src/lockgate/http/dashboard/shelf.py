"""What was built: every file once, in the forms that browsers take, each with an entity tag of its own.

`web/build.py` puts files here whose names change with what is in them, and beside each a `.br` and a `.gz` of it. They are read
when the first browser comes, in a few milliseconds, and kept: some hundred kilobytes.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import msgspec

from lockgate.wire.accept import quality

BUILT = Path(__file__).parent / "built"
#: The page that every view begins with.
INDEX = "/index.html"

#: Forms by preference: what an Accept-Encoding calls it, and how its file's name ends.
_FORMS = (("br", ".br"), ("gzip", ".gz"))
_KINDS = {
    ".css": b"text/css; charset=utf-8",
    ".html": b"text/html; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".png": b"image/png",
    ".svg": b"image/svg+xml",
}


class Form(msgspec.Struct, frozen=True):
    """A file as it goes out. `encoding` "" is the file itself."""

    encoding: str
    etag: bytes
    body: bytes


class Article(msgspec.Struct, frozen=True):
    """A file, in its forms: the best one first, itself last."""

    kind: bytes
    forms: tuple[Form, ...]

    def form(self, accepted: str) -> Form:
        """The best that whoever sent this Accept-Encoding takes."""
        return next((each for each in self.forms if each.encoding and quality(accepted, each.encoding) > 0), self.forms[-1])


def take_stock(folder: Path = BUILT) -> dict[str, Article]:
    """Every file by its path as a URL has it; nothing where nothing was built."""
    if not (folder / INDEX[1:]).is_file():
        return {}
    return {
        f"/{path.relative_to(folder).as_posix()}": Article(kind, _forms(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and (kind := _KINDS.get(path.suffix)) is not None
    }


def _forms(path: Path) -> tuple[Form, ...]:
    found = [
        (encoding, packed.read_bytes())
        for encoding, ending in _FORMS
        if (packed := path.with_name(path.name + ending)).is_file()
    ]
    found.append(("", path.read_bytes()))
    return tuple(Form(encoding, b'"%b"' % sha256(body).hexdigest()[:20].encode(), body) for encoding, body in found)
