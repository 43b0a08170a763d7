"""control/alerts/dispatch: at least once and normally once, whatever dies, hangs or is away; for a day."""

import asyncio
import logging

import pytest

from lockgate.control.alerts import dispatch as module
from lockgate.control.alerts.alert import Subject
from lockgate.control.alerts.budgets import Crossings
from lockgate.control.alerts.channel import Means, Trouble
from lockgate.control.alerts.dispatch import DAY_US, HOLD_US, KEPT_US, Dispatch, Setting, pause
from lockgate.control.alerts.post import OWN, Line, Post
from lockgate.control.alerts.settings import AlertsEntry, ChannelEntry
from lockgate.core.json import encode
from lockgate.policy.ledger import Budget
from lockgate.stores.control.open import open_outbox, sqlite_url
from lockgate.stores.ledger.book import Book
from lockgate.stores.ledger.memory import MemoryLedger
from lockgate.stores.ledger.turn import Turn
from lockgate.stores.outbox import Item
from lockgate.stores.ports import StoreError
from support.alerts import NOW, Names, budget
from support.hooks import Hooks
from support.ledger import Desk

SECOND = 1_000_000


class Wall:
    """A clock on the wall."""

    def __init__(self):
        self.us = NOW

    def __call__(self):
        return self.us


class Ear:
    """A channel that a test speaks for: `answers` go one by one, then all is well."""

    def __init__(self, *answers, addresses=("",), lane=""):
        self.answers, self.addresses, self.lane = list(answers), addresses, lane
        self.heard = []
        self.most = self.now = 0

    async def deliver(self, alert, to, means):
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(0)
            answer = self.answers.pop(0) if self.answers else None
            if isinstance(answer, asyncio.Event):
                await answer.wait()
                answer = None
            self.heard.append((alert.id, to))
            return answer
        finally:
            self.now -= 1


class Spring:
    """A source of alerts."""

    def __init__(self, *alerts):
        self.alerts = list(alerts)
        self.trouble = ""
        self.closed = False

    def pending(self, limit):
        if self.trouble == "pending":
            raise StoreError("the ledger is away")
        return self.alerts[:limit]

    def told(self, alerts):
        if self.trouble == "told":
            raise StoreError("the ledger is away")
        self.alerts = [each for each in self.alerts if each not in alerts]

    def close(self):
        self.closed = True


class Office:
    """A dispatch with its surroundings."""

    def __init__(self, path, *alerts, **ears):
        self.clock, self.path = Wall(), path
        self.source = Spring(*alerts)
        self.ears = ears
        self.entry = AlertsEntry()
        self.database = ""
        self.dispatch = self.new()

    def new(self):
        made = Dispatch(
            self.path / "alerts.lock",
            self.outbox,
            lambda: [self.source],
            lambda: Setting(self.entry, "org"),
            Means(None, None, Names(), self.clock),
            draw=lambda: 0.5,
        )
        made._post = Post({name: Line(name, ear) for name, ear in self.ears.items() if name != "own"}, self.ears.get("own"))
        made._setting = Setting(self.entry, "org")
        return made

    def outbox(self):
        if self.database:
            raise StoreError(self.database)
        return open_outbox(sqlite_url(self.path / "control.db"), NOW)

    def look(self, *dispatches):
        """One look of each, and all that follows from it."""

        async def look():
            async with asyncio.TaskGroup() as tasks:
                for each in dispatches or (self.dispatch,):
                    await each.look(tasks)

        asyncio.run(asyncio.wait_for(look(), 20))

    def items(self):
        outbox = self.outbox()
        try:
            return [(each.channel, each.state, each.tries, each.due_us - self.clock.us) for each in outbox.newest(100)]
        finally:
            outbox.close()


@pytest.fixture
def desk(tmp_path):
    made = []

    def make(*alerts, **ears):
        made.append(Office(tmp_path, *alerts, **ears))
        return made[-1]

    yield make
    for each in made:
        each.dispatch.close()


