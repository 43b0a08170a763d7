"""Process trees on Linux: start one, read its CPU time and memory from /proc, end it. (proc(5))"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


class Stat(NamedTuple):
    """One line of /proc/PID/stat, as far as it matters here; times in seconds, children's are of those waited for."""

    pid: int
    name: str
    parent: int
    session: int
    own_s: float
    children_s: float


def _stat(pid: int) -> Stat | None:
    try:
        line = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    name = line[line.index("(") + 1 : line.rindex(")")]
    fields = line[line.rindex(")") + 2 :].split()
    own, children = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
    return Stat(pid, name, int(fields[1]), int(fields[3]), own * _TICK_S, children * _TICK_S)


class Tree:
    """A started program with all that it starts. It leads a session of its own, by which its descendants are found."""

    def __init__(self, command: list[str], log: Path, cores: set[int] | None, env: Mapping[str, str] | None = None) -> None:
        self._log = log

        # What is installed has its bytecode; a checkout whose sources have changed must be allowed to keep it as well.
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

        def pin() -> None:
            if cores:
                os.sched_setaffinity(0, cores)

        with log.open("ab") as out:
            self._root = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**kept, **(env or {})},
                start_new_session=True,
                preexec_fn=pin,
            )

    def __repr__(self) -> str:
        return f"Tree({self._root.pid}, {len(list(self._members()))} processes)"

    @property
    def pid(self) -> int:
        """The program's own; also of its session, and of its process group."""
        return self._root.pid

    def wait(self) -> int:
        """Until the program itself has ended; how."""
        return self._root.wait()

    def alive(self) -> bool:
        """Whether the program itself still runs."""
        return self._root.poll() is None

    def last_words(self) -> str:
        """The last line of its output that says something."""
        lines = [line.strip() for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1][:200] if lines else "it said nothing"

    def cpu_s(self) -> float:
        """CPU time, user and system, of every process of the tree, the ended ones included as far as they were waited for."""
        return sum(stat.own_s + stat.children_s for stat in self._members())

    def rss_mb(self) -> list[tuple[str, float]]:
        """Resident memory of each process in MB (10⁶ bytes) with a short name, the largest first."""
        sizes = [(_title(stat), _rss_mb(stat.pid)) for stat in self._members()]
        return sorted(sizes, key=lambda size: -size[1])

    def stop(self, patience_s: float = 15.0) -> None:
        """End it: politely, then not."""
        if self.alive():
            self._root.send_signal(signal.SIGTERM)
            try:
                self._root.wait(patience_s)
            except subprocess.TimeoutExpired:
                pass
        for stat in list(self._members()):
            try:
                os.kill(stat.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self._root.wait()

    def _members(self) -> Iterator[Stat]:
        """The tree: processes of the session, and children of members that opened a session of their own."""
        stats = {int(path.name): _stat(int(path.name)) for path in _PROC.iterdir() if path.name.isdigit()}
        for stat in stats.values():
            above = stat
            while above is not None and above.pid != self._root.pid and above.session != self._root.pid:
                above = stats.get(above.parent)
            if stat is not None and above is not None:
                yield stat


def _rss_mb(pid: int) -> float:
    try:
        pages = int((_PROC / str(pid) / "statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _title(stat: Stat) -> str:
    """What a process is, from its command line, without paths."""
    try:
        words = (_PROC / str(stat.pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return stat.name
    if words[0].startswith(stat.name.encode() + b": "):
        return b" ".join(words[0].split()[:3]).decode("utf-8", "replace")  # a title that the program gave itself
    shown = [Path(word.decode("utf-8", "replace")).name for word in words[:3] if word and not word.startswith(b"-")]
    return " ".join(shown)[:40] or stat.name
