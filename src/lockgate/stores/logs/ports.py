"""What the house asks of the request log, wherever it is kept. Calls block: they are made off the request path."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Literal, Protocol

import msgspec

from lockgate.core.record import Record
from lockgate.stores.logs.rollup import Totals
from lockgate.stores.logs.text import said, words

#: What requests are told apart by, in analytics; or `metadata.NAME`.
Dimension = Literal[
    "model", "provider", "key", "user", "workspace", "organisation", "route", "operation", "status", "outcome", "error", "cache"
]


class Range(msgspec.Struct, frozen=True):
    """From the least to the most, both included; None: without an end."""

    least: int | None = None
    most: int | None = None

    def admits(self, value: int | None) -> bool:
        """Whether it lies within. What is not known lies nowhere."""
        if value is None:
            return False
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)


class Filter(msgspec.Struct, frozen=True):
    """Which records are meant: all that agree with each member that is set.

    A tuple means any of its values. Times are µs since the epoch, `until_us` excluded. `status` are ranges, both ends included.
    `models` are compared with the model asked, sent and served; they, and the values of `metadata`, may have `*` and `?`.
    `keys` are ids or names. `workspaces` None is every one; () is none at all. `text` are words, each of which stands in what
    was asked or answered.
    """

    since_us: int | None = None
    until_us: int | None = None
    organisation: str = ""
    workspaces: tuple[str, ...] | None = None
    status: tuple[tuple[int, int], ...] = ()
    outcomes: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    caches: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    traces: tuple[str, ...] = ()
    spans: tuple[str, ...] = ()
    cached: tuple[str, ...] = ()  # requests whose answers they were given from the cache
    metadata: tuple[tuple[str, str], ...] = ()
    cost_nusd: Range | None = None
    tokens: Range | None = None
    input: Range | None = None
    output: Range | None = None
    latency_us: Range | None = None
    ttft_us: Range | None = None
    feedback: Range | None = None  # the mean of what people said of its trace, in thousandths
    text: str = ""

    def admits(self, record: Record) -> bool:
        """Whether a record is meant, as far as it says itself: feedback is asked of the store."""
        return (
            (self.since_us is None or record.time_us >= self.since_us)
            and (self.until_us is None or record.time_us < self.until_us)
            and (not self.organisation or record.organisation == self.organisation)
            and (self.workspaces is None or record.workspace in self.workspaces)
            and (not self.status or any(low <= record.status <= high for low, high in self.status))
            and (not self.keys or record.key_id in self.keys or record.key_name in self.keys)
            and all(not meant or find(record) in meant for meant, find in self._exact())
            and all(meant is None or meant.admits(find(record)) for meant, find in self._ranges())
            and (not self.models or any(self._means_model(record, glob(each)) for each in self.models))
            and all(fnmatchcase(record.metadata.get(name, ""), glob(value)) for name, value in self.metadata)
            and self._says(record)
        )

    def _exact(self) -> tuple[tuple[tuple[str, ...], Callable[[Record], str]], ...]:
        return (
            (self.outcomes, lambda record: record.outcome),
            (self.operations, lambda record: record.operation),
            (self.providers, lambda record: record.provider),
            (self.users, lambda record: record.user),
            (self.routes, lambda record: record.route),
            (self.caches, lambda record: record.cache),
            (self.errors, lambda record: record.error_code),
            (self.traces, lambda record: record.trace_id),
            (self.spans, lambda record: record.span_id),
            (self.cached, lambda record: record.cached_id),
        )

    def _ranges(self) -> tuple[tuple[Range | None, Callable[[Record], int | None]], ...]:
        return (
            (self.cost_nusd, lambda record: record.cost_nusd),
            (self.tokens, lambda record: None if record.usage is None else record.usage.input + record.usage.output),
            (self.input, lambda record: None if record.usage is None else record.usage.input),
            (self.output, lambda record: None if record.usage is None else record.usage.output),
            (self.latency_us, lambda record: record.latency_us),
            (self.ttft_us, lambda record: record.ttft_us),
        )

    def _means_model(self, record: Record, pattern: str) -> bool:
        return any(fnmatchcase(model, pattern) for model in (record.model_asked, record.model_sent, record.model_served))

    def _says(self, record: Record) -> bool:
        if not self.text:
            return True
        return {*words(self.text)} <= {*said(record.request, record.response)}


def glob(pattern: str) -> str:
    """A pattern of `*` and `?` alone as one for `fnmatch` and SQL's GLOB, which also know brackets."""
    return pattern.replace("[", "[[]")


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """A place in the log, newest first: records older than this one, by time and then id."""

    time_us: int
    id: str

    @classmethod
    def of(cls, record: Record) -> Cursor:
        """The place of a record."""
        return cls(record.time_us, record.id)


