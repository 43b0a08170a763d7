"""`Insight`: all that one worker has open of the log: what reads it, what writes into it, and what watches it.

Questions are answered by a crew of their own, so that one that takes long holds up nobody who sets something up, nor a request.
"""

from __future__ import annotations

from lockgate.control.costs.repricings import Repricings
from lockgate.control.crew import Crew
from lockgate.control.exports.shelf import Exports
from lockgate.control.intake import Intake
from lockgate.control.office import Office
from lockgate.control.search import Search
from lockgate.control.tails import Tails
from lockgate.stores.logs.ports import LogStore

#: Threads that read the log, and how many requests may be in them or wait for one: a browser asks six at a time, and of what
#: somebody has left again nothing is asked.
READERS, MOST = 2, 256


class Insight:
    """Of an office's data directory, until that closes. `store` is where its log is kept."""

    def __init__(self, office: Office, store: LogStore) -> None:
        data = office.house.data
        self.readers = Crew("log", READERS, MOST, "the log")
        self.search = Search(data, store)
        self.intake = Intake(data, office.snapshot, office.clock)
        self.tails = Tails(data / "spool", self.readers, office.draining)
        self.exports = Exports(data)
        self.repricings = Repricings(data)
        office.beside.append(self.close)

    def __repr__(self) -> str:
        return f"Insight({self.search})"

    def close(self) -> None:
        """Let go of threads, spools and store."""
        self.readers.close()
        self.intake.close()
        self.search.store.close()
