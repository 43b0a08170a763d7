"""The shelf: a folder of the data directory with what takes long to work out, in a form that is read at once.

A book is one JSON file: a name of what it was made of, and parts by name that are decoded when somebody asks for one. A book
that was made of something else, or that cannot be read, is made again. Nothing is lost with the folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import msgspec

from lockgate.core.json import UNREADABLE

#: Its name in the data directory.
FOLDER = "shelf"

log = logging.getLogger("lockgate")

T = TypeVar("T")


class Book(msgspec.Struct):
    """`edition` is the version of what it was made of."""

    made_of: str
    edition: str
    parts: dict[str, msgspec.Raw]


class Shelf:
    """The books of one folder, which lies in a directory that need not be there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __repr__(self) -> str:
        return f"Shelf({self._folder})"

    def book(self, name: str, made_of: str, make: Callable[[], tuple[str, Mapping[str, bytes]]]) -> Book:
        """The book of that name, if it was made of that; else what `make` gives, its edition and its parts as JSON, which is
        put there for the next time. While one process makes it, others wait."""
        if (book := self.find(name, made_of)) is not None:
            return book
        with self._turn(name) as others:
            if others and (book := self.find(name, made_of)) is not None:
                return book
            edition, parts = make()
            book = Book(made_of, edition, {part: msgspec.Raw(data) for part, data in parts.items()})
            self._put(self._path(name), msgspec.json.encode(book))
        return book

    def find(self, name: str, made_of: str) -> Book | None:
        """The book of that name, if it is there and was made of that."""
        path = self._path(name)
        try:
            book = msgspec.json.decode(path.read_bytes(), type=Book)
        except FileNotFoundError:
            return None
        except (OSError, *UNREADABLE) as error:
            log.info("%s is made again: %s", path, error)
            return None
        return book if book.made_of == made_of else None

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    @contextmanager
    def _turn(self, name: str) -> Generator[bool, None, None]:
        """Make a book, after whoever is at it; True: somebody may have made it by now. A place that cannot be written gives
        turns to everybody."""
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            lock = os.open(self._folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            yield False
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield True
        finally:
            os.close(lock)

    def _put(self, path: Path, data: bytes) -> None:
        """Replace the file as a whole, so that nobody reads a half of it."""
        if not self._folder.parent.is_dir():
            return  # no data directory: a command that is asked before there is a gateway
        new = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with new.open("wb") as out:
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
            new.replace(path)
        except OSError as error:
            log.info("%s cannot be kept, which makes the next start slower: %s", path, error.strerror)
            with suppress(OSError):
                new.unlink(missing_ok=True)


@cache
def fingerprint(package: str, file: str, ours: str) -> str:
    """The content of a package's data file, in one word with what `ours` says about how it is read; "" where there is no such
    file. The package is not imported. A process asks once: what it has read it keeps, as it keeps its modules."""
    spec = find_spec(package)
    if spec is None or not spec.origin:
        return ""
    try:
        data = Path(spec.origin).with_name(file).read_bytes()
    except OSError:
        return ""
    return f"{hashlib.sha256(data).hexdigest()} {ours}"
