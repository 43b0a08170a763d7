"""A disk that fails when told to: under SQLite, as a VFS of its own, and under what Python writes itself.

A VFS is where SQLite keeps all that it asks of a system (https://www.sqlite.org/vfs.html): ours does what the system's does, counts
what changes something, and lets the call fail that it is told to. It syncs nothing, but knows what would have been: so it can say
what is on the disk when power is lost.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import errno
import os
from collections.abc import Callable, Iterable
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_int, c_int64, c_void_p, cast
from pathlib import Path

# https://www.sqlite.org/rescode.html
_OK, _FULL, _CANTOPEN = 0, 13, 14
_IOERR_WRITE, _IOERR_FSYNC, _IOERR_TRUNCATE, _IOERR_DELETE, _IOERR_SHMMAP = 778, 1034, 1546, 2570, 5386

_OPEN = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
_DELETE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)
_WRITE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_TRUNCATE = CFUNCTYPE(c_int, c_void_p, c_int64)
_SYNC = CFUNCTYPE(c_int, c_void_p, c_int)
_MAP = CFUNCTYPE(c_int, c_void_p, c_int, c_int, c_int, c_void_p)


class _Vfs(Structure):
    """`sqlite3_vfs`, as far as it is replaced here."""

    _fields_ = [
        ("version", c_int),
        ("file_bytes", c_int),
        ("path_most", c_int),
        ("next", c_void_p),
        ("name", c_char_p),
        ("app_data", c_void_p),
        ("open", c_void_p),
        ("delete", c_void_p),
        ("others", c_void_p * 14),
    ]


class _Methods(Structure):
    """`sqlite3_io_methods`: what can be done to an open file."""

    _fields_ = [
        ("version", c_int),
        ("close", c_void_p),
        ("read", c_void_p),
        ("write", c_void_p),
        ("truncate", c_void_p),
        ("sync", c_void_p),
        ("size", c_void_p),
        ("locks", c_void_p * 3),
        ("others", c_void_p * 3),
        ("map", c_void_p),
        ("more", c_void_p * 5),
    ]


def _library():
    library = ctypes.CDLL(_sqlite3.__file__)
    library.sqlite3_vfs_find.restype = POINTER(_Vfs)
    library.sqlite3_vfs_find.argtypes = [c_char_p]
    library.sqlite3_vfs_register.argtypes = [c_void_p, c_int]
    library.sqlite3_vfs_unregister.argtypes = [c_void_p]
    return library


def can_fail() -> bool:
    """Whether the SQLite that Python has lets us in."""
    try:
        return bool(_library().sqlite3_vfs_find(None))
    except (AttributeError, OSError):
        return False


def _applied(content: bytearray, writes: Iterable[tuple[int, bytes | None]]) -> bytearray:
    content = content.copy()
    for at, data in writes:
        if data is None:
            del content[at:]
        else:
            content.extend(bytes(max(0, at - len(content))))
            content[at : at + len(data)] = data
    return content


#: What files that a failed test has left open may still call.
_IN_USE: list[Disk] = []


class Disk:
    """From `enter` to `leave` all of this process' files are on it. `calls` counts what would have changed something."""

    #: Called before each call that is counted.
    watch: Callable[[], None] | None = None
    #: What Python writes with, and which argument of it is the path.
    CALLS = {"open": True, "mkdir": True, "unlink": True, "rename": True, "write": False, "pwrite": False} | dict.fromkeys(
        ("posix_fallocate", "ftruncate"), False
    )

    def __init__(self, folder: Path) -> None:
        self.calls = 0
        self.failed: list[str] = []
        self._folder = str(folder)
        self._at = 0
        self.full = False
        self._sqlite = True
        self._library = _library()
        self._base = self._library.sqlite3_vfs_find(None)
        self._ours = _Vfs.from_buffer_copy(self._base.contents)
        self._methods: dict[int, _Methods] = {}
        self._paths: dict[int, str] = {}  # of SQLite's open files
        self._synced: dict[str, bytearray] = {}  # what is in them for certain, by path
        self._writes: dict[str, list[tuple[int, bytes | None]]] = {}  # and what may be: where and what; None: cut off there
        self._kept = [_OPEN(self._open), _DELETE(self._delete)]
        self._ours.name = b"failing"
        self._ours.open, self._ours.delete = (cast(each, c_void_p) for each in self._kept)
        self._real = {name: getattr(os, name) for name in self.CALLS}

    def fail(self, at: int, *, full: bool, sqlite: bool = True) -> None:
        """Let the call fail that is the `at`-th from now on (1: the next): once, by an I/O error; or, `full`, it and all after it
        that need room. Not `sqlite`: of Python's own."""
        self.calls, self.failed, self._at, self.full, self._sqlite = 0, [], at, full, sqlite

    def mend(self) -> None:
        """Nothing fails any more."""
        self._at = 0

    def after_power_loss(self, kept: Callable[[int], bool]) -> dict[str, bytes]:
        """What is in SQLite's files then, by path: what was synced, and what was written since and happens to be `kept`, by its
        number."""
        return {
            path: bytes(_applied(synced, [each for n, each in enumerate(self._writes[path]) if kept(n)]))
            for path, synced in self._synced.items()
        }

    def enter(self) -> None:
        _IN_USE.append(self)
        self._library.sqlite3_vfs_register(byref(self._ours), 1)
        for name in self.CALLS:
            setattr(os, name, self._failing(name))

    def leave(self) -> None:
        self.mend()
        self.watch = None
        for name, real in self._real.items():
            setattr(os, name, real)
        self._library.sqlite3_vfs_unregister(byref(self._ours))
        self._library.sqlite3_vfs_register(self._base, 1)

    def _fails(self, what: str, *, room: bool = True) -> bool:
        """Whether this call fails. `room`: it needs some."""
        if not self._sqlite and what.startswith("sqlite"):
            return False
        if self.watch is not None:
            self.watch()
        self.calls += 1
        fails = 0 < self._at == self.calls or (self.full and 0 < self._at <= self.calls)
        if fails and (room or not self.full):
            self.failed.append(what)
            return True
        return False

    # --- what Python does

    def _failing(self, name):
        real, is_path = self._real[name], self.CALLS[name]

        def call(first, *args, **kwargs):
            if is_path:
                ours = str(first).startswith(self._folder) and (name != "open" or bool(args[0] & os.O_CREAT))
            else:
                ours = os.readlink(f"/proc/self/fd/{first}").startswith(self._folder)
            if ours and self._fails(name, room=name not in ("unlink", "ftruncate")):
                code = errno.ENOSPC if self.full else errno.EIO
                raise OSError(code, os.strerror(code))
            return real(first, *args, **kwargs)

        return call

    # --- what SQLite does

    def _open(self, vfs, name, file, flags, out):
        if self._fails("sqlite open", room=False):
            return _CANTOPEN
        result = _OPEN(self._base.contents.open)(vfs, name, file, flags, out)
        methods = cast(file, POINTER(c_void_p))
        if result == _OK and methods[0]:
            methods[0] = self._over(methods[0])
            path = self._paths[file] = ctypes.string_at(name).decode() if name else ""
            self._synced.setdefault(path, bytearray())
            self._writes.setdefault(path, [])
        return result

    def _delete(self, vfs, name, sync):
        if self._fails("sqlite delete", room=False):
            return _IOERR_DELETE
        path = ctypes.string_at(name).decode()
        self._synced.pop(path, None)
        self._writes[path] = []  # it may be open all the same
        return _DELETE(self._base.contents.delete)(vfs, name, sync)

    def _over(self, base: int) -> int:
        """A file's methods, with ours instead of those that change something."""
        if base not in self._methods:
            ours = self._methods[base] = _Methods.from_buffer_copy(cast(base, POINTER(_Methods)).contents)
            write, truncate, map_ = _WRITE(ours.write), _TRUNCATE(ours.truncate), ours.map and _MAP(ours.map)

            def failing_write(file, data, size, at):
                if self._fails("sqlite write"):
                    write(file, data, size // 2, at)  # a part of it is there all the same
                    return _FULL if self.full else _IOERR_WRITE
                self._writes[self._paths[file]].append((at, ctypes.string_at(data, size)))
                return write(file, data, size, at)

            def failing_truncate(file, size):
                if self._fails("sqlite truncate", room=False):
                    return _IOERR_TRUNCATE
                self._writes[self._paths[file]].append((size, None))
                return truncate(file, size)

            def failing_sync(file, flags):
                if self._fails("sqlite sync", room=False):
                    return _IOERR_FSYNC
                path = self._paths[file]
                self._synced[path] = _applied(self._synced.get(path, bytearray()), self._writes[path])
                self._writes[path] = []
                return _OK

            def failing_map(file, region, size, extend, out):
                return _IOERR_SHMMAP if extend and self._fails("sqlite map") else map_(file, region, size, extend, out)

            made = {
                "write": _WRITE(failing_write),
                "truncate": _TRUNCATE(failing_truncate),
                "sync": _SYNC(failing_sync),
                "map": _MAP(failing_map),
            }
            for name, each in made.items():
                if getattr(ours, name):  # only the file of the database itself is mapped
                    setattr(ours, name, cast(each, c_void_p))
            self._kept += made.values()
        return ctypes.addressof(self._methods[base])
