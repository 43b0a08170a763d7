"""A price list that was taken after installation: one file, in place of the list that the package `genai-prices` brings.

What is taken is the data that genai-prices publishes (version 2: a JSON array of providers), checked whole before it is kept,
under a head that says when it was taken and from where. A list that was taken beside an older package than the one that is
installed now is not used: the package's own is newer.
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from lockgate.core.json import UNREADABLE
from lockgate.providers.bundled import bundled, bundled_version
from lockgate.providers.price_rows import READER
from lockgate.providers.prices_catalogue import Catalogue, sellers_of

log = logging.getLogger("lockgate")

#: Its name in the data directory.
NAME = "prices.json"
#: Where genai-prices publishes its data.
URL = "https://raw.githubusercontent.com/pydantic/genai-prices/refs/heads/main/prices/new_data/v2/data.json"
#: Bytes of a list (in November 2026 it has 0.9 million).
LIMIT = 32 * 1024 * 1024
#: A list with fewer models than this share of the package's is cut, or a part.
LEAST = 0.5
#: What odd data raise when they are looked at.
_UNREADABLE = (ValueError, OverflowError, RecursionError, re.error)


class Head(msgspec.Struct):
    """Where a list is from. `digest` is the SHA-256 of the published bytes, `beside` the package's version at the time,
    `reader` says by which rules it was checked."""

    taken_us: int
    source: str
    digest: str
    beside: str
    reader: int = 0

    @property
    def version(self) -> str:
        """The name that records give it: what it is, when it was taken, and of which bytes it is made."""
        return f"genai-prices {datetime.fromtimestamp(self.taken_us / 1e6, UTC):%Y-%m-%d} {self.digest[:8]}"


class _File(Head, kw_only=True):
    providers: msgspec.Raw


def seal(data: bytes, source: str, taken_us: int) -> tuple[Head, bytes]:
    """Published data, as the file that is kept; raises `ValueError` with a sentence about what is wrong with it."""
    if len(data) > LIMIT:
        raise ValueError(f"it has more than {LIMIT} bytes")
    models = _check(Catalogue(sellers_of(data), "checked"), taken_us)
    known = bundled().size
    if models < known * LEAST:
        raise ValueError(f"it has {models} models, fewer than half of the {known} that the package knows")
    head = Head(taken_us, source, hashlib.sha256(data).hexdigest(), bundled_version(), READER)
    return head, msgspec.json.encode(_File(**msgspec.structs.asdict(head), providers=msgspec.Raw(data)))


def head_of(path: Path) -> Head | None:
    """The head of the list that is kept; None where there is none that is used."""
    file = _open(path)
    return None if file is None else Head(file.taken_us, file.source, file.digest, file.beside, file.reader)


_last: dict[str, Catalogue] = {}  # the one that was read last, by its digest: a reload need not read it again
_reading = threading.Lock()


def load(path: Path) -> Catalogue | None:
    """The list that is kept; None where there is none that can be used, which is reported."""
    file = _open(path)
    if file is None:
        return None
    with _reading:
        catalogue = _last.get(file.digest)
        if catalogue is None:
            try:
                catalogue = Catalogue(sellers_of(bytes(file.providers)), file.version)
                if file.reader != READER:
                    _check(catalogue, file.taken_us)
            except ValueError as error:
                log.error("the price list %s cannot be used; the package's own is: %s", path, error)
                return None
            _last.clear()
            _last[file.digest] = catalogue
    return catalogue


def _open(path: Path) -> _File | None:
    try:
        file = msgspec.json.decode(path.read_bytes(), type=_File)
    except FileNotFoundError:
        return None
    except (OSError, *UNREADABLE) as error:
        log.error("the price list %s cannot be read; the package's own is used: %s", path, error)
        return None
    if _order(bundled_version()) > _order(file.beside):
        log.info("the price list %s was taken beside an older genai-prices (%s): the package's own is newer", path, file.beside)
        return None
    return file


def _check(catalogue: Catalogue, at_us: int) -> int:
    """How many models there are; raises `ValueError` with a sentence about what is wrong with them."""
    try:
        return catalogue.check(at_us)
    except _UNREADABLE as error:
        raise ValueError(_sentence(error)) from None


def _sentence(error: BaseException) -> str:
    """An error in one line."""
    return " ".join(str(error).split())[:300] or type(error).__name__


def _order(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)[:3]]
