"""Recall: an answer that was given before is given again, and one that is on its way is shared.

It stands before money is reserved and anybody is asked. What is given again comes the way any answer comes: as an exchange,
read by the same code, so that it is checked, translated and recorded like the first time.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from lockgate.core.cached import CachedAnswer
from lockgate.core.failure import Failure
from lockgate.dialects.conventions import MOMENTARY, TRAVELS
from lockgate.pipeline.attempt import LARGE, Take
from lockgate.pipeline.flights import FALLS, Copied, Flight, Following
from lockgate.pipeline.passing import Passing
from lockgate.pipeline.prepare import Prepared
from lockgate.pipeline.question import question_of
from lockgate.pipeline.replayed import Replayed
from lockgate.policy.cache_key import cache_key, canonical
from lockgate.policy.caching import CachePolicy, Wish, age_s, is_keepable, read_wish
from lockgate.policy.sameness.canonical import canonical as canonical_words
from lockgate.transport.exchange import Exchange

#: Headers that an answer is read by.
_KIND = (b"content-type",)


class Recall:
    """What the cache does for one request, target by target."""

    def __init__(self, passing: Passing, take: Take) -> None:
        self._passing = passing
        self._take = take
        self._wish = read_wish(passing.call.header, passing.call.headers.get(b"cache-control", b"").decode("latin-1"))
        self._key = b""
        self._likeness = b""
        self._flight: Flight | None = None

    async def serves(self, prepared: Prepared, policy: CachePolicy) -> bool:
        """Whether the caller has been answered from what is there, or on its way. Where it has not, this request leads
        those who ask the same: `let_go` must be called."""
        self.let_go()
        passing, record, wish = self._passing, self._passing.account.record, self._wish
        key = b"" if wish.off or passing.runtime.cache is None else self._key_of(prepared, policy)
        self._key = key
        if not key:
            record.cache = "disabled"
            return False
        falls = 0
        self._likeness = likeness = self._likeness_of(prepared, policy)
        if wish.refresh:
            record.cache = "refresh"
        else:
            while True:
                if await self._given(key, prepared, policy):
                    return True
                if likeness and await self._alike(likeness, prepared, policy):
                    return True
                flight = passing.runtime.flights.find(key) if policy.coalesce else None
                if flight is None or falls >= FALLS or passing.caller.left:
                    break
                if await self._follows(flight, prepared):
                    return True
                falls = flight.falls + 1
            record.cache = "miss" if policy.semantic is None else "semantic miss"
        if policy.coalesce and passing.runtime.flights.find(key) is None:
            self._flight = passing.flight = passing.runtime.flights.lead(key, passing.call.id, falls)
        return False

    async def take(self, passing: Passing, prepared: Prepared, exchange: Exchange) -> Failure | None:
        """Take an answer that was asked for, and keep it when it is worth that."""
        policy = prepared.target.cache
        key = b"" if policy is None or self._wish.off or passing.runtime.cache is None else self._key_of(prepared, policy)
        if policy is None or not key:
            self.let_go()
            return await self._take(passing, prepared, exchange)
        if key != self._key or self._flight is None:
            self.let_go()  # this is not what the others have asked for
            flight = Flight()
        else:
            flight = self._flight
        copied = Copied(exchange, flight)
        failure = await self._take(passing, prepared, copied)
        if failure is None and copied.ended and flight.pieces:
            body = b"".join(flight.pieces)
            if is_keepable(passing.account.outcome, body):
                self._keep(key, prepared, policy, exchange, body)
        self.let_go(whole=failure is None and passing.account.outcome is not None and passing.account.outcome.complete)
        return failure

    def let_go(self, *, whole: bool = False) -> None:
        """Nobody follows this request any more."""
        if self._flight is not None:
            self._passing.runtime.flights.land(self._key, self._flight, whole=whole)
            self._flight = self._passing.flight = None

    def _likeness_of(self, prepared: Prepared, policy: CachePolicy) -> bytes:
        """What an answer is found by to a question that says the same in other words; b"" where there must be none."""
        record = self._passing.account.record
        if policy.semantic is None:
            return b""
        question = question_of(prepared, policy.semantic)
        if isinstance(question, str):
            record.cache_note = question
            return b""
        meant = canonical_words(question.words)
        if meant is None:
            record.cache_note = "its words must not be matched with others"
            return b""
        parts = _parts(self._passing, prepared, policy, self._wish)
        return cache_key(self._passing.snapshot.pepper, [*parts, question.rest, b"canonical", meant.key])

    async def _alike(self, likeness: bytes, prepared: Prepared, policy: CachePolicy) -> bool:
        """Give the answer to a question that says the same, when it is there; or only say that it is."""
        passing, store = self._passing, self._passing.runtime.cache
        assert store is not None and policy.semantic is not None
        pointer = await store.find(likeness, passing.runtime.time_us())
        if pointer is None:
            return False
        if policy.semantic.shadow:
            passing.account.record.cache_note = f"would be canonical; {pointer.id}"
            return False
        return await self._given(pointer.body, prepared, policy, "canonical")

    async def _given(self, key: bytes, prepared: Prepared, policy: CachePolicy, how: str = "") -> bool:
        """Give what is kept, when it is there and young enough."""
        passing, store = self._passing, self._passing.runtime.cache
        assert store is not None
        now_us = passing.runtime.time_us()
        found = await store.find(key, now_us)
        if found is None or found.time_us < now_us - age_s(policy, self._wish) * 1_000_000:
            return False
        passing.account.recalled(prepared, found.id, found.time_us, how)
        passing.account.record.saved_us = found.latency_us
        if await self._take(passing, prepared, Replayed(found)) is None:
            return True
        store.drop(key)  # it is no answer, whatever it was kept for
        passing.account.forgotten()
        return False

    async def _follows(self, flight: Flight, prepared: Prepared) -> bool:
        """Give what is on its way to somebody else."""
        passing = self._passing
        following = Following(flight)
        passing.caller.on_leave(following.close)
        try:
            if not await following.begins():
                return False
            passing.account.recalled(prepared, flight.id, passing.call.time_us)
            if await self._take(passing, prepared, following) is None:
                return True
            passing.account.forgotten()
            return False
        finally:
            passing.caller.on_leave(None)
            following.close()

    def _keep(self, key: bytes, prepared: Prepared, policy: CachePolicy, exchange: Exchange, body: bytes) -> None:
        passing, record = self._passing, self._passing.account.record
        store = passing.runtime.cache
        assert store is not None
        now_us = passing.runtime.time_us()
        answer = CachedAnswer(
            id=passing.call.id,
            time_us=now_us,
            expires_us=now_us + age_s(policy, self._wish) * 1_000_000,
            status=exchange.status,
            headers=[pair for pair in exchange.headers if _lasts(pair[0])],
            body=body,
            organisation=record.organisation,
            workspace=record.workspace,
            namespace=self._wish.namespace,
            provider=record.provider,
            model=prepared.target.model,
            latency_us=record.latency_us,
        )
        store.keep(key, answer)
        if self._likeness and key == self._key:
            store.keep(self._likeness, msgspec.structs.replace(answer, status=0, headers=[], body=key))

    def _key_of(self, prepared: Prepared, policy: CachePolicy) -> bytes:
        return key_of(self._passing, prepared, policy, self._wish)


def key_of(passing: Passing, prepared: Prepared, policy: CachePolicy, wish: Wish) -> bytes:
    """What the answer of a request is kept by; b"" for one that is not kept: its body is no JSON, or very large."""
    body = prepared.outgoing.body
    if not isinstance(body, bytes) or len(body) > LARGE:
        return b""
    said = canonical(body)
    if said is None:
        return b""
    return cache_key(passing.snapshot.pepper, [*_parts(passing, prepared, policy, wish), said])


def _lasts(header: bytes) -> bool:
    """Whether a header of an answer is kept with it: what it is read by, and what travels to callers and does not only say how
    it was at that moment."""
    return header in _KIND or (header.startswith(TRAVELS) and not header.startswith(MOMENTARY))


def _parts(passing: Passing, prepared: Prepared, policy: CachePolicy, wish: Wish) -> Iterator[bytes]:
    """All that makes an answer another one, but for the body: whose it is, who is asked, for what, in which way."""
    record, target = passing.account.record, prepared.target
    yield record.organisation.encode()
    yield record.workspace.encode()
    # A key that is no user's stands for itself.
    yield {"workspace": "", "key": record.key_id, "user": record.user or record.key_id}[policy.scope].encode()
    yield policy.scope.encode()
    yield wish.namespace.encode("utf-8", "surrogateescape")
    provider = target.provider
    yield provider.known_by.encode()
    if passing.snapshot.providers.get(provider.slug) is not provider:  # a caller's own account: its secret tells it apart
        yield b"\n".join(value for _, value in provider.headers)
    yield f"{target.destination.scheme}://{target.destination.authority}".encode()
    yield prepared.outgoing.method.encode()
    yield prepared.outgoing.target
    yield target.lane.provider.name.encode()
    yield b"stream" if prepared.stream else b"whole"
    for header in prepared.outgoing.headers:
        if header not in provider.headers:
            yield b": ".join(header)
