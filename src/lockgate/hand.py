"""A hand of the scribe: a process that does the jobs of one kind, one after another, and ends when nothing is left to do.

The scribe starts it (`scribe.Hand`), with LOCKGATE_LOG_URL where the log is not in the data directory. One of a kind works in a
data directory at a time, and gives way to everything else on the machine. When its lifeline (the reading end of a pipe that the
scribe holds) ends, it ends, and what it was doing is gone on with by the next one.
"""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from lockgate.control.jobs import Asked, Jobs
from lockgate.core.process_log import speak
from lockgate.stores.logs.open import LOG_URL, open_log, told
from lockgate.stores.logs.ports import LogStore
from lockgate.stores.ports import StoreError

log = logging.getLogger("lockgate")

J = TypeVar("J", bound=Asked)
P = TypeVar("P")

#: How much it gives way (nice).
GIVES_WAY = 10
#: How long is waited for somebody else who writes into the log, in seconds.
BUSY_S = 30.0


def begin() -> None:
    """What such a process does first."""
    speak()
    for number in (signal.SIGINT, signal.SIGHUP):  # they reach every process: whoever started us ends first
        signal.signal(number, signal.SIG_IGN)
    os.nice(GIVES_WAY)


def do_all(
    name: str,
    shelf: Jobs[J, P],
    data: Path,
    do: Callable[[J, LogStore, Callable[[], bool]], None],
    *,
    lifeline: int = -1,
) -> int:
    """Do all jobs there are: `do` one, with the log, until it is done or the third says that the process ends. 0 also when
    somebody else does them; 1 for what is wrong with the disk or the log, which is told."""
    shelf.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(shelf.folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    store: LogStore | None = None

    def ends() -> bool:
        return lifeline >= 0 and bool(select.select([lifeline], [], [], 0)[0])

    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        store = open_log(os.environ.get(LOG_URL, ""), data, report=log.warning, busy_s=BUSY_S, bodies=told())
        while not ends() and (job := shelf.due()) is not None:
            do(job, store, ends)
    except BlockingIOError:
        pass
    except (OSError, StoreError) as error:
        log.error("%s: %s", name, error)
        return 1
    finally:
        if store is not None:
            store.close()
        os.close(lock)
    return 0


def parser(name: str, what: str) -> argparse.ArgumentParser:
    """What each takes."""
    parser = argparse.ArgumentParser(f"lockgate.{name}", description=what)
    parser.add_argument("--data", type=Path, required=True, help="the data directory")
    parser.add_argument("--lifeline", type=int, default=-1, help="a file descriptor; its end is ours")
    return parser


def now_us() -> int:
    """µs since the epoch."""
    return time.time_ns() // 1000
