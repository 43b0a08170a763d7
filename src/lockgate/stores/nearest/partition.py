"""One partition of the index: questions of which one may have the answer of another, as their words judge."""

from __future__ import annotations

from lockgate.stores.cache.port import Wording
from lockgate.stores.nearest.index import Index
from lockgate.stores.nearest.port import Entry

#: What an entry takes beside its vector and its words, and what a partition takes that has none, about, in bytes.
_BESIDE, _EMPTY = 450, 4096


class Partition:
    """The entries of a partition by the rows of their vectors, of at most `most_bytes`: what comes then takes the place of the
    oldest. `mark`, `purges` and `read_at` say what of all that is kept it has seen, and when it looked (monotonic seconds)."""

    def __init__(self, width: int, most_bytes: int) -> None:
        self._index = Index(width)
        self._most = most_bytes
        self._entries: list[Entry | None] = []
        self._rows: dict[bytes, int] = {}
        self._next = 0  # the row that is written over
        self.size = _EMPTY
        self.mark = self.purges = 0
        self.read_at = 0.0

    def __repr__(self) -> str:
        return f"Partition({len(self._rows)} entries, {self.size} bytes)"

    def __len__(self) -> int:
        return len(self._rows)

    def put(self, wording: Wording) -> None:
        """Add an entry; of two with one key, the later one counts. One whose vector has another length was damaged where it was
        kept, and is passed over."""
        if len(wording.vector) != self._index.vector_bytes:
            return
        entry = Entry(wording.key, wording.id, wording.expires_us, wording.words)
        row = self._rows.get(entry.key)
        if row is None:
            row = self._free_row(self._bytes(entry))
        else:
            self._leave(row)
        if row == len(self._entries):
            self._entries.append(None)
        self._index.put(row, wording.vector)
        self._entries[row] = entry
        self._rows[entry.key] = row
        self.size += self._bytes(entry)

    def forget(self, key: bytes) -> None:
        """Let go of an entry."""
        row = self._rows.get(key)
        if row is not None:
            self._leave(row)
            self._index.blank(row)

    def near(self, vector: bytes, most: int, floor: float) -> list[tuple[int, float]]:
        """See `Index.near`. It may run in a thread."""
        return self._index.near(vector, most, floor)

    def entry(self, row: int) -> Entry | None:
        """What stands at a row; None: nothing any more."""
        return self._entries[row]

    def _free_row(self, size: int) -> int:
        if self.size + size <= self._most or not self._entries:
            return len(self._entries)
        row = self._next
        self._next = (row + 1) % len(self._entries)
        if self._entries[row] is not None:
            self._leave(row)
        return row

    def _leave(self, row: int) -> None:
        entry = self._entries[row]
        assert entry is not None
        self._entries[row] = None
        del self._rows[entry.key]
        self.size -= self._bytes(entry)

    def _bytes(self, entry: Entry) -> int:
        return _BESIDE + self._index.row_bytes + len(entry.words)
