"""What an attempt has used and cost: as the provider counts it, else estimated from what was sent and heard."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from lockgate.core.call import Call
from lockgate.core.failure import Failure, Refusal
from lockgate.core.outcome import Outcome
from lockgate.core.record import UsageSource
from lockgate.core.reply import Usage
from lockgate.core.request import Request
from lockgate.core.sheet import Sheet
from lockgate.dialects.codec import Codec, WholeCodec
from lockgate.pipeline.prepare import Prepared
from lockgate.policy.estimate import input_tokens, output_tokens, query_tokens
from lockgate.providers.prices import Prices
from lockgate.wire import array

#: Failures after which nobody knows what the provider has done, and will charge.
_OPEN_ENDED = frozenset(("timeout", "cut", "malformed"))


class Bill(msgspec.Struct, frozen=True):
    """One attempt's. `nusd` None: the cost is not known, and `note` says why. `version` is of the price list."""

    usage: Usage | None = None
    source: UsageSource = "none"
    nusd: int | None = 0
    version: str = ""
    note: str = ""

    @property
    def tokens(self) -> int | None:
        """The tokens that were used; None: not known."""
        return None if self.usage is None else self.usage.input + self.usage.output


#: Of an attempt that certainly costs nothing.
NOTHING = Bill()


class Heard(msgspec.Struct, frozen=True):
    """What came of an answer: the pieces that were kept, their size, and the size of all of it."""

    pieces: Sequence[bytes] = ()
    kept: int = 0
    seen: int = 0


NOT_HEARD = Heard()


def bill_of(call: Call, prepared: Prepared, outcome: Outcome, heard: Heard, prices: Prices) -> Bill:
    """The bill of an attempt that has answered, in whole or in part."""
    target, body = prepared.target, prepared.outgoing.body
    relay, source, usage = target.lane.provider, "provider", outcome.usage
    if relay.charged is not None and isinstance(body, bytes) and (counted := relay.charged(body, usage)) is not usage:
        usage, source = counted, "request"
    elif usage is None or not outcome.complete:
        usage, source = estimate(call, prepared, usage or Usage(), heard), "estimated"
    return _priced(call, prepared, outcome.model, usage, source if usage is not None else "none", prices)


def bill_of_silence(call: Call, prepared: Prepared, prices: Prices) -> Bill:
    """The bill of an attempt that was broken off before it answered: what was sent is charged; what would have been answered
    nobody knows."""
    relay, body = prepared.target.lane.provider, prepared.outgoing.body
    usage = estimate(call, prepared, Usage(), NOT_HEARD)
    if relay.charged is not None and isinstance(body, bytes):
        usage = relay.charged(body, usage)
    return _priced(call, prepared, "", usage, "none" if usage is None else "estimated", prices)


def is_charged(status: int, failure: Failure) -> bool:
    """Whether an attempt that failed may be charged: it went out, and no error of the provider's says that nothing was done.
    `status` is the provider's, 0 when it gave none."""
    return failure.kind in _OPEN_ENDED and status < 400


def _priced(call: Call, prepared: Prepared, served: str, usage: Usage | None, source: UsageSource, prices: Prices) -> Bill:
    target = prepared.target
    priced = prices.cost(target.provider.row, target.model, served, usage, call.time_us, target.provider.known_by)
    note = priced.note or ("estimated" if source == "estimated" else "")
    return Bill(usage, source, priced.nusd, priced.version, note)


def estimate(call: Call, prepared: Prepared, partial: Usage, heard: Heard) -> Usage | None:
    """Never below what the provider has already stated (reliability: unknown usage is not free). None where there is nothing
    to count."""
    codec, asked = prepared.target.lane.caller, prepared.request
    if not isinstance(codec, Codec | WholeCodec):
        return partial if partial.raw is not None else None
    if asked is None:
        try:
            asked = codec.read_request(Sheet.open(call.body))
        except Refusal:  # the provider may take what we cannot read
            asked = None
    told = len(call.body) // 4
    if asked is not None:
        told = input_tokens(asked) if isinstance(asked, Request) else query_tokens(asked)
    made = 0
    if isinstance(codec, Codec) and prepared.stream and heard.kept:
        said = b"".join(heard.pieces)
        made = output_tokens(codec.reader().feed(array.events(said) if prepared.array else said))
        made = made * heard.seen // heard.kept
    return msgspec.structs.replace(partial, input=max(partial.input, told), output=max(partial.output, made))
