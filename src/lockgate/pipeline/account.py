"""A request's running account: what is learned on the way, closed once into its Record, whatever happens."""

from __future__ import annotations

import msgspec

from lockgate.core.call import Call, Principal
from lockgate.core.failure import Failure, Refusal
from lockgate.core.outcome import Outcome
from lockgate.core.record import Attempt, Decision, End, Record
from lockgate.core.reply import Usage
from lockgate.core.request import Request
from lockgate.core.sheet import Sheet
from lockgate.dialects.codec import Codec, WholeCodec
from lockgate.pipeline.prepare import Prepared
from lockgate.pipeline.runtime import Runtime
from lockgate.pipeline.snapshot import Snapshot
from lockgate.policy.estimate import input_tokens, output_tokens, query_tokens
from lockgate.wire import array

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
        "_beaten",
        "_bodies",
        "_call",
        "_kept",
        "_log",
        "_prepared",
        "_prices",
        "_runtime",
        "_seen",
        "_waited",
        "closed",
        "failed",
        "outcome",
        "record",
        "sent",
        "trying",
    )

    def __init__(self, call: Call, runtime: Runtime, snapshot: Snapshot) -> None:
        self._call = call
        self._runtime = runtime
        self._log = snapshot.log
        self._prices = snapshot.prices
        self._prepared: Prepared | None = None
        self._bodies: list[bytes] = []
        self._kept = self._seen = 0
        self._beaten: list[tuple[Prepared, Attempt]] = []  # tries that were broken off because another one was faster
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
            operation=call.operation,
            path=call.path,
            dialect_in=call.dialect,
            revision=snapshot.revision,
        )

    def admitted(self, principal: Principal) -> None:
        """Who asks is known."""
        self.record.key_id = principal.id
        self.record.key_name = principal.name

    def planned(self, route: str, decisions: list[Decision]) -> None:
        """How the request is routed: `decisions` grow while targets are tried."""
        if route:  # without one, there was nothing to decide
            self.record.route, self.record.decisions = route, decisions

    def sending(self, prepared: Prepared, since: float | None = None) -> None:
        """An attempt begins now; or it has begun at `since`, beside another one, and this is the one that counts now."""
        self._prepared, self.trying, self.failed = prepared, True, None
        if since is None:
            self.sent = self._asked = self._runtime.clock()
        else:
            self.sent = since
        target, record = prepared.target, self.record
        record.target = target.path
        record.provider = target.provider.slug
        record.provider_kind = target.provider.row.slug
        record.dialect_out = target.lane.provider.name
        record.gear = prepared.gear
        record.model_sent = target.model
        record.losses = prepared.losses

    def heard(self) -> None:
        """The awaited piece of the answer is here: what passed since `sending` was the upstream's time."""
        self._waited = self._runtime.clock() - self._asked

    def attempted(self, status: int, failure: Failure | None) -> None:
        """An attempt has ended, delivered or not."""
        prepared = self._prepared
        assert prepared is not None
        self.trying, self.failed = False, failure
        attempt = self._attempt(prepared, self.sent, status)
        if failure is not None:
            attempt.kind, attempt.message = failure.kind, self._runtime.redactor.text(failure.message)
        self.record.attempts.append(attempt)

    def beaten(self, prepared: Prepared, since: float, status: int) -> None:
        """An attempt that began at `since` has been broken off: the one beside it was faster. It is paid for all the same."""
        attempt = self._attempt(prepared, since, status)
        attempt.kind = "hedged"
        self.record.attempts.append(attempt)
        self._beaten.append((prepared, attempt))

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
        self._runtime.health.answered(target.key, target.breaker, self.sent, now)

    def keep(self, data: bytes) -> None:
        """A piece of the answer: for the record, and to estimate from."""
        size = len(data)
        self._seen += size
        room = (self._log.body_limit + _MARGIN + _SAMPLE if self._log.bodies else _SAMPLE) - self._kept
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
            record.error = runtime.redactor.text(error.message)
        record.bytes_in = record.bytes_in or len(call.body)
        if self._log.bodies:
            record.request = self._redacted(call.body)
            record.response = self._redacted(b"".join(self._bodies))
            record.clip(self._log.body_limit)
        self._price()
        if self._beaten:
            self._add_beaten()
        now = runtime.clock()
        record.latency_us = int((now - call.clock) * 1e6)
        record.gateway_us = max(0, int((now - call.clock - self._waited) * 1e6))
        runtime.spool.append(record)
        runtime.closed(record)

    def _redacted(self, body: bytes) -> bytes:
        """As much of a body as is kept, redacted; with a margin, so that no secret is cut in two and its half not known."""
        if len(body) > self._log.body_limit:
            self.record.truncated = True
            body = body[: self._log.body_limit + _MARGIN]
        return self._runtime.redactor(body)

    def _price(self) -> None:
        """Usage as the provider counts it, else an estimate of what was sent and heard; and its cost."""
        prepared, outcome, record = self._prepared, self.outcome, self.record
        if prepared is None or outcome is None:
            return
        record.model_served = outcome.model
        if outcome.finish is not None:
            record.finish = outcome.finish.reason
        row, relay, body = prepared.target.provider.row, prepared.target.lane.provider, prepared.outgoing.body
        usage, record.usage_source = outcome.usage, "provider"
        if relay.charged is not None and isinstance(body, bytes) and (counted := relay.charged(body, usage)) is not usage:
            usage, record.usage_source = counted, "request"
        elif usage is None or not outcome.complete:
            usage, record.usage_source = self._estimate(prepared, usage or Usage()), "estimated"
        if usage is None:
            record.usage_source = "none"
        record.usage = usage
        priced = self._prices.cost(row, record.model_sent, outcome.model, usage, self._call.time_us, record.provider)
        record.cost_nusd, record.price_version, record.cost_note = priced.nusd, priced.version, priced.note
        if record.usage_source == "estimated":
            record.cost_note = record.cost_note or "estimated"

    def _add_beaten(self) -> None:
        """What was asked of the attempts that were broken off is charged as well, by estimate; what they would have answered
        nobody knows. The sum is unknown when a part of it is."""
        record = self.record
        answered = next((each for each in reversed(record.attempts) if each.kind != "hedged"), None)
        if record.usage is not None and answered is not None:
            answered.input, answered.output = record.usage.input, record.usage.output
            answered.cost_nusd = record.cost_nusd
        parts = [record.cost_nusd] if self.outcome is not None else []
        for prepared, attempt in self._beaten:
            target = prepared.target
            relay, body = target.lane.provider, prepared.outgoing.body
            usage = self._estimate(prepared, Usage(), heard=False)
            if relay.charged is not None and isinstance(body, bytes):
                usage = relay.charged(body, usage)
            row, model = target.provider.row, target.model
            priced = self._prices.cost(row, model, "", usage, self._call.time_us, target.provider.slug)
            attempt.cost_nusd, record.price_version = priced.nusd, record.price_version or priced.version
            record.cost_note = record.cost_note or priced.note
            parts.append(priced.nusd)
            if usage is not None:
                attempt.input = usage.input
                record.usage = usage if record.usage is None else record.usage.plus(usage)
        if record.usage_source == "none" and record.usage is not None:
            record.usage_source = "estimated"
        known = [each for each in parts if each is not None]
        record.cost_nusd = sum(known) if len(known) == len(parts) else None
        record.cost_note = record.cost_note or "estimated in part"

    def _estimate(self, prepared: Prepared, partial: Usage, *, heard: bool = True) -> Usage | None:
        """Never below what the provider has already stated (reliability: unknown usage is not free). None where there is
        nothing to count. `heard`: what was kept of the answer is this attempt's."""
        codec, asked = prepared.target.lane.caller, prepared.request
        if not isinstance(codec, Codec | WholeCodec):
            return partial if partial.raw is not None else None
        if asked is None:
            try:
                asked = codec.read_request(Sheet.open(self._call.body))
            except Refusal:  # the provider may take what we cannot read
                asked = None
        told = len(self._call.body) // 4
        if asked is not None:
            told = input_tokens(asked) if isinstance(asked, Request) else query_tokens(asked)
        made = 0
        if heard and isinstance(codec, Codec) and prepared.stream and self._kept:
            said = b"".join(self._bodies)
            made = output_tokens(codec.reader().feed(array.events(said) if prepared.array else said))
            made = made * self._seen // self._kept
        return msgspec.structs.replace(partial, input=max(partial.input, told), output=max(partial.output, made))