def test_an_alert_goes_from_its_source_to_every_channel_once(desk, caplog):
    ops, mail = Ear(), Ear(addresses=("a@b.c", "d@e.f"))
    it = desk(budget(), ops=ops, mail=mail)
    with caplog.at_level(logging.WARNING, "lockgate"):
        for _ in range(3):
            it.look()
    assert ops.heard == [(budget().id, "")]
    assert sorted(mail.heard) == [(budget().id, "a@b.c"), (budget().id, "d@e.f")]
    assert it.source.alerts == []
    assert [state for _, state, _, _ in it.items()] == ["sent"] * 3
    assert caplog.messages == ["alert: 80% of the budget of key marketing is used: $81.50 of $100.00."]


def test_an_alert_that_nobody_hears_is_in_the_log_alone(desk, caplog):
    it = desk(budget())
    it.look()
    assert it.source.alerts == []
    assert it.items() == []
    assert caplog.messages == ["alert: 80% of the budget of key marketing is used: $81.50 of $100.00."]


def test_a_source_that_was_not_told_tells_again_and_nothing_is_sent_twice(desk):
    ops = Ear()
    it = desk(budget(), ops=ops)
    it.source.trouble = "told"
    it.look()
    it.look()
    assert it.source.alerts
    it.source.trouble = ""
    it.look()
    assert it.source.alerts == []
    assert len(ops.heard) == 1


def test_a_source_that_is_away_holds_up_nobody(desk, caplog):
    ops = Ear()
    it = desk(budget(), ops=ops)
    it.source.trouble = "pending"
    asyncio.run(it.dispatch.tell(budget(rule="other")))
    it.look()
    it.look()
    assert len(ops.heard) == 1
    assert caplog.messages == ["alerts may be missing for now: the ledger is away"]
    it.source.trouble = ""
    it.look()
    it.source.trouble = "pending"
    it.look()
    assert caplog.messages.count("alerts may be missing for now: the ledger is away") == 2
    assert len(ops.heard) == 2


def test_what_does_not_arrive_is_tried_again_ever_more_seldom(desk, caplog):
    ops = Ear(*[Trouble("nobody is there")] * 3)
    it = desk(budget(), ops=ops)
    for tries, wait_s in ((1, 2), (2, 4), (3, 8)):
        it.look()
        assert it.items() == [("ops", "waiting", tries, wait_s * SECOND)]
        it.look()
        assert len(ops.heard) == tries  # not before it is due
        it.clock.us += wait_s * SECOND
    it.look()
    assert it.items()[0][1:3] == ("sent", 4)
    told = [each for each in caplog.messages if "did not arrive" in each]
    assert told == ["an alert did not arrive by 'ops', and will be tried again: nobody is there"]


def test_a_channel_that_is_dead_for_a_day_is_given_up_on(desk, caplog):
    it = desk(budget(), ops=Ear(*[Trouble("nobody is there")] * 1000))
    it.look()
    it.clock.us += DAY_US - 1
    it.look()
    assert it.items()[0][1:3] == ("waiting", 2)
    it.clock.us += 900 * SECOND
    it.look()
    assert it.items()[0][1:3] == ("given up", 3)
    assert caplog.messages[-1].startswith("an alert was given up after a day, by 'ops': 80% of the budget of key marketing")
    it.clock.us += KEPT_US
    it.look()
    assert it.items() == []


def test_a_channel_that_asks_for_patience_gets_it():
    assert pause(Trouble("", 30), 0, 0.5) == 32
    assert pause(Trouble("", 1e6), 0, 0.0) == 3600
    assert pause(Trouble(""), 0, 0.999) < 4
    assert pause(Trouble(""), 50, 0.5) == 450
    assert [pause(Trouble(""), tries, 0.0) for tries in range(9)] == [0] * 9


