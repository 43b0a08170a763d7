"""stores/outbox: kept once, in one hand at a time, until it was sent; on both databases."""

from functools import cache

import msgspec
import pytest

from lockgate.stores.control.open import open_outbox, sqlite_url
from lockgate.stores.outbox import Item, Outbox
from lockgate.stores.ports import StoreError
from support.postgres import new_database

NOW, SECOND, DAY = 1_795_608_000_000_000, 1_000_000, 86_400_000_000


@cache
def kept():
    """One database for all tests: to make one takes longer than most of them."""
    return new_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "control.db")
    outbox = open_outbox(kept(), NOW)
    with outbox._driver.writing() as connection:
        connection.run("DELETE FROM outbox")
    outbox.close()
    return kept()


@pytest.fixture
def outbox(url):
    outbox = open_outbox(url, NOW)
    yield outbox
    outbox.close()


def item(id="a", channel="ops", address="", **more):
    return Item(id, channel, address, b'{"x": "\x00\xff"}', NOW, NOW, **more)


def test_what_is_put_in_twice_is_there_once(outbox):
    assert outbox.put([item(), item(channel="chat"), item(address="a@b.c"), item()])
    assert outbox.put([item(), item("b")])
    assert {(each.id, each.channel, each.address) for each in outbox.newest(10)} == {
        ("a", "ops", ""),
        ("a", "chat", ""),
        ("a", "ops", "a@b.c"),
        ("b", "ops", ""),
    }
    assert outbox.newest(1) == [item(channel="chat")]


def test_what_was_sent_is_not_put_in_again(outbox):
    outbox.put([item()])
    (taken,) = outbox.take(["ops"], NOW, NOW + SECOND, 10)
    outbox.sent(taken)
    assert outbox.put([item()])
    assert outbox.due(NOW + DAY) == set()
    (sent,) = outbox.newest(10)
    assert (sent.state, sent.tries) == ("sent", 1)


def test_an_item_is_in_one_hand_at_a_time(outbox, url):
    other = open_outbox(url, NOW)
    outbox.put([item(), item("b"), item("c", "chat")])
    assert outbox.due(NOW - 1) == set()
    assert other.due(NOW) == {"ops", "chat"}
    mine = outbox.take(["ops"], NOW, NOW + SECOND, 1)
    assert [each.id for each in mine] == ["a"]
    assert [each.id for each in other.take(["ops", "chat"], NOW, NOW + SECOND, 10)] == ["b", "c"]
    assert outbox.take(["ops", "chat"], NOW, NOW + SECOND, 10) == []
    # Who does not come back has lost it.
    (again,) = other.take(["ops"], NOW + SECOND, NOW + 3 * SECOND, 1)
    assert again.id == "a"
    # What he says of it then counts if it has arrived, and not if he wants it tried again.
    outbox.later(mine[0], NOW + 9 * SECOND, "too late")
    outbox.give_up(mine[0], "too late")
    assert outbox.due(NOW + 3 * SECOND) >= {"ops"}
    outbox.sent(mine[0])
    other.later(again, NOW + 9 * SECOND, "no")
    other.give_up(again, "no")
    assert next(each for each in outbox.newest(10) if each.id == "a").state == "sent"
    other.close()


def test_what_has_not_arrived_is_due_again_later(outbox):
    outbox.put([item()])
    (taken,) = outbox.take(["ops"], NOW, NOW + SECOND, 10)
    outbox.later(taken, NOW + 5 * SECOND, "nobody is there")
    assert outbox.due(NOW + 5 * SECOND - 1) == set()
    (again,) = outbox.take(["ops"], NOW + 5 * SECOND, NOW + 6 * SECOND, 10)
    assert (again.tries, again.why, again.state) == (1, "nobody is there", "waiting")
    outbox.give_up(again, "still nobody")
    assert outbox.due(NOW + DAY) == set()
    (left,) = outbox.newest(10)
    assert (left.tries, left.why, left.state) == (2, "still nobody", "given up")


def test_what_is_due_longest_is_taken_first(outbox):
    outbox.put([msgspec.structs.replace(item(id), due_us=NOW + due) for id, due in (("a", 3), ("b", 1), ("c", 2))])
    assert [each.id for each in outbox.take(["ops"], NOW + 9, NOW + SECOND, 2)] == ["b", "c"]


def test_what_nobody_takes_expires(outbox):
    outbox.put([item(), item("b")])
    outbox.take(["ops"], NOW, NOW + SECOND, 1)
    assert outbox.expire(NOW, NOW, "too old") == []
    (gone,) = outbox.expire(NOW + 1, NOW, "its channel is gone")  # the other one is in somebody's hand
    assert (gone.id, gone.state, gone.why) == ("b", "given up", "its channel is gone")
    assert [each.state for each in outbox.newest(10)] == ["waiting", "given up"]


def test_a_clock_that_was_set_back_holds_up_nothing(outbox):
    outbox.put(
        [msgspec.structs.replace(item(), due_us=NOW + 10 * DAY), msgspec.structs.replace(item("b"), due_us=NOW + SECOND)]
    )
    assert outbox.due(NOW) == {"ops"}
    assert [each.id for each in outbox.take(["ops"], NOW, NOW + SECOND, 10)] == ["a"]
    assert outbox.due(NOW) == set()


def test_what_does_not_wait_is_forgotten(outbox):
    outbox.put([item(), item("b")])
    (taken,) = outbox.take(["ops"], NOW, NOW + SECOND, 1)
    outbox.sent(taken)
    assert outbox.forget(NOW) == 0
    assert outbox.forget(NOW + 1) == 1
    assert [each.id for each in outbox.newest(10)] == ["b"]


def test_no_more_wait_than_there_is_room_for(url):
    outbox = open_outbox(url, NOW)
    small = Outbox(outbox._driver, most=2)
    assert small.put([item(), item("b")])
    assert not small.put([item("c")])
    assert small.put([item()])  # it is there already
    assert small.put([])
    (taken, _) = small.take(["ops"], NOW, NOW + SECOND, 2)
    small.sent(taken)
    assert not small.put([item("c"), item("d")])
    assert small.put([item("c")])
    outbox.close()


def test_what_cannot_be_opened_is_told(tmp_path):
    with pytest.raises(StoreError, match="begins with sqlite://"):
        open_outbox("mysql://x", NOW)
    (tmp_path / "control.db").write_text("this is no database, however long it goes on" * 100)
    with pytest.raises(StoreError):
        open_outbox(sqlite_url(tmp_path / "control.db"), NOW)
    later = open_outbox(sqlite_url(tmp_path / "later.db"), NOW)
    with later._driver.writing() as connection:
        connection.run("UPDATE schema SET version = 99")
    later.close()
    with pytest.raises(StoreError, match="newer Lockgate"):
        open_outbox(sqlite_url(tmp_path / "later.db"), NOW)


def test_items_show_no_more_than_they_must():
    assert repr(item()) == "Item(a for ops, waiting, 0 tries)"
    assert repr(Outbox("there")) == "Outbox(there)"
