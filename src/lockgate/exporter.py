"""The export process: does what exports ask for, one after another, and ends when nothing is left to do.

`python -m lockgate.exporter --data DIR --lifeline FD`, with LOCKGATE_LOG_URL where the log is not in DIR. The scribe
starts it; one works in a data directory at a time. It gives way to everything else on the machine. When the lifeline (the
reading end of a pipe that the scribe holds) ends, it ends, and what it was doing is begun anew by the next one.
"""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from lockgate.control.exports.carry_out import carry_out
from lockgate.control.exports.shelf import Exports
from lockgate.core.process_log import speak
from lockgate.stores.logs.open import LOG_URL, open_log, told
from lockgate.stores.ports import StoreError

log = logging.getLogger("lockgate")

#: How much it gives way (nice).
GIVES_WAY = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    asked = _parser().parse_args(arguments)
    speak()
    for number in (signal.SIGINT, signal.SIGHUP):  # they reach every process: whoever started us ends first
        signal.signal(number, signal.SIG_IGN)
    os.nice(GIVES_WAY)
    return export_all(asked.data, asked.lifeline, os.environ.get(LOG_URL, ""))


def export_all(data: Path, lifeline: int = -1, url: str = "") -> int:
    """Do all there is to do; 0 also when somebody else does it."""
    exports = Exports(data)
    exports.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(exports.folder / "exporter.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        store = open_log(url, data, report=log.warning, bodies=told())
    except StoreError as error:
        log.error("exports: %s", error)
        os.close(lock)
        return 1
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        while not has_ended(lifeline) and (job := exports.due()) is not None:
            carry_out(job, exports, store, clock=_now_us, ending=lambda: has_ended(lifeline))
    except BlockingIOError:
        pass
    except OSError as error:
        log.error("exports: %s", error)
        return 1
    finally:
        store.close()
        os.close(lock)
    return 0


def has_ended(lifeline: int) -> bool:
    """Whether whoever started us has ended."""
    return lifeline >= 0 and bool(select.select([lifeline], [], [], 0)[0])


def _now_us() -> int:
    return time.time_ns() // 1000


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lockgate.exporter", description="Carries out exports of the log.")
    parser.add_argument("--data", type=Path, required=True, help="the data directory")
    parser.add_argument("--lifeline", type=int, default=-1, help="a file descriptor; its end is ours")
    return parser


if __name__ == "__main__":
    sys.exit(main())
