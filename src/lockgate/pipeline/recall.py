"""Recall: an answer that was given before is given again, and one that is on its way is shared.

It stands before money is reserved and anybody is asked. What is given again comes the way any answer comes: as an exchange,
read by the same code, so that it is checked, translated and recorded like the first time.
"""

from __future__ import annotations

from contextlib import aclosing
from functools import partial

from lockgate.core.cached import CachedAnswer
from lockgate.core.failure import Failure
from lockgate.core.record import Match
from lockgate.dialects.conventions import MOMENTARY, TRAVELS
from lockgate.pipeline.alike import Likeness, find_alike, keep_alike, likeness_of
from lockgate.pipeline.attempt import Take, left_s
from lockgate.pipeline.elsewhere import Claim
from lockgate.pipeline.flights import FALLS, Copied, Flight, Following
from lockgate.pipeline.kept_by import key_of, parts_of
from lockgate.pipeline.passing import Passing
from lockgate.pipeline.prepare import Prepared
from lockgate.pipeline.replayed import Replayed
from lockgate.pipeline.shadow import compare
from lockgate.policy.caching import CachePolicy, age_s, capped, is_keepable, read_wish
from lockgate.transport.exchange import Exchange

#: Headers that an answer is read by.
_KIND = (b"content-type",)


