"""What becomes of workers that are gone: their journals are read, and those that nobody has a journal of are swept.

Done by one process of a machine at a time, and safe when several do it: an epoch ends once.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from lockgate.core.record import Record
from lockgate.policy.ledger import MEASURES, Budget, Lease
from lockgate.policy.purse import DISPATCHED, POSTED
from lockgate.stores.ledger.book import Book, Finding
from lockgate.stores.ledger.journal import MOVES, DeadJournal, dead_journals
from lockgate.stores.ledger.moves import read_moves
from lockgate.stores.ledger.ports import Epoch, Orphan

#: After so many seconds the journal of another ledger is of no use to anybody: that one has charged all that its worker held.
_STRANGE_S = 7 * 86_400


def recover(book: Book, directory: Path, *, boot: str | None = None) -> int:
    """End the epochs of workers that are gone; how many. Raises `StoreError`; what was done until then stays done."""
    ended = 0
    for journal in dead_journals(directory, boot=boot):
        gone = False
        try:
            epoch = book.epoch(journal.epoch)
            if epoch is not None and journal.token in (None, epoch.token):
                ended += _bury(book, journal)
                gone = True
            else:  # it is another ledger's, which may be in use here again
                gone = time.time() - journal.used_s > _STRANGE_S
        finally:
            journal.close(gone=gone)
    for epoch in book.silent():
        book.sweep(epoch)
        ended += 1
    return ended


def _bury(book: Book, journal: DeadJournal) -> bool:
    """End the epoch that a journal is of. Where the journal cannot be believed, all that was held counts as spent."""
    if not journal.sound:
        book.sweep(journal.epoch)
        return book.write_off(journal.epoch)
    moves = read_moves(journal.path.with_suffix(MOVES))
    if moves:
        book.declare(journal.epoch, moves)
    epoch, leases, budgets = book.leases(journal.epoch)
    return epoch is not None and book.end(journal.epoch, find(epoch, leases, budgets, journal))


def find(epoch: Epoch, leases: dict[int, Lease], budgets: dict[str, Budget], journal: DeadJournal) -> Finding:
    """What a journal says beyond what the ledger has: what was posted later, and all of what was under way."""
    spent: dict[int, tuple[int, int]] = dict.fromkeys(leases, (0, 0))
    orphans: list[Orphan] = []
    for entry in journal.entries:
        for number in entry.leases:
            lease = leases.get(number)
            if lease is None:
                continue  # closed, with everything that was on it
            measure = MEASURES.index(budgets[lease.budget].measure)
            paid, over = spent[number]
            held = entry.reserved[measure]
            if entry.state == POSTED and entry.seq > epoch.seq:
                actual = entry.posted[measure]
                own = min(actual, held) if lease.hard else actual
                spent[number] = paid + own, over + actual - own
            elif entry.state == DISPATCHED:
                spent[number] = paid + held, over
                orphans.append(Orphan(entry.id, entry.attempt, journal.epoch, number, measure, held))
    return Finding(spent, tuple(orphans))


def reconcile(book: Book, records: Iterable[Record]) -> int:
    """Correct by the log what was charged by estimate; how many attempts were. An attempt is known by its record's id and its
    place among the record's attempts; where there was one alone, what the record says of it all is said of it.

    Raises `StoreError`; what was corrected stays so, and records that were read before change nothing.
    """
    return sum(book.correct(id, attempt, amounts) for record in records for id, attempt, amounts in _facts(record))


def _facts(record: Record) -> Iterator[tuple[str, int, tuple[int, int, int]]]:
    """What is known for sure of a record's attempts. What was itself estimated corrects nothing."""
    if record.usage_source not in ("provider", "request"):
        return
    single = len(record.attempts) == 1
    for number, attempt in enumerate(record.attempts):
        usage = record.usage
        if single and usage is not None and record.cost_nusd is not None:
            yield record.id, number, (record.cost_nusd, usage.input + usage.output, 1)
        elif attempt.cost_nusd is not None and not attempt.kind:
            yield record.id, number, (attempt.cost_nusd, attempt.input + attempt.output, 1)
