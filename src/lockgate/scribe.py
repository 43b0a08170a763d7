"""The ingest process: moves records and feedback from their spools into the log store, forgets old days, counts for `/metrics`,
and has exports made and history priced again.

`python -m lockgate.scribe --data DIR --lifeline FD`, with LOCKGATE_LOG_URL where the log is not in DIR. One works in a data
directory at a time; another waits its turn. It ends after moving what is there: at SIGTERM, or when the lifeline (the reading
end of a pipe whose other end its supervisor holds) says that the supervisor is gone. It imports little and sleeps when there is
nothing to do: five looks a second.
"""

from __future__ import annotations

import argparse
import fcntl
import gc
import logging
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lockgate.control.costs.repricings import Repricings
from lockgate.control.exports.shelf import Exports
from lockgate.control.jobs import Jobs
from lockgate.core.process_log import speak
from lockgate.stores import feedback, roster
from lockgate.stores.feedback import FeedbackIngest
from lockgate.stores.logs.ingest import Ingest
from lockgate.stores.logs.open import LOG_URL, open_log, tell, told
from lockgate.stores.logs.ports import LogStore
from lockgate.stores.logs.s3 import S3Place
from lockgate.stores.metrics import counting, saved
from lockgate.stores.metrics.counting import Counting
from lockgate.stores.ports import StoreError
from lockgate.stores.sinks.outlets import Outlets

log = logging.getLogger("lockgate")

LOOK_S = 0.2
#: After a failure of the store: first, and at most, so long until the next try.
RETRY_S, RETRY_MOST_S = 1.0, 30.0
#: How long the last moving may take; what is left then is for the next scribe.
DRAIN_S = 10.0
PRUNE_S = 3600.0
#: Between two times that the numbers are written down.
SAVE_S = 1.0
#: Between two looks for a job that was started.
JOBS_S = 1.0
_DAY_US = 86_400_000_000


class Bell:
    """Wakes the process: rung by SIGTERM, or by the end of the lifeline. Once it has rung it goes on ringing."""

    def __init__(self, lifeline: int) -> None:
        self.rung = False
        self._lifeline = lifeline
        self._ear, self._hammer = os.pipe()
        os.set_blocking(self._hammer, False)
        self._ears = select.poll()  # select() knows no descriptor above 1023
        self._ears.register(self._ear, select.POLLIN)
        if lifeline >= 0:
            self._ears.register(lifeline, select.POLLIN)

    def ring(self, *_: object) -> None:
        """Ring it; fit to be a signal handler."""
        self.rung = True
        try:
            os.write(self._hammer, b"!")
        except BlockingIOError:
            pass  # it is ringing already

    def wait(self, seconds: float) -> None:
        """Wait so long, or until it rings."""
        if self.rung:
            return
        heard = {fd for fd, _ in self._ears.poll(seconds * 1000)}
        if self._lifeline in heard and not os.read(self._lifeline, 512):
            self.rung = True


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    asked = _parser().parse_args(arguments)
    speak()
    return scribe(asked.data, asked.lifeline, asked.retention_days, url=os.environ.get(LOG_URL, ""), bodies=told())


def scribe(
    data: Path,
    lifeline: int = -1,
    retention_days: int = 0,
    outlets: Callable[[], Outlets] | None = None,
    *,
    url: str = "",
    text: bool = True,
    bodies: S3Place | None = None,
    prices: Sequence[str] | None = None,
) -> int:
    """Run until told to stop; 0 when everything was moved, 1 when something had to stay in the spool. `outlets` makes what
    brings records elsewhere too; None: nobody wants them. `url`, `text` and `bodies` are of the log (`stores.logs.open`);
    `prices` are what tells the repricer which they are (of its command line), None: history is not priced again from here.
    Raises `StoreError` for a URL that names no log."""
    bell = Bell(lifeline)
    signal.signal(signal.SIGTERM, bell.ring)
    for number in (signal.SIGINT, signal.SIGHUP):
        # Ctrl-C and a hung-up terminal reach every process: the supervisor ends first, and we hear of that.
        signal.signal(number, signal.SIG_IGN if lifeline >= 0 else bell.ring)
    spool = data / "spool"
    lock = _take_turn(spool / "scribe.lock", bell)
    if lock < 0:
        return 0
    store = open_log(url, data, report=log.warning, text=text, bodies=bodies)
    numbers = Numbers(Counting(spool, data / saved.NAME, report=log.warning), data / roster.NAME)
    others = None if outlets is None else outlets()
    ingest = Ingest(spool, store, report=log.warning, released=_released(numbers.counting, others))
    said = FeedbackIngest(data / feedback.FOLDER, store, report=log.warning)
    environment = {LOG_URL: url, **tell(bodies)}
    hands = [Hand("exporter", Exports(data), data, environment)]
    if prices is not None:
        hands.append(Hand("repricer", Repricings(data), data, environment, prices))
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)  # records come and go by the thousand, in no circles
    try:
        _keep_moving(Log(store, ingest, said, retention_days), numbers, hands, others, bell)
        for hand in hands:
            hand.stop()
        if others is not None:
            others.close()
        numbers.finish()
        return 0 if _drain(ingest, said) else 1
    finally:
        for hand in hands:
            hand.stop()
        numbers.counting.close()
        ingest.close()
        said.close()
        store.close()
        os.close(lock)