class Recall:
    """What the cache does for one request, target by target."""

    def __init__(self, passing: Passing, take: Take) -> None:
        self._passing = passing
        self._take = take
        self._wish = read_wish(passing.call.header, passing.call.headers.get(b"cache-control", b"").decode("latin-1"))
        self._cap = passing.snapshot.cap_of(passing.principal)
        self._key = b""
        self._keyed: Prepared | None = None  # of which these are the parts and the key
        self._parts: tuple[object, ...] = ()
        self._made = b""
        self._likeness: Likeness | None = None
        self._would: CachedAnswer | None = None  # in the shadow: what would have been given
        self._flight: Flight | None = None
        self._claim: Claim | None = None

    async def serves(self, prepared: Prepared, asked: CachePolicy) -> bool:
        """Whether the caller has been answered from what is there, or on its way. Where it has not, this request leads
        those who ask the same: `let_go` must be called."""
        self.let_go()
        passing, record, wish = self._passing, self._passing.account.record, self._wish
        policy = capped(asked, self._cap)
        key = b"" if policy is None or wish.off or passing.runtime.cache is None else self._key_of(prepared, policy)
        self._key, self._would, record.cache_note, record.match = key, None, "", None
        if policy is None or not key:
            record.cache = "disabled"
            return False
        claims, falls = passing.runtime.claims, 0
        seen = claims.seen(key) if claims is not None else None
        self._likeness = likeness = self._likeness_of(policy)
        if wish.refresh:
            record.cache = "refresh"
        else:
            while True:
                if await self._given(key, prepared, policy):
                    return True
                if likeness is not None and self._would is None and await self._alike(likeness, prepared, policy):
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
            if claims is not None and seen is not None and passing.runtime.cache is not None:
                self._claim = Claim(passing.runtime, claims, passing.runtime.cache, key, seen)
                return await self._elsewhere(self._claim, key, prepared, policy)
        return False

    async def take(self, passing: Passing, prepared: Prepared, exchange: Exchange) -> Failure | None:
        """Take an answer that was asked for, and keep it when it is worth that."""
        policy = None if prepared.target.cache is None else capped(prepared.target.cache, self._cap)
        key = b"" if policy is None or self._wish.off or passing.runtime.cache is None else self._key_of(prepared, policy)
        if policy is None or not key:
            self.let_go()
            return await self._take(passing, prepared, exchange)
        if key != self._key or self._flight is None:
            self.let_go()  # this is not what the others have asked for
            flight = Flight()
        else:
            flight = self._flight
        would, match = self._would, passing.account.record.match
        if would is None or match is None or key != self._key:
            copied = Copied(exchange, flight)
        else:
            copied = Copied(exchange, flight, partial(self._compares, match, would, prepared, flight))
        failure = await self._take(passing, prepared, copied)
        if failure is None and copied.ended and flight.pieces:
            body = b"".join(flight.pieces)
            if is_keepable(passing.account.outcome, body):
                await self._keep(key, prepared, policy, exchange, body)
        self.let_go(whole=failure is None and passing.account.outcome is not None and passing.account.outcome.complete)
        return failure

    def let_go(self, *, whole: bool = False) -> None:
        """Nobody follows this request any more."""
        if self._claim is not None:
            self._claim.let_go()
            self._claim = None
        if self._flight is not None:
            self._passing.runtime.flights.land(self._key, self._flight, whole=whole)
            self._flight = self._passing.flight = None

    def _likeness_of(self, policy: CachePolicy) -> Likeness | None:
        """What an answer to the last request that has a key is found by in other words; None where there must be none."""
        if policy.semantic is None or self._keyed is None:
            return None
        likeness = likeness_of(self._keyed, policy.semantic, self._parts)
        if isinstance(likeness, str):
            self._passing.account.record.cache_note = likeness
            return None
        return likeness

    async def _alike(self, likeness: Likeness, prepared: Prepared, policy: CachePolicy) -> bool:
        """Give the answer to a question that says the same, when it is there; or only say that it is."""
        assert policy.semantic is not None
        record = self._passing.account.record
        async with aclosing(find_alike(self._passing, likeness, policy.semantic)) as found:
            async for each, answer in found:
                if not self._is_young(answer, policy):
                    continue
                if not each.match.shadow:
                    if await self._gives(each.key, answer, prepared, each.match):
                        return True
                elif self._would is None:
                    self._would, record.match = answer, each.match
                    record.cache_note = f"would be {each.match.level}; {answer.id}"
        return False

    async def _given(self, key: bytes, prepared: Prepared, policy: CachePolicy) -> bool:
        """Give what is kept, when it is there and young enough."""
        passing, store = self._passing, self._passing.runtime.cache
        assert store is not None
        found = await store.find(key, passing.runtime.time_us())
        return found is not None and self._is_young(found, policy) and await self._gives(key, found, prepared)

    def _is_young(self, answer: CachedAnswer, policy: CachePolicy) -> bool:
        return answer.time_us >= self._passing.runtime.time_us() - age_s(policy, self._wish) * 1_000_000

    async def _gives(self, key: bytes, answer: CachedAnswer, prepared: Prepared, match: Match | None = None) -> bool:
        passing = self._passing
        known = passing.runtime.replays.of(key, answer)
        passing.account.recalled(prepared, answer.id, answer.time_us, match, known)
        passing.account.record.saved_us = answer.latency_us
        if await self._take(passing, prepared, Replayed(answer)) is None:
            return True
        assert passing.runtime.cache is not None
        passing.runtime.cache.drop(key)  # it is no answer, whatever it was kept for
        passing.account.forgotten()
        return False

    async def _elsewhere(self, claim: Claim, key: bytes, prepared: Prepared, policy: CachePolicy) -> bool:
        """Give what another worker is answered meanwhile. False: nobody asks this, or nothing came of it."""
        passing, record = self._passing, self._passing.account.record
        if claim.take() or self._wish.refresh:
            return False
        status, store = record.cache, passing.runtime.cache
        await claim.wait(passing, left_s(passing, prepared.target))
        if passing.caller.left or store is None or await store.find(key, passing.runtime.time_us()) is None:
            return False
        self.let_go()  # who follows finds it too, and does not wait until this caller has read it
        if await self._given(key, prepared, policy):
            return True
        record.cache = status
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

    async def _keep(self, key: bytes, prepared: Prepared, policy: CachePolicy, exchange: Exchange, body: bytes) -> None:
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
        if self._likeness is not None and policy.semantic is not None and key == self._key:
            await keep_alike(passing, self._likeness, policy.semantic, key, answer)

    async def _compares(self, match: Match, would: CachedAnswer, prepared: Prepared, flight: Flight) -> None:
        """The answer is there whole, and not yet with the caller: say how it compares."""
        if flight.pieces:
            await compare(match, prepared, would, b"".join(flight.pieces), self._passing.runtime.nearest)

    def _key_of(self, prepared: Prepared, policy: CachePolicy) -> bytes:
        """The key of a request, which is looked up with it and kept with it. How long its answer may be for what is left of a
        budget is no part of it: one that ended there is not kept."""
        prepared = prepared.unbounded or prepared
        if self._keyed is not prepared:
            self._keyed, self._parts = prepared, parts_of(self._passing, prepared, policy, self._wish)
            self._made = key_of(self._passing, prepared, self._parts)
        return self._made


def _lasts(header: bytes) -> bool:
    """Whether a header of an answer is kept with it: what it is read by, and what travels to callers and does not only say how
    it was at that moment."""
    return header in _KIND or (header.startswith(TRAVELS) and not header.startswith(MOMENTARY))