def test_one_slow_channel_holds_up_no_other(desk):
    async def run():
        held = asyncio.Event()
        slow, quick = Ear(held), Ear()
        it = desk(budget(), slow=slow, quick=quick)
        async with asyncio.TaskGroup() as tasks:
            await it.dispatch.look(tasks)
            while not quick.heard:
                await asyncio.sleep(0.001)
            it.source.alerts = [budget(rule="second")]
            await it.dispatch.look(tasks)
            while len(quick.heard) < 2:
                await asyncio.sleep(0.001)
            assert slow.heard == []
            held.set()
        async with asyncio.TaskGroup() as tasks:
            await it.dispatch.look(tasks)
        assert slow.most == 1
        assert len(slow.heard) == 2

    asyncio.run(asyncio.wait_for(run(), 20))


def test_channels_of_one_lane_are_used_one_at_a_time(desk):
    one, two = Ear(lane="mail", addresses=("a@b.c", "d@e.f")), Ear(lane="mail")
    both = []

    def watched(ear):
        deliver = ear.deliver

        async def watch(alert, to, means):
            both.append(1)
            assert len(both) == 1, "two at a time"
            await asyncio.sleep(0)
            answer = await deliver(alert, to, means)
            both.pop()
            return answer

        ear.deliver = watch

    watched(one)
    watched(two)
    it = desk(*(budget(rule=str(n)) for n in range(5)), one=one, two=two)
    it.look()
    assert (len(one.heard), len(two.heard)) == (10, 5)


def test_a_keys_own_addresses_are_written_to(desk):
    own = Ear(lane="mail")
    it = desk(budget(subject=Subject("key", "k", emails=("a@b.c",))), own=own)
    it.look()
    assert own.heard[0][1] == "a@b.c"
    assert it.items()[0][0] == OWN


def test_one_worker_of_a_machine_looks_after_alerts(desk):
    ops = Ear()
    it = desk(budget(), ops=ops)
    second = it.new()
    it.look(it.dispatch, second)
    assert repr(it.dispatch) == "Dispatch(Post(ops), Turn(alerts.lock, ours))"
    assert repr(second) == "Dispatch(Post(ops), Turn(alerts.lock, waiting))"
    it.source.alerts = [budget(rule="more")]
    it.dispatch.close()
    assert it.source.closed
    it.look(second)
    assert repr(second) == "Dispatch(Post(ops), Turn(alerts.lock, ours))"
    assert len(ops.heard) == 2
    second.close()


def test_two_machines_send_nothing_twice(desk, tmp_path):
    ops = Ear()
    it = desk(*(budget(rule=str(n)) for n in range(10)), ops=ops)
    other = it.new()
    other._turn = Turn(tmp_path / "another machine")
    it.source.told = lambda alerts: None  # both find the same
    it.look(it.dispatch, other)
    it.look(it.dispatch, other)
    assert len(ops.heard) == len(set(ops.heard)) == 10
    other.close()


def test_what_a_worker_that_died_had_in_hand_is_sent_by_another(desk):
    ops = Ear()
    it = desk(ops=ops)
    outbox = it.outbox()
    outbox.put([Item(budget().id, "ops", "", encode(budget()), NOW, NOW)])
    outbox.take(["ops"], NOW, NOW + HOLD_US, 1)
    outbox.close()
    it.look()
    assert ops.heard == []
    it.clock.us += HOLD_US
    it.look()
    assert len(ops.heard) == 1


def test_leaving_sees_what_was_sent_to_its_end(desk, monkeypatch):
    """A worker that ends has said what it has sent, so that nobody sends it again."""
    monkeypatch.setattr(module, "LOOK_S", 0.01)
    ops = Ear()
    it = desk(budget(), ops=ops)

    async def run():
        task = asyncio.ensure_future(it.dispatch.keep())
        while not ops.heard:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(asyncio.wait_for(run(), 20))
    assert it.items()[0][1] == "sent"
    assert repr(it.dispatch) == "Dispatch(Post(ops), Turn(alerts.lock, waiting))"