class Numbers:
    """Counts, and writes down what was counted once a second."""

    def __init__(self, counting: Counting, workers: Path) -> None:
        self.counting = counting
        self._workers = workers
        self._save_at = 0.0
        self._used_us = 0

    def step(self, now: float) -> bool:
        """Whether there is more to do at once."""
        more = self.counting.step() >= counting.BATCH
        if now >= self._save_at:
            self._save_at = now + SAVE_S
            self._save()
        return more

    def finish(self) -> None:
        """Count all that is there."""
        while self.counting.step():
            pass
        self._save()

    def _save(self) -> None:
        self.counting.add_lives(roster.lives(self._workers, time.perf_counter()))
        used_us = time.process_time_ns() // 1000
        self.counting.add_cpu(used_us - self._used_us)
        self._used_us = used_us
        self.counting.save()


class Hand:
    """Has jobs of one kind done by a process of their own (`module`), which is there while there is something to do. It holds
    the other end of our lifeline, and is asked to end by that: what it was doing stays to be done. It is told where the log is
    by its environment, which only its owner can read."""

    def __init__(
        self, module: str, jobs: Jobs[Any, Any], data: Path, environment: Mapping[str, str], arguments: Sequence[str] = ()
    ) -> None:
        self._module = module
        self._jobs = jobs
        self._data = data
        self._environment = environment
        self._arguments = arguments
        self._look_at = self._prune_at = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._life = -1

    def step(self, now: float) -> None:
        """Start it when it is needed. Trouble is told, and is none of the log's."""
        if now < self._look_at or (self._process is not None and self._process.poll() is None):
            return
        self._look_at = now + JOBS_S
        self._let_go()
        try:
            if now >= self._prune_at:
                self._prune_at = now + PRUNE_S
                self._jobs.prune(time.time_ns() // 1000)
            if self._jobs.due() is not None:
                self._start()
        except OSError as error:
            self._look_at = now + RETRY_MOST_S
            log.error("%s: %s", self._module, error)

    def stop(self) -> None:
        """Have it end, and wait until it has."""
        self._let_go()
        if self._process is not None:
            try:
                self._process.wait(DRAIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _start(self) -> None:
        lifeline, self._life = os.pipe()
        try:
            command = [sys.executable, "-m", f"lockgate.{self._module}", "--data", str(self._data), "--lifeline", str(lifeline)]
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                [*command, *self._arguments],
                pass_fds=(lifeline,),
                stdin=subprocess.DEVNULL,
                env={**os.environ, **self._environment},
            )
        finally:
            os.close(lifeline)

    def _let_go(self) -> None:
        if self._life >= 0:
            os.close(self._life)
            self._life = -1


class Log:
    """Moves records and feedback into the store; when the store has trouble, not again before a while has passed."""

    def __init__(self, store: LogStore, ingest: Ingest, said: FeedbackIngest, retention_days: int) -> None:
        self._store = store
        self._ingest = ingest
        self._said = said
        self._retention_days = retention_days
        self._retry_s = 0.0
        self._retry_at = 0.0
        self._prune_at = 0.0

    def step(self, now: float) -> bool:
        """Whether there is more to do at once."""
        if now < self._retry_at:
            return False
        try:
            if self._retention_days and now >= self._prune_at:
                self._prune_at = now + PRUNE_S
                self._store.prune(time.time_ns() // 1000 - self._retention_days * _DAY_US)
            self._ingest.step()
            self._said.step()
        except StoreError as error:
            self._retry_s = min(max(RETRY_S, 2 * self._retry_s), RETRY_MOST_S)
            self._retry_at = now + self._retry_s
            log.error("request log: %s; trying again in %.0f s", error, self._retry_s)
            return False
        self._retry_s = 0.0
        return self._ingest.behind


def _keep_moving(records: Log, numbers: Numbers, hands: Sequence[Hand], outlets: Outlets | None, bell: Bell) -> None:
    while not bell.rung:
        now = time.monotonic()
        for hand in hands:
            hand.step(now)
        if outlets is not None:
            outlets.step(now)
        more = numbers.step(now)
        if not (records.step(now) or more):
            bell.wait(LOOK_S)


def _released(counting: Counting, outlets: Outlets | None) -> Callable[[str, int], bool]:
    """Whether all who read the spool beside the log have read a segment as far as that."""
    if outlets is None:
        return counting.has_saved
    return lambda name, at: counting.has_saved(name, at) and outlets.released(name, at)


def _drain(ingest: Ingest, said: FeedbackIngest) -> bool:
    """Move what is there; False when some had to stay. A store that is busy for a moment is tried again."""
    until, patience = time.monotonic() + DRAIN_S, time.monotonic() + RETRY_S
    while True:
        try:
            if not ingest.step() and not said.step():
                return True
        except StoreError as error:
            if time.monotonic() > patience:
                log.error("request log: %s; what is in the spool stays there for the next start", error)
                return False
            time.sleep(RETRY_S / 20)
        if time.monotonic() > until:
            return False


def _take_turn(path: Path, bell: Bell) -> int:
    """The lock of the data directory, held for life; -1 when the bell rings first. It is waited for, and so is a directory that
    can be written."""
    lock, told = -1, ""
    while True:
        try:
            if lock < 0:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            why = "another ingest process works here; waiting for it to end"
        except OSError as error:
            why = f"cannot write to {path.parent}: {error.strerror}; waiting until that is possible"
        if why != told:
            log.warning("request log: %s", why)
            told = why
        bell.wait(LOOK_S)
        if bell.rung:
            if lock >= 0:
                os.close(lock)
            return -1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "lockgate.scribe", description="Moves recorded requests from the spool into the log store."
    )
    parser.add_argument("--data", type=Path, required=True, help="the data directory")
    parser.add_argument("--lifeline", type=int, default=-1, help="a file descriptor; its end is ours")
    parser.add_argument("--retention-days", type=int, default=0, help="delete days older than this (0: keep all)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
