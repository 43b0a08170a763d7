"""The repricing process: prices history again for those who have asked for it, and ends when nothing is left to do.

`python -m lockgate.repricer --data DIR [--config FILE] --lifeline FD`, with LOCKGATE_LOG_URL where the log is not in DIR. The
scribe starts it, as it starts the exporter; one works in a data directory at a time, and gives way to everything else.
"""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from lockgate.control.config import BadConfig, Config, read_file
from lockgate.control.costs.carry_out import carry_out
from lockgate.control.costs.repricings import Repricings
from lockgate.control.offline import thought_of
from lockgate.core.process_log import speak
from lockgate.exporter import GIVES_WAY, has_ended
from lockgate.http.routes import SCOPES
from lockgate.pipeline.snapshot import Snapshot
from lockgate.stores.logs.open import LOG_URL, open_log, told
from lockgate.stores.ports import StoreError

log = logging.getLogger("lockgate")

#: How long is waited for somebody else who writes into the log, in seconds.
BUSY_S = 30.0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    asked = _parser().parse_args(arguments)
    speak()
    for number in (signal.SIGINT, signal.SIGHUP):  # they reach every process: whoever started us ends first
        signal.signal(number, signal.SIG_IGN)
    os.nice(GIVES_WAY)
    return reprice_all(asked.data, asked.config, asked.lifeline, os.environ.get(LOG_URL, ""))


def reprice_all(data: Path, config: Path | None, lifeline: int = -1, url: str = "") -> int:
    """Do all there is to do; 0 also when somebody else does it."""
    shelf = Repricings(data)
    shelf.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(shelf.folder / "repricer.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        store = open_log(url, data, report=log.warning, busy_s=BUSY_S, bodies=told())
    except StoreError as error:
        log.error("repricing: %s", error)
        os.close(lock)
        return 1

    def world() -> Snapshot:
        try:
            return thought_of(Config() if config is None else read_file(config), data, os.environ, SCOPES)
        except BadConfig as bad:
            raise ValueError(f"The configuration cannot be used: {bad}") from None

    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        while not has_ended(lifeline) and (job := shelf.due()) is not None:
            carry_out(job, shelf, store, world, clock=_now_us, ending=lambda: has_ended(lifeline))
    except BlockingIOError:
        pass
    except OSError as error:
        log.error("repricing: %s", error)
        return 1
    finally:
        store.close()
        os.close(lock)
    return 0


def _now_us() -> int:
    return time.time_ns() // 1000


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lockgate.repricer", description="Prices recorded requests again.")
    parser.add_argument("--data", type=Path, required=True, help="the data directory")
    parser.add_argument("--config", type=Path, help="the configuration file, for its prices")
    parser.add_argument("--lifeline", type=int, default=-1, help="a file descriptor; its end is ours")
    return parser


if __name__ == "__main__":
    sys.exit(main())