def test_it_looks_again_and_again(desk, monkeypatch):
    monkeypatch.setattr(module, "LOOK_S", 0.001)
    ops = Ear()
    it = desk(ops=ops)

    async def run():
        task = asyncio.ensure_future(it.dispatch.keep())
        for n in range(3):
            it.source.alerts = [budget(rule=str(n))]
            while len(ops.heard) <= n:
                await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(asyncio.wait_for(run(), 20))
    assert len(set(ops.heard)) == 3


def test_work_in_a_thread_is_seen_to_its_end():
    done = []

    async def run():
        loop, began, go = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

        def job():
            loop.call_soon_threadsafe(began.set)
            asyncio.run_coroutine_threadsafe(go.wait(), loop).result(10)
            done.append(True)
            raise StoreError("too late to matter")

        task = asyncio.ensure_future(module._aside(job))
        await began.wait()
        task.cancel()
        await asyncio.sleep(0)
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(asyncio.wait_for(run(), 20))
    assert done == [True]


def test_a_database_that_is_away_is_told_once_and_waited_for(desk, caplog):
    ops = Ear()
    it = desk(budget(), ops=ops)
    it.database = "the disk is gone"
    it.look()
    it.look()
    assert caplog.messages == ["alerts cannot be looked after now: the disk is gone"]
    it.database = ""
    it.look()
    assert len(ops.heard) == 1


def test_sources_that_cannot_be_opened_leave_nothing_open(desk, caplog):
    it = desk(budget(), ops=Ear())
    opened = []
    made, it.dispatch._open_outbox = it.dispatch._open_outbox, lambda: opened.append(made()) or opened[-1]

    def no():
        raise StoreError("that URL names no ledger")

    sources, it.dispatch._open_sources = it.dispatch._open_sources, no
    it.look()
    assert caplog.messages == ["alerts cannot be looked after now: that URL names no ledger"]
    with pytest.raises(StoreError):
        opened[0].newest(1)
    it.dispatch._open_sources = sources
    it.look()
    assert it.source.alerts == []


def test_a_database_that_goes_away_meanwhile_has_it_sent_again_later(desk, caplog):
    ops = Ear()
    it = desk(budget(), ops=ops)
    it.look()
    it.source.alerts = [budget(rule="more")]
    real = type(it.dispatch._outbox).sent
    it.dispatch._outbox.sent = lambda item: (_ for _ in ()).throw(StoreError("the disk is full"))
    it.look()
    assert caplog.messages[-1] == "alerts cannot be looked after now: the disk is full"
    del it.dispatch._outbox.sent
    assert type(it.dispatch._outbox).sent is real
    it.clock.us += HOLD_US
    it.look()
    assert [id for id, _ in ops.heard].count(budget(rule="more").id) == 2  # at least once
    assert {state for _, state, _, _ in it.items()} == {"sent"}


def test_alerts_stay_where_they_are_while_too_many_wait(desk, caplog):
    dead = Ear(*[Trouble("no")] * 100)
    it = desk(*(budget(rule=str(n)) for n in range(3)), ops=dead)
    it.look()
    it.dispatch._outbox._most = 3
    it.source.alerts = [budget(rule="more")]
    it.look()
    it.look()
    assert it.source.alerts
    assert caplog.messages.count("too many alerts wait to be sent; new ones stay where they are") == 1
    assert asyncio.run(it.dispatch.tell(budget(rule="lost"))) is False
    assert caplog.messages[-1].startswith("an alert cannot be sent, too many wait: 80%")


def test_what_has_no_source_is_told_by_any_worker(desk, caplog):
    ops = Ear()
    it = desk(ops=ops)
    second = it.new()
    it.look()
    assert asyncio.run(it.dispatch.tell(budget())) is True
    assert asyncio.run(second.tell(budget())) is True  # the same
    assert asyncio.run(second.tell(budget(rule="other"))) is True
    it.look()
    assert len(ops.heard) == 2
    it.database = "the disk is gone"
    assert asyncio.run(second.tell(budget(rule="third"))) is False
    assert caplog.messages[-1].endswith("of $100.00. (the disk is gone)")


