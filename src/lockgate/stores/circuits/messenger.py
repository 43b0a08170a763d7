"""The messenger: one worker of each machine, which tells the other machines what becomes of circuits, and hears it from them.

It stands beside the requests and none ever waits for it. It looks at the board twenty times a second, tells what a worker has
changed (a circuit has opened, is being probed, has closed), and four times a second at least asks what is new elsewhere, which
it puts onto the board. A permit for a probe is asked for when a request would have been one.

As long as the exchange answers, the board says that circuits are shared. When it is lost, refuses or hangs, that ends (at once
when the messenger notices, after `SHARED_S` if the messenger itself has died) and the machine goes on by itself.

Two machines may change a circuit at the same time. What follows the last news is taken; of others the later one.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable

import msgspec

from lockgate.stores.board import Board
from lockgate.stores.board_layout import Post
from lockgate.stores.circuits.port import CLOSED, OPEN, PROBED, Exchange, Kind, News, Round, Telling
from lockgate.stores.ports import StoreError

log = logging.getLogger("lockgate")

#: Seconds between two looks at the board, two rounds at most, two attempts while the exchange is lost, and two at the office.
LOOK_S, ROUND_S, RETRY_S, OFFICE_S = 0.05, 0.25, 1.0, 1.0
#: How long circuits stay shared after a round, in seconds.
SHARED_S = 2.0
#: How long a permit is good for here: less than the exchange keeps it, which is told what came of it before giving it away.
PERMIT_S = 1.0
#: States that began within so many seconds of each other may be one, told twice.
ALIKE_S = 1.0
#: Tellings in one round; the others' turn comes in the next.
MOST_TOLD = 256
#: Circuits of which news is kept; as many as the exchange has.
MOST_KNOWN = 4096


class Known(msgspec.Struct, frozen=True):
    """The last news of a circuit, as a gate of this machine has it."""

    number: int
    until: float
    since: float


class Seen(msgspec.Struct):
    """A slot as it was last seen or written, and the number of the news that it followed."""

    tenure: float
    until: float
    since: float
    number: int = 0


class Messenger:
    """One worker's, though only one on a machine does anything. `clock` is the board's. `trouble` says why the exchange is
    lost; "": it is not, or is another worker's business."""

    def __init__(
        self,
        board: Board,
        exchange: Exchange,
        *,
        clock: Callable[[], float],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._board = board
        self._exchange = exchange
        self._clock = clock
        self._pause = pause
        self._machine = secrets.token_hex(8)
        self._epoch = b""
        self._cursor = 0
        self._known: dict[bytes, Known] = {}
        self._seen: dict[bytes, Seen] = {}
        self._raw = b""
        self._unsettled = True  # the board, or what there is to tell and to put up, is not as it was at the last round
        self._due = 0.0
        self.elected = False
        self.trouble = ""
        self.lost = 0  # how often

    def __repr__(self) -> str:
        return f"Messenger({self.trouble or ('sharing' if self.elected else 'standing by')})"

    async def run(self) -> None:
        """Go on until cancelled."""
        try:
            while True:
                if not self.elected:
                    self.elected = self._board.elect()
                if self.elected:
                    await self.step()
                await self._pause(LOOK_S if self.elected else OFFICE_S)
        finally:
            await self._exchange.close()

    async def step(self) -> None:
        """One look at the board; and a round, if it has changed or time is up."""
        sent = self._clock()
        raw = self._board.raw()
        if sent < self._due and (self.trouble or raw == self._raw):
            return
        self._unsettled = self._unsettled or raw != self._raw
        self._raw = raw
        posts = self._board.posts() if self._unsettled else []
        told = self._compose(posts, sent) if posts else []
        try:
            answer = await self._exchange.round(self._machine, self._epoch, self._cursor, [telling for _, telling in told])
        except StoreError as trouble:
            self._lose(trouble)
            return
        if self.trouble or not self._epoch:
            log.info("circuits are shared with other machines")
        self.trouble = ""
        self._board.share(self._clock() - sent + SHARED_S)
        self._due = sent + ROUND_S
        self._take_in(told, answer, sent)
        if answer.news and not posts:
            posts = self._board.posts()
        self._unsettled = not self._put_up(posts) or bool(told)

    def _compose(self, posts: list[Post], now: float) -> list[tuple[Post, Telling]]:
        """What there is to tell. Nothing in the first round: what is known already need not be told again."""
        told: list[tuple[Post, Telling]] = []
        for post in posts:
            seen = self._seen.get(post.digest)
            if seen is None or seen.tenure != post.tenure:
                seen = self._seen[post.digest] = self._first_seen(post)
            changed = post.until != seen.until or post.since != seen.since
            wants = post.until != 0.0 and post.wanted > post.since
            if (changed or wants) and self._epoch and len(told) < MOST_TOLD:
                kind = _kind(post.until)
                age_us, left_us = _us(now - post.since), _us(abs(post.until) - now)
                told.append((post, Telling(post.digest, seen.number, kind, age_us, left_us, changed, wants)))
        if len(self._seen) > len(posts):
            there = {post.digest for post in posts}
            self._seen = {digest: seen for digest, seen in self._seen.items() if digest in there}
        return told

    def _first_seen(self, post: Post) -> Seen:
        """A slot that is new, or new to us. It says nothing when it is closed: that is how all begin."""
        known = self._known.get(post.digest)
        if known is not None and _are_alike(post, known):
            return Seen(post.tenure, post.until, post.since, known.number)
        return Seen(post.tenure, 0.0, post.since)

    def _take_in(self, told: list[tuple[Post, Telling]], answer: Round, sent: float) -> None:
        """Learn what is new, and what became of what was told."""
        now = self._clock()
        if answer.epoch != self._epoch:
            # The exchange has forgotten everything, or we are new. What was told will be known by the news of it.
            self._epoch, self._known, self._seen, told, self._raw = answer.epoch, {}, {}, [], b""
        for (post, telling), heard in zip(told, answer.heard, strict=False):
            seen = self._seen[post.digest]
            if telling.changed:
                seen.until, seen.since = post.until, post.since
            if heard.number:
                seen.number = heard.number
                self._known[post.digest] = Known(heard.number, post.until, post.since)
            if heard.permit:
                self._board.permit(post, sent + PERMIT_S)
        self._cursor = answer.cursor
        for news in answer.news:
            known = self._known.get(news.digest)
            if known is None or known.number < news.number:
                self._known[news.digest] = _as_known(news, now)
        while len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]

    def _put_up(self, posts: list[Post]) -> bool:
        """Put what is new onto the board, where no worker has changed it meanwhile; if one has, that is told first. False: some
        of it could not be put there, or nothing is known of a slot yet."""
        settled = True
        for post in posts:
            seen, known = self._seen.get(post.digest), self._known.get(post.digest)
            settled = settled and seen is not None
            if seen is None or known is None or known.number <= seen.number:
                continue
            if seen.until == known.until == 0.0:
                seen.number = known.number
            elif self._board.change(
                post.slot, self._board.gate(post.slot), (seen.until, seen.since), (known.until, known.since)
            ):
                seen.until, seen.since, seen.number = known.until, known.since, known.number
            else:
                settled = False
        return settled

    def _lose(self, trouble: StoreError) -> None:
        if not self.trouble:
            self.lost += 1
            log.warning("circuits are not shared with other machines: %s", trouble)
        self.trouble = str(trouble)
        self._board.share(0.0)
        self._due = self._clock() + RETRY_S


def _as_known(news: News, now: float) -> Known:
    until = now + max(0, news.left_us) / 1e6
    return Known(news.number, (0.0, until, -until)[news.kind], now - news.age_us / 1e6)


def _are_alike(post: Post, known: Known) -> bool:
    """Whether a slot has the state that the news is of."""
    if _kind(known.until) != _kind(post.until):
        return False
    return post.until == 0.0 or abs(known.since - post.since) < ALIKE_S


def _kind(until: float) -> Kind:
    return OPEN if until > 0 else PROBED if until else CLOSED


def _us(seconds: float) -> int:
    return int(seconds * 1e6)
