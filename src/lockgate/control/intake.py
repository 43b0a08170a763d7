"""`Intake`: what comes into the log by the admin API: records that somebody posts, and what people say of traces.

Both go through a spool, as the requests of the data plane do, and the scribe brings them into the log. Handlers run in several
threads; one at a time writes.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from lockgate.core.failure import Refusal
from lockgate.core.mask import Mask
from lockgate.core.record import Record
from lockgate.core.redact import Redactor
from lockgate.pipeline.snapshot import Snapshot
from lockgate.stores.feedback import FOLDER, pack
from lockgate.stores.logs.ports import Feedback
from lockgate.stores.spool import Spool

log = logging.getLogger("lockgate")


class Intake:
    """The ends of the two spools that one worker's admin API writes. `snapshot` gives the world as it is now."""

    def __init__(self, data: Path, snapshot: Callable[[], Snapshot], clock: Callable[[], int]) -> None:
        self._snapshot = snapshot
        self._records = Spool(data / "spool", clock=clock, report=log.warning, mark="posted-")
        self._feedback = Spool(data / FOLDER, clock=clock, report=log.warning)
        self._turn = threading.Lock()
        self._redactor = Redactor()
        self._redacts_for: Snapshot | None = None

    def __repr__(self) -> str:
        return f"Intake({self._records}, {self._feedback})"

    def keep(self, records: Sequence[Record], mask: Mask | None) -> None:
        """Write records down, without secrets and what a mask takes out. Raises `Refusal` 503 when one could not be: those
        before it are kept."""
        with self._turn:
            redactor = self._redactor_of(self._snapshot()).under(mask)
            for record in records:
                record.request, record.response = redactor(record.request), redactor(record.response)
                record.error = redactor.text(record.error)
                if not self._records.append(record):
                    raise _full()

    def rate(self, feedback: Sequence[Feedback]) -> None:
        """Write down what was said at once: all of it, or nothing. Raises `Refusal` 503."""
        with self._turn:
            if not self._feedback.put(pack(feedback)):
                raise _full()

    def close(self) -> None:
        """Let go of the spools."""
        with self._turn:
            self._records.close()
            self._feedback.close()

    def _redactor_of(self, snapshot: Snapshot) -> Redactor:
        if self._redacts_for is not snapshot:
            self._redactor = Redactor(each.secret() for each in snapshot.everywhere())
            self._redacts_for = snapshot
        return self._redactor


def _full() -> Refusal:
    return Refusal(503, "log_unavailable", "The log takes nothing now: its disk is full, or fails. Try again.", retry_after=5.0)
