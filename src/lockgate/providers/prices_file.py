"""A price list that was taken after installation: one file, in place of the list that the package `genai-prices` brings.

What is taken is the data that genai-prices publishes (version 2: a JSON array of providers), checked whole before it is kept,
under a head that says when it was taken and from where. A list that was taken beside an older package than the one that is
installed now is not used: the package's own is newer.
"""

from __future__ import annotations

import hashlib
import importlib
import logging
import re
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from lockgate.providers.prices_catalogue import Catalogue, bundled, bundled_version

if TYPE_CHECKING:
    from genai_prices.types import Provider

log = logging.getLogger("lockgate")

#: Its name in the data directory.
NAME = "prices.json"
#: Where genai-prices publishes its data.
URL = "https://raw.githubusercontent.com/pydantic/genai-prices/refs/heads/main/prices/new_data/v2/data.json"
#: Bytes of a list (in November 2026 it has 0.9 million).
LIMIT = 32 * 1024 * 1024
#: A list with fewer models than this share of the package's is cut, or a part.
LEAST = 0.5
#: What the package's reading of odd data raises.
_UNREADABLE = (ValueError, TypeError, LookupError, AssertionError, AttributeError, StopIteration, RecursionError, re.error)


class Head(msgspec.Struct):
    """Where a list is from. `digest` is the SHA-256 of the published bytes, `beside` the package's version at the time."""

    taken_us: int
    source: str
    digest: str
    beside: str

    @property
    def version(self) -> str:
        """The name that records give it: what it is, when it was taken, and of which bytes it is made."""
        return f"genai-prices {datetime.fromtimestamp(self.taken_us / 1e6, UTC):%Y-%m-%d} {self.digest[:8]}"


class _File(Head):
    providers: msgspec.Raw


def seal(data: bytes, source: str, taken_us: int) -> tuple[Head, bytes]:
    """Published data, as the file that is kept; raises `ValueError` with a sentence about what is wrong with it."""
    if len(data) > LIMIT:
        raise ValueError(f"it has more than {LIMIT} bytes")
    catalogue = Catalogue(_read(data), "checked")
    try:
        models = catalogue.check(taken_us)
    except _UNREADABLE as error:
        raise ValueError(_sentence(error)) from None
    known = bundled().size
    if models < known * LEAST:
        raise ValueError(f"it has {models} models, fewer than half of the {known} that the package knows")
    head = Head(taken_us, source, hashlib.sha256(data).hexdigest(), bundled_version())
    return head, msgspec.json.encode(_File(**msgspec.structs.asdict(head), providers=msgspec.Raw(data)))


def head_of(path: Path) -> Head | None:
    """The head of the list that is kept; None where there is none that is used."""
    file = _open(path)
    return None if file is None else Head(file.taken_us, file.source, file.digest, file.beside)


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
                catalogue = Catalogue(_read(bytes(file.providers)), file.version)
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
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        log.error("the price list %s cannot be read; the package's own is used: %s", path, error)
        return None
    if _order(bundled_version()) > _order(file.beside):
        log.info("the price list %s was taken beside an older genai-prices (%s): the package's own is newer", path, file.beside)
        return None
    return file


def _read(data: bytes) -> list[Provider]:
    """The providers of published data. Read one by one, letting other threads go on in between: all at once would hold them
    for 0.1 s."""
    types: Any = importlib.import_module("genai_prices.types")
    try:
        entries = msgspec.json.decode(data, type=list[dict[str, Any]])
    except msgspec.ValidationError:
        raise ValueError("it is no JSON array of providers (genai-prices publishes one as v2/data.json)") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"it is no JSON: {error}") from None
    providers: list[Provider] = []
    for entry in entries:
        try:
            # The reader that the package's own updates use; it has no public name (0.2).
            providers += types._providers_from_raw([entry])
        except _UNREADABLE as error:
            raise ValueError(f"the provider {str(entry.get('id'))[:64]!r} cannot be read: {_sentence(error)}") from None
        time.sleep(0)
    return providers


def _sentence(error: BaseException) -> str:
    """An error in one line: pydantic's have many."""
    return " ".join(str(error).split())[:300] or type(error).__name__


def _order(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)[:3]]
