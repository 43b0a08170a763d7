"""`Dispatch`: sees to it that alerts arrive. It runs beside the requests, in one worker of a machine, and nothing waits for it.

    source ──▶ outbox ──▶ channel

Alerts are taken from their sources into the outbox, one item for each channel and address, and sent from there: at least once,
and normally once, whichever process dies when. What does not arrive is tried again, with full jitter and ever more seldom,
for a day, and then given up; the log says so. Machines that share a database share the outbox: an item is in one hand at a
time. Where the outbox is full, alerts stay at their sources.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

import msgspec

from lockgate.control.alerts.alert import Alert, title
from lockgate.control.alerts.channel import Channel, Means, Trouble
from lockgate.control.alerts.post import Post, post_of
from lockgate.control.alerts.settings import AlertsEntry
from lockgate.core.json import encode
from lockgate.stores.ledger.turn import Turn
from lockgate.stores.outbox import Item, Outbox
from lockgate.stores.ports import StoreError

log = logging.getLogger("lockgate")

P = ParamSpec("P")
T = TypeVar("T")

#: Seconds between two looks.
LOOK_S = 2.0
#: Alerts that are taken from a source, and items that a lane takes, at a time.
ALERTS, ITEMS = 100, 4
#: How long items are in one hand, in µs: longer than it takes to try them all.
HOLD_US = 5 * 60 * 1_000_000
#: The wait after the first try is up to this, twice as long after each, and no longer than that; in seconds.
BASE_S, CAP_S = 4.0, 900.0
#: A channel that asks for more patience is not given more than so much.
PATIENCE_S = 3600.0
#: After so long, in µs, an alert is given up; after so long forgotten; so often that is looked at.
DAY_US = 86_400 * 1_000_000
KEPT_US = 40 * DAY_US
TIDY_US = 60 * 1_000_000


class Source(Protocol):
    """Where alerts come from, and stay until they are told. Calls block; they may raise `StoreError`."""

    def pending(self, limit: int) -> list[Alert]:
        """Some that nobody was told of yet."""
        ...

    def told(self, alerts: Sequence[Alert]) -> None:
        """Somebody has these now."""
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...


class Setting(msgspec.Struct, frozen=True):
    """What is configured now, and the organisation that this is about (`Line.hears`)."""

    entry: AlertsEntry
    home: str = ""


class Dispatch:
    """One worker's. `setting` is asked at each look, `outbox` and `sources` when this worker's turn has come, by the file
    `turn`. `draw` gives chance in [0, 1)."""

    def __init__(
        self,
        turn: Path,
        outbox: Callable[[], Outbox],
        sources: Callable[[], Sequence[Source]],
        setting: Callable[[], Setting],
        means: Means,
        *,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._turn = Turn(turn)
        self._open_outbox = outbox
        self._open_sources = sources
        self._ask = setting
        self._means = means
        self._draw = draw
        self._outbox: Outbox | None = None
        self._sources: Sequence[Source] = ()
        self._setting = Setting(AlertsEntry())
        self._post = Post()
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._tidied_us = 0
        self._trouble = ""

    def __repr__(self) -> str:
        return f"Dispatch({self._post!r}, {self._turn})"

    async def keep(self) -> None:
        """Look again and again, until it is cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    await self.look(tasks)
                    await asyncio.sleep(LOOK_S)
        finally:
            self.close()

    async def look(self, tasks: asyncio.TaskGroup) -> None:
        """Take what has come, and see to it that what is due is sent, by tasks of its own."""
        try:
            outbox = await _aside(self._lead)
            if outbox is None:
                return
            await _aside(self._adopt)
            trouble = await _aside(self._collect, outbox)
            due = await _aside(self._due, outbox)
        except StoreError as error:
            self._say(f"alerts cannot be looked after now: {error}")
            return
        self._say(trouble)
        post = self._post
        for lane, names in post.lanes().items():
            if lane not in self._lanes and not due.isdisjoint(names):
                task = self._lanes[lane] = tasks.create_task(self._run(outbox, post, names))
                task.add_done_callback(lambda _, lane=lane: self._lanes.pop(lane))

    async def tell(self, alert: Alert) -> bool:
        """Put an alert into the outbox that has no source to wait at; False: there is no room, or no way to it, and it is in
        the process's log alone. Any worker may."""
        try:
            outbox = self._outbox or await _aside(self._open_outbox)
            try:
                await _aside(self._adopt)
                kept = await _aside(self._put, outbox, [alert])
            finally:
                if outbox is not self._outbox:
                    await _aside(outbox.close)
        except StoreError as error:
            log.error("an alert cannot be sent: %s (%s)", title(alert), error)
            return False
        if not kept:
            log.error("an alert cannot be sent, too many wait: %s", title(alert))
        return kept

    def close(self) -> None:
        """Let others lead."""
        for each in (self._outbox, *self._sources):
            if each is not None:
                each.close()
        self._outbox, self._sources = None, ()
        self._turn.end()

    # --- in a thread

    def _lead(self) -> Outbox | None:
        """The outbox, where this worker is the one that looks after it."""
        if not self._turn.has_come():
            return None
        if self._outbox is None:
            outbox = self._open_outbox()
            try:
                self._sources = self._open_sources()
            except BaseException:
                outbox.close()
                raise
            self._outbox = outbox
        return self._outbox

    def _adopt(self) -> None:
        """Take the configuration over, if it is another one. A bad one is told, and the old one stays."""
        setting, before = self._ask(), self._setting
        self._setting = setting
        if setting.entry is before.entry:
            return
        post, wrong = post_of(setting.entry)
        if wrong:
            log.error("alerts stay as they were: %s", "; ".join(f"alerts.{each.path}: {each.message}" for each in wrong))
        else:
            self._post = post

    def _collect(self, outbox: Outbox) -> str:
        """Take what the sources have; what went wrong, in words."""
        trouble = ""
        for source in self._sources:
            try:
                alerts = source.pending(ALERTS)
                if not alerts:
                    continue
                if not self._put(outbox, alerts):
                    return "too many alerts wait to be sent; new ones stay where they are"
                source.told(alerts)
            except StoreError as error:
                trouble = f"alerts may be missing for now: {error}"
                continue
            for alert in alerts:
                log.warning("alert: %s", title(alert))
        return trouble

    def _put(self, outbox: Outbox, alerts: Sequence[Alert]) -> bool:
        now_us = self._means.clock()
        return outbox.put(
            [
                Item(alert.id, name, address, encode(alert), now_us, now_us)
                for alert in alerts
                for name, address in self._post.audience(alert, self._setting.home)
            ]
        )

    def _due(self, outbox: Outbox) -> set[str]:
        now_us = self._means.clock()
        if not 0 <= now_us - self._tidied_us < TIDY_US:
            self._tidied_us = now_us
            # An hour more than a channel has: these are of channels that there are no more.
            gone = outbox.expire(now_us - DAY_US - 3_600_000_000, now_us, "its channel is not configured")
            for item in gone:
                log.error("an alert was given up, since the channel '%s' is not configured any more", item.channel)
            outbox.forget(now_us - KEPT_US)
        return outbox.due(now_us)

    # --- sending

    async def _run(self, outbox: Outbox, post: Post, names: Sequence[str]) -> None:
        """Send what is due for some channels, one after another, until nothing is."""
        try:
            while True:
                now_us = self._means.clock()
                items = await _aside(outbox.take, names, now_us, now_us + HOLD_US, ITEMS)
                for item in items:
                    channel = post.channel(item.channel)
                    assert channel is not None, "only names of channels that there are were asked for"
                    await self._send(outbox, channel, item)
                if len(items) < ITEMS:
                    return
        except StoreError as error:
            self._say(f"alerts cannot be looked after now: {error}")

    async def _send(self, outbox: Outbox, channel: Channel, item: Item) -> None:
        try:
            alert = msgspec.json.decode(item.body, type=Alert)
        except msgspec.ValidationError as error:
            await _aside(outbox.give_up, item, f"it was written by a later version: {error}")
            return
        trouble = await channel.deliver(alert, item.address, self._means)
        if trouble is None:
            await _aside(outbox.sent, item)
            return
        now_us = self._means.clock()
        if now_us - item.made_us >= DAY_US:
            log.error("an alert was given up after a day, by '%s': %s (%s)", item.channel, title(alert), trouble.why)
            await _aside(outbox.give_up, item, trouble.why)
            return
        if item.tries == 0:
            log.warning("an alert did not arrive by '%s', and will be tried again: %s", item.channel, trouble.why)
        wait_s = pause(trouble, item.tries, self._draw())
        await _aside(outbox.later, item, now_us + int(wait_s * 1e6), trouble.why)

    def _say(self, what: str) -> None:
        """Report, but not the same again and again; "": all is well."""
        if what and what != self._trouble:
            log.error("%s", what)
        self._trouble = what


async def _aside(job: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Do what blocks in a thread; to its end, also when we are cancelled meanwhile: what it works with is closed then."""
    work = asyncio.ensure_future(asyncio.to_thread(job, *args, **named))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        work.exception()
        raise


def pause(trouble: Trouble, tries: int, chance: float) -> float:
    """Seconds until the next try, after `tries` that came before the last one: full jitter, and no less than was asked for."""
    return min(trouble.after_s, PATIENCE_S) + chance * min(BASE_S * 2 ** min(tries, 20), CAP_S)
