"""The price list that the package `genai-prices` brings, in the form that it publishes.

The package costs 350 ms and 27 MB to import, so its list is read once and kept on the shelf for as long as the package stays
the same. What is not used is left behind: how usage is found in answers, comments, links.
"""

from __future__ import annotations

import dataclasses
import importlib
import threading
from datetime import date, time
from typing import Any

import msgspec

from lockgate import __version__
from lockgate.providers.price_rows import READER
from lockgate.providers.prices_catalogue import Catalogue
from lockgate.providers.shelf import Shelf, fingerprint

#: Members of the package's types that are not kept.
_UNUSED = frozenset(
    ("api_pattern", "pricing_urls", "description", "price_comments", "model_match", "provider_match", "extractors")
)
_EDITION = "genai-prices "

#: Its name on the shelf.
_BOOK = "prices"

_last: dict[str, Catalogue] = {}  # by what it was made of: a reload need not read it again
_reading = threading.Lock()


def bundled(shelf: Shelf | None = None) -> Catalogue:
    """The package's list. Without a `shelf`, or if it is not there yet, the package is imported."""
    with _reading:
        made_of = _made_of()
        catalogue = _last.get(made_of)
        if catalogue is None:
            if shelf is None or not made_of:
                edition, parts = _published()
                sellers = {name: msgspec.Raw(data) for name, data in parts.items()}
            else:
                book = shelf.book(_BOOK, made_of, _published)
                edition, sellers = book.edition, book.parts
            catalogue = _last[made_of] = Catalogue(sellers, edition)
    return catalogue


def is_shelved(shelf: Shelf) -> bool:
    """Whether it is on the shelf, from which it is read then, or can never be."""
    with _reading:
        made_of = _made_of()
        if made_of and made_of not in _last:
            book = shelf.find(_BOOK, made_of)
            if book is None:
                return False
            _last[made_of] = Catalogue(book.parts, book.edition)
    return True


def bundled_version() -> str:
    """The version of the package."""
    # Asked for beside a list that was taken, and else never: it brings email, zipfile and csv, which take 15 ms.
    metadata: Any = importlib.import_module("importlib.metadata")
    version: str = metadata.version("genai-prices")
    return version


def _made_of() -> str:
    return fingerprint("genai_prices", "data.py", f"lockgate {__version__} {READER}")


def _published() -> tuple[str, dict[str, bytes]]:
    data: Any = importlib.import_module("genai_prices.data")
    return _EDITION + bundled_version(), {seller.id: msgspec.json.encode(_plain(seller)) for seller in data.providers}


def _plain(thing: Any) -> Any:
    """The package's types, as the JSON that they are published in."""
    if dataclasses.is_dataclass(thing):
        members = ((each.name, getattr(thing, each.name)) for each in dataclasses.fields(thing) if each.name not in _UNUSED)
        return {name.rstrip("_"): _plain(value) for name, value in members if value is not None}
    if isinstance(thing, list):
        return [_plain(each) for each in thing]
    if isinstance(thing, dict):
        return {name: _plain(value) for name, value in thing.items()}
    if isinstance(thing, date | time):
        return thing.isoformat()
    if type(thing).__name__ == "ModelPrice":  # no dataclass: its members are what is priced
        return {name: _plain(value) for name, value in vars(thing).items()}
    return thing
