"""A request's running account: what is learned on the way, closed once into its Record, whatever happens."""

from __future__ import annotations

from functools import partial

import msgspec

from lockgate.core.call import Call, Capture, Principal, strictest
from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import encode
from lockgate.core.outcome import Outcome
from lockgate.core.record import Attempt, Decision, End, Match, Record
from lockgate.core.redact import Redactor
from lockgate.pipeline.bill import NOTHING, Bill, Heard, bill_of, bill_of_silence, is_charged
from lockgate.pipeline.hold import Entry, Hold
from lockgate.pipeline.left import left
from lockgate.pipeline.ports import Headers
from lockgate.pipeline.prepare import Prepared
from lockgate.pipeline.replayed import Known
from lockgate.pipeline.runtime import Runtime
from lockgate.pipeline.snapshot import Snapshot
from lockgate.policy.ledger import unknown

#: Bytes beyond the limit of a kept body in which a secret that begins within it may end.
_MARGIN = 8 * 1024
#: Bytes of a streamed answer that are held, whatever is logged, to estimate from them what nobody has counted.
_SAMPLE = 16 * 1024


class Account:
    """One request's account. `close` settles it; later calls of `close` do nothing.

    Clock readings are monotonic seconds of the runtime's clock.
    """

    __slots__ = (
        "_asked",
        "_billed",
        "_bills",
        "_bodies",
        "_call",
        "_capture",
        "_gap",
        "_hold",
        "_kept",
        "_last",
        "_log",
        "_mask",
        "_prepared",
        "_prices",
        "_recalled",
        "_received",
        "_room",
        "_runtime",
        "_seen",
        "_snapshot",
        "_waited",
        "closed",
        "entry",
        "failed",
        "known",
        "outcome",
        "record",
        "sent",
        "tries",
        "trying",
    )

    def __init__(self, call: Call, runtime: Runtime, snapshot: Snapshot) -> None:
        self._call = call
        self._runtime = runtime
        self._log = snapshot.log
        self._snapshot = snapshot
        self._capture: Capture = snapshot.log.capture
        self._mask = snapshot.mask
        self._prices = snapshot.prices
        self._prepared: Prepared | None = None
        self._bodies: list[bytes] = []
        self._kept = self._seen = 0
        self.known: Known | None = None  # what an answer from the cache was found to be when it was given before
        self._recalled = False  # the answer was there before: nobody was asked
        self._received: list[bytes] = []  # what the provider said, where the caller got something else
        self._room = snapshot.log.body_limit + _MARGIN  # for more of it
        self._last = self._gap = 0.0  # when the last piece came, and the longest time between two
        self._bills: list[tuple[Attempt, Bill]] = []  # of tries that cost something and did not answer
        self._billed = False  # whether the last try is among them, or costs nothing
        self._hold: Hold | None = None  # what the last try has reserved
        self.entry: Entry | None = None  # within which limits the request is; None: nobody limits it
        self.tries = 0  # how often budgets were reserved of
        self.sent = 0.0  # when the last try began
        self._asked = 0.0  # when it, or the one that it runs beside, began
        self._waited = 0.0
        self.trying = False
        self.failed: Failure | None = None  # what became of the last try
        self.outcome: Outcome | None = None
        self.closed = False
        self.record = Record(
            id=call.id,
            time_us=call.time_us,
            trace_id=call.trace_id,
            span_id=call.span_id,
            parent_span_id=call.parent_span_id,
            span_name=call.span_name,
            operation=call.operation,
            path=call.path,
            dialect_in=call.dialect,
            revision=snapshot.revision,
        )

    def admitted(self, principal: Principal) -> None:
        """Who asks is known, and what may be kept."""
        record = self.record
        record.key_id, record.key_name, record.user = principal.id, principal.name, principal.user
        record.organisation, record.workspace = principal.organisation, principal.workspace
        if not principal.organisation:
            home = self._snapshot.home
            record.organisation, record.workspace = home.organisation, home.workspace
        asked: Capture = "metadata" if self._call.header("debug").lower() == "false" else "full"
        self._capture = strictest(self._snapshot.capture_of(principal, record.workspace), asked)
        self._mask = self._snapshot.mask_of(principal, record.workspace)

    def planned(self, route: str, decisions: list[Decision]) -> None:
        """How the request is routed: `decisions` grow while targets are tried."""
        if route:  # without one, there was nothing to decide
            self.record.route, self.record.decisions = route, decisions

    def sending(self, prepared: Prepared, hold: Hold | None = None, since: float | None = None) -> None:
        """An attempt begins now, having reserved `hold`; or it has begun at `since`, beside another one, and this is the one
        that counts now."""
        self._aim(prepared)
        self._hold, self.trying, self.failed, self._billed = hold, True, None, False
        if since is None:
            self.sent = self._asked = self._runtime.clock()
        else:
            self.sent = since

    def _aim(self, prepared: Prepared) -> None:
        """Whose answer it will be."""
        self._prepared = prepared
        target, record = prepared.target, self.record
        record.target = target.path
        record.provider = target.provider.slug
        record.provider_kind = target.provider.row.slug
        record.dialect_out = target.lane.provider.name
        record.gear = prepared.gear
        record.model_sent = target.model
        record.losses = prepared.losses

    def recalled(
        self, prepared: Prepared, id: str, time_us: int, match: Match | None = None, known: Known | None = None
    ) -> None:
        """The answer is one that was given before, at `time_us` to the request `id`, or is on its way to that: nobody is
        asked, and it costs nothing. `match`: how it was found, where the two are not the same to the byte."""
        self._aim(prepared)
        self._recalled, self._billed, self._hold, self.known = True, False, None, known
        self.sent = self._asked = self._runtime.clock()
        record = self.record
        record.cache, record.cache_note, record.match = (
            ("hit", "", None) if match is None else ("semantic hit", match.level, match)
        )
        record.cached_id, record.cached_us = id, max(0, self._call.time_us - time_us)

    def forgotten(self) -> None:
        """It was none after all."""
        record = self.record
        record.cache, record.cache_note, record.match = "", "", None
        record.cached_id, record.cached_us, record.saved_us = "", 0, 0
        self._prepared, self._recalled, self.outcome, self.known = None, False, None, None
        self._bodies, self._kept, self._seen, self._received = [], 0, 0, []
        self._last = self._gap = 0.0
        record.ttft_us = None

    def heard(self) -> None:
        """The awaited piece of the answer is here: what passed since `sending` was the upstream's time."""
        self._waited = self._runtime.clock() - self._asked

    def attempted(self, status: int, failure: Failure | None) -> None:
        """An attempt has ended, delivered or not."""
        if self._recalled:
            return
        prepared = self._prepared
        assert prepared is not None
        self.trying, self.failed = False, failure
        attempt = self._attempt(prepared, self.sent, status)
        self.record.attempts.append(attempt)
        if failure is None:
            return
        attempt.kind, attempt.message = failure.kind, self._redactor().text(failure.message)
        if self.outcome is None or not self.outcome.begun:
            self._billed = True
            charged = is_charged(status, failure) and self._call.operation != "count"
            self._charge(attempt, prepared, self._hold, charged=charged)

    def beaten(self, prepared: Prepared, hold: Hold | None, since: float, status: int) -> None:
        """An attempt that began at `since` has been broken off: the one beside it was faster. It is paid for all the same."""
        attempt = self._attempt(prepared, since, status)
        attempt.kind = "hedged"
        self.record.attempts.append(attempt)
        self._charge(attempt, prepared, hold, charged=True)

    def _charge(self, attempt: Attempt, prepared: Prepared, hold: Hold | None, *, charged: bool) -> None:
        """The bill of an attempt that did not answer."""
        bill = bill_of_silence(self._call, prepared, self._prices) if charged else NOTHING
        _settle(hold, bill)
        if charged:
            attempt.cost_nusd = bill.nusd
            if bill.usage is not None:
                attempt.input = bill.usage.input
            self._bills.append((attempt, bill))

    def _attempt(self, prepared: Prepared, since: float, status: int) -> Attempt:
        target = prepared.target
        return Attempt(
            target=target.path,
            provider=target.provider.slug,
            model=target.model,
            status=status,
            start_us=int((since - self._call.clock) * 1e6),
            duration_us=int((self._runtime.clock() - since) * 1e6),
        )

    def first_event(self) -> None:
        """The answer's first real event is here."""
        prepared = self._prepared
        assert prepared is not None
        now, target = self._runtime.clock(), prepared.target
        self.record.ttft_us = int((now - self._call.clock) * 1e6)
        if self._recalled:
            return
        self._runtime.health.answered(target.key, target.breaker, self.sent, now)

    def came(self) -> None:
        """A piece of a stream has come."""
        now = self._runtime.clock()
        if self._last and now - self._last > self._gap:
            self._gap = now - self._last
        self._last = now

    def received(self, data: bytes) -> None:
        """A piece of what the provider said, of which the caller gets something else: for the record."""
        if self._room > 0 and self._capture == "full":
            self._received.append(data[: self._room])
            self._room -= len(data)

    def keep(self, data: bytes) -> None:
        """A piece of the answer: for the record, and to estimate from."""
        size = len(data)
        self._seen += size
        room = (self._log.body_limit + _MARGIN + _SAMPLE if self._capture == "full" else _SAMPLE) - self._kept
        if room > 0:
            self._bodies.append(data if size <= room else data[:room])
            self._kept += min(size, room)

    def close(self, end: End, status: int, error: Failure | Refusal | None = None) -> None:
        """Settle: usage, cost, record. Before the last byte leaves, so that no completed request is ever missing."""
        if self.closed:
            return
        self.closed = True
        call, record, runtime = self._call, self.record, self._runtime
        record.outcome, record.status = end, status
        if error is not None:
            record.error_code = error.code or (error.kind if isinstance(error, Failure) else "")
            record.error = self._redactor().text(error.message)
        record.bytes_in = record.bytes_in or len(call.body)
        if self._gap:
            record.gap_us = int(self._gap * 1e6)
        if self._capture == "full":
            self._keep_bodies()
        elif self._capture == "off":
            record.unkept, record.metadata, record.error = True, {}, ""
        self._price()
        now = runtime.clock()
        record.latency_us = int((now - call.clock) * 1e6)
        record.gateway_us = max(0, int((now - call.clock - self._waited) * 1e6))
        runtime.spool.append(record)
        runtime.closed(record)

    def _redactor(self) -> Redactor:
        redactor = self._runtime.redactor
        return redactor if self._mask is self._snapshot.mask else redactor.under(self._mask)

    def _keep_bodies(self) -> None:
        """The caller's side; and the provider's, where that is another."""
        call, record, prepared, redactor = self._call, self.record, self._prepared, self._redactor()
        record.request = self._redacted(call.body, redactor)
        bodies, known = self._bodies, self.known
        response = bodies[0] if len(bodies) == 1 else b"".join(bodies)
        if known is None or len(response) > self._log.body_limit:
            record.response = self._redacted(response, redactor)
        else:
            record.response = known.redacted(redactor, response)
        if prepared is not None and prepared.gear == "edit" and prepared.sheet is not None:
            record.sent = self._redacted(encode(prepared.sheet.edits()), redactor)
        elif prepared is not None and prepared.gear == "translate" and isinstance(prepared.outgoing.body, bytes):
            record.sent = self._redacted(prepared.outgoing.body, redactor)
        if self._received:
            record.received = self._redacted(b"".join(self._received), redactor)
        record.clip(self._log.body_limit)

    def _redacted(self, body: bytes, redactor: Redactor) -> bytes:
        """As much of a body as is kept, redacted; with a margin, so that no secret is cut in two and its half not known. What
        must be read as JSON is whole or left out."""
        if len(body) > self._log.body_limit:
            self.record.truncated = True
            if redactor.reads:
                return b""
            body = body[: self._log.body_limit + _MARGIN]
        return redactor(body)

    def headers(self) -> Headers:
        """What the caller is told of what is left."""
        return left(self.entry, self._hold, self._runtime)

    def _price(self) -> None:
        """Usage and cost of the answer, and of all that was asked for it."""
        prepared, outcome, record = self._prepared, self.outcome, self.record
        own: Bill | None = None
        if prepared is not None and outcome is not None and not self._billed:
            record.model_served = outcome.model
            if outcome.finish is not None:
                record.finish = outcome.finish.reason
            heard = Heard(self._bodies, self._kept, self._seen)
            if (known := self.known) is None:
                own = bill_of(self._call, prepared, outcome, heard, self._prices)
            else:
                make = partial(bill_of, self._call, prepared, outcome, heard, self._prices)
                own = known.billed(self._prices, self._call.time_us, outcome, make)
            _settle(self._hold, own)
            record.usage, record.usage_source = own.usage, own.source
            record.cost_nusd, record.price_version, record.cost_note = own.nusd, own.version, own.note
            if self._recalled:
                record.saved_nusd, record.cost_nusd, record.cost_note = own.nusd or 0, 0, "from the cache"
        if self._bills:
            self._add_others(own if own is None or not self._recalled else msgspec.structs.replace(own, nusd=0))

    def _add_others(self, own: Bill | None) -> None:
        """What was asked of the attempts that did not answer is charged as well, by estimate. The sum is unknown when a part of
        it is."""
        record = self.record
        others = [attempt for attempt, _ in self._bills]
        answered = next((each for each in reversed(record.attempts) if each not in others), None)
        if own is not None and own.usage is not None and answered is not None and not self._recalled:
            answered.input, answered.output, answered.cost_nusd = own.usage.input, own.usage.output, own.nusd
        for _, bill in self._bills:
            record.price_version = record.price_version or bill.version
            record.cost_note = record.cost_note or ("" if bill.note == "estimated" else bill.note)
            if bill.usage is not None:
                record.usage = bill.usage if record.usage is None else record.usage.plus(bill.usage)
        if record.usage_source == "none" and record.usage is not None:
            record.usage_source = "estimated"
        parts = [bill.nusd for bill in ([] if own is None else [own]) + [bill for _, bill in self._bills]]
        known = [each for each in parts if each is not None]
        record.cost_nusd = sum(known) if len(known) == len(parts) else None
        record.cost_note = record.cost_note or "estimated in part"


def _settle(hold: Hold | None, bill: Bill) -> None:
    """Charge an attempt; what was estimated, by a tenth more than that."""
    if hold is None:
        return
    nusd, tokens = bill.nusd, bill.tokens
    if bill.source == "estimated" and nusd is not None and hold.most is not None:
        nusd = unknown(hold.most, nusd, 0, 0)
    hold.settle(nusd, tokens if bill is not NOTHING else 0)