class Page(msgspec.Struct):
    """Records, newest first, without their bodies; `next` is where to go on, None at the end."""

    records: list[Record]
    next: Cursor | None


class Feedback(msgspec.Struct, frozen=True):
    """What somebody said of a trace: a value from -10 to 10, and its weight in thousandths."""

    id: str
    trace_id: str
    time_us: int
    value: int
    weight: int = 1000
    metadata: Mapping[str, str] = {}
    organisation: str = ""
    workspace: str = ""


class Cost(msgspec.Struct, frozen=True):
    """What a request costs by other prices than it was recorded with: nano-USD (None: not known), a word on that, and the
    version of the prices. `attempts` are the shares of its attempts, in their order; (): they stay as they are."""

    nusd: int | None
    note: str = ""
    version: str = ""
    attempts: tuple[int | None, ...] = ()


class Groups(msgspec.Struct):
    """What requests come to, told apart by one dimension; the largest first. `total` is how many groups there are."""

    rows: list[tuple[str, Totals]]
    total: int


class LogStore(Protocol):
    """Where records live. Each call may raise `StoreError`."""

    def append(self, records: Sequence[Record]) -> int:
        """Keep the records, all or none of a day; those whose id is known already are left alone. How many were new."""
        ...

    def page(self, meant: Filter, after: Cursor | None = None, limit: int = 50) -> Page:
        """The newest records that are meant, older than `after`."""
        ...

    def scan(self, meant: Filter, *, bodies: bool = False) -> Iterator[Record]:
        """All records that are meant, newest first, however many: few are in memory at a time. With `bodies`, each has the
        body of its request."""
        ...

    def get(self, id: str) -> Record | None:
        """One record with its bodies."""
        ...

    def series(self, meant: Filter, step_us: int) -> list[tuple[int, Totals]]:
        """What the records that are meant come to, in steps of whole minutes from the epoch on, oldest first; steps with
        nothing in them are left out. Both times of `meant` are set, and rounded out to whole steps."""
        ...

    def groups(
        self, meant: Filter, by: str, *, order: str = "requests", limit: int = 50, offset: int = 0, sketches: bool = False
    ) -> Groups:
        """The same told apart by a `Dimension`, or by `metadata.NAME`; those with the most of `order` (a member of `Totals`)
        first; with their `sketches`, which take time, or without. Raises `ValueError` for a dimension that there is not."""
        ...

    def spread(self, meant: Filter, by: str, step_us: int) -> list[tuple[int, int, int]]:
        """How many requests each step has that can be told apart by a dimension, and how many groups these make: (start,
        requests, groups), oldest first. Steps are those of `series`, groups those of `groups`, which raise what this does."""
        ...

    def reprice(self, costs: Mapping[str, Cost]) -> int:
        """Set what requests cost, by their ids: pages, details, series and groups say it from then on. All or none of a day;
        what has that cost already, or is not there, is left alone. How many were changed. Others may append meanwhile."""
        ...

    def rate(self, feedback: Sequence[Feedback]) -> None:
        """Keep what people said; one whose id is known takes the place of what was said before. It counts with each request of
        its trace that is its organisation's; what no organisation said counts with all."""
        ...

    def feedback(self, traces: Sequence[str]) -> list[Feedback]:
        """What people said of traces, oldest first."""
        ...

    def tell(self, told: Sequence[Record]) -> None:
        """Keep what log records say was said in spans (`source` "event"); what is known is left alone. It is in no page and no
        sum."""
        ...

    def told(self, span: Record) -> list[Record]:
        """What was said in a span, in no order, with bodies; of as many as `spoken.MOST`."""
        ...

    def prune(self, before_us: int) -> int:
        """Forget days that ended before; how many."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...