def test_a_channel_that_there_is_no_more_is_given_up(desk, caplog):
    it = desk(budget(), ops=Ear(Trouble("no")))
    it.look()
    it.dispatch._post = Post()
    it.clock.us += DAY_US
    it.look()
    assert it.items()[0][1] == "waiting"  # an older worker may still have it
    it.clock.us += 2 * 3600 * SECOND
    it.look()
    assert it.items()[0][1] == "given up"
    assert caplog.messages[-1] == "an alert was given up, since the channel 'ops' is not configured any more"


def test_an_alert_of_a_later_version_holds_up_nobody(desk):
    ops = Ear()
    it = desk(ops=ops)
    outbox = it.outbox()
    outbox.put([Item("x", "ops", "", b'{"kind":"meteor"}', NOW, NOW)])
    outbox.put([Item(budget().id, "ops", "", encode(budget()), NOW, NOW + 1)])
    outbox.close()
    it.clock.us += 1
    it.look()
    assert len(ops.heard) == 1
    assert {state for _, state, _, _ in it.items()} == {"given up", "sent"}


def test_a_changed_configuration_holds_from_the_next_look_on(desk, caplog):
    it = desk(budget())
    with Hooks() as hooks:
        it.entry = AlertsEntry(channels={"new": ChannelEntry("webhook", url=hooks.url)})
        it.dispatch._adopt()
        assert list(it.dispatch._post.lines) == ["new"]
        kept = it.dispatch._post
        it.dispatch._adopt()
        assert it.dispatch._post is kept
        it.entry = AlertsEntry(channels={"bad": ChannelEntry("webhook", url="x")})
        it.dispatch._adopt()
        it.dispatch._adopt()
        assert it.dispatch._post is kept
    (said,) = caplog.messages
    assert said.startswith("alerts stay as they were: alerts.channels.bad.url: ")


def test_a_clock_that_is_set_back_is_no_trouble(desk):
    ops = Ear()
    it = desk(ops=ops)
    it.look()
    it.clock.us -= 10 * DAY_US
    it.source.alerts = [budget()]
    it.look()
    assert len(ops.heard) == 1


def test_a_budget_that_is_spent_is_told_over_the_wire(tmp_path):
    """All of it: the ledger's crossing, through the outbox, as a webhook."""
    from lockgate.transport.client import HttpClient
    from lockgate.transport.egress import Egress

    book = Book(MemoryLedger(lambda: NOW))
    key = Budget("key:k1", 100, "tokens", alerts=(80,), scope="key k1")
    desk = Desk(book, tmp_path / "journals", lambda: NOW)
    reservation = desk.reserve([key], "r", 0, (0, 90, 1))
    reservation.dispatch()
    desk.teller.settle(reservation, (0, 90, 1), NOW)
    desk.leave()

    async def run(url):
        client = HttpClient(Egress())
        entry = AlertsEntry(channels={"ops": ChannelEntry("webhook", url=url, secret="0123456789abcdef")})
        it = Dispatch(
            tmp_path / "alerts.lock",
            lambda: open_outbox(sqlite_url(tmp_path / "control.db"), NOW),
            lambda: [Crossings(book, lambda budget: None)],
            lambda: Setting(entry),
            Means(lambda: client, lambda: client.egress, Names(), lambda: NOW),
        )
        for _ in range(2):
            async with asyncio.TaskGroup() as tasks:
                await it.look(tasks)
        it.close()
        client.close()

    with Hooks() as hooks:
        asyncio.run(asyncio.wait_for(run(hooks.url), 20))
    ((_, headers, body),) = hooks.requests
    assert b"80% of the budget of gateway key k1 is used: 90 tokens of 100 tokens." in body
    assert headers["webhook-signature"].startswith("v1,")
    assert book.alerts() == []
