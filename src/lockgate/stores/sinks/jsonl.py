"""JSON lines in files: `requests-20261126T090000-000000.jsonl`, followed by others when it is large or the day is over.

Each record is there once, also after `kill -9`: how long the file was after the last batch is kept with the feed's place
(`mark`), and what is beyond that is cut off before the same batch is written again. Files that are done with are compressed,
and the oldest deleted.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import zstandard

from lockgate.stores.ports import StoreError
from lockgate.stores.sinks.lines import line
from lockgate.stores.sinks.port import Batch

_SUFFIX = ".jsonl"
_ENDINGS = {"none": "", "gzip": ".gz", "zstd": ".zst"}
_PIECE = 1024 * 1024


class JsonlFiles:
    """Files in a directory, whose names begin with `name`. `size` and the day (UTC) end a file; `keep` is how many finished
    ones stay, 0: all; `compression` of these is "none", "gzip" or "zstd". `clock` gives seconds since the epoch."""

    def __init__(
        self,
        directory: Path,
        name: str = "requests",
        *,
        size: int = 256 * 1024 * 1024,
        keep: int = 0,
        compression: str = "gzip",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._directory = directory
        self._name = name
        self._size = size
        self._keep = keep
        self._ending = _ENDINGS[compression]
        self._clock = clock
        self._file = -1
        self._path = directory
        self._written = 0
        self._day = ""
        self.mark = ""

    def __repr__(self) -> str:
        return f"JsonlFiles({self._directory / self._name})"

    def send(self, batch: Batch) -> int:
        """See `Sink`."""
        try:
            self._go_on(batch.mark)
            day = time.strftime("%Y%m%d", time.gmtime(self._clock()))
            if self._file >= 0 and (self._written >= self._size or day != self._day):
                self._finish()
            if self._file < 0:
                self._begin(day)
            self._write(b"".join(b"%s\n" % line(record) for record in batch.records))
        except OSError as error:
            raise StoreError(f"cannot write to {self._directory}: {error.strerror}") from None
        self.mark = f"{self._path.name} {self._written}"
        return 0

    def close(self) -> None:
        """See `Sink`."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _go_on(self, mark: str) -> None:
        """Where the last batch ended: what came after is of one that was not done with."""
        if self._file >= 0 and mark == self.mark:
            return
        self.close()
        name, _, size = mark.rpartition(" ")
        for path in self._unfinished():
            if path.name > name:
                path.unlink()
        path = self._directory / name
        if name and path.is_file() and path.stat().st_size >= int(size):
            self._open(path)
            os.ftruncate(self._file, int(size))
            self._written = int(size)
        self.mark = mark
        for path in self._unfinished():  # a process that ended while it compressed
            if path.name < name:
                self._compress(path)

    def _begin(self, day: str) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Names sort as files follow each other, also after the clock was set back.
        last = max((said.groups() for path in self._files() if (said := self._ours(path)) is not None), default=("", "0"))
        moment, number = max(last[0], time.strftime("%Y%m%dT%H%M%S", time.gmtime(self._clock()))), 0
        if moment == last[0]:
            number = int(last[1]) + 1
        path = self._directory / f"{self._name}-{moment}-{number:06d}{_SUFFIX}"
        self._open(path)
        self._day = day

    def _open(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._path, self._written = path, os.fstat(self._file).st_size
        self._day = path.name.removeprefix(f"{self._name}-")[:8]

    def _write(self, data: bytes) -> None:
        """All of it or nothing."""
        before = self._written
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._file, view) :]
        except OSError:
            os.ftruncate(self._file, before)
            raise
        self._written = before + len(data)

    def _finish(self) -> None:
        self.close()
        self._compress(self._path)
        if self._keep:
            for path in sorted(self._files())[: -self._keep]:
                path.unlink(missing_ok=True)

    def _compress(self, path: Path) -> None:
        if not self._ending:
            return
        part, whole = path.with_name(f".{path.name}{self._ending}.part"), path.with_name(path.name + self._ending)
        with path.open("rb") as plain, part.open("wb") as file:
            part.chmod(0o600)
            if self._ending == ".gz":
                with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6, mtime=0) as packed:
                    shutil.copyfileobj(plain, packed, _PIECE)
            else:
                zstandard.ZstdCompressor(level=6).copy_stream(plain, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(whole)
        path.unlink()

    def _unfinished(self) -> list[Path]:
        return sorted(path for path in self._files() if path.suffix == _SUFFIX)

    def _files(self) -> list[Path]:
        """Ours, whatever else lies there."""
        return [path for path in self._directory.glob(f"{self._name}-*{_SUFFIX}*") if self._ours(path) is not None]

    def _ours(self, path: Path) -> re.Match[str] | None:
        return re.fullmatch(rf"{re.escape(self._name)}-(\d{{8}}T\d{{6}})-(\d{{6}})\.jsonl(?:\.gz|\.zst)?", path.name)
