import threading

import pytest

from lockgate.control.identity.throttle import Bucket, Throttle, network_of
from lockgate.core.failure import Refusal


def test_a_burst_is_free_and_then_time_gives_one_by_one():
    bucket = Bucket(burst=3, every_s=10)
    assert [bucket.take("a", 0) for _ in range(3)] == [0, 0, 0]
    assert bucket.take("a", 0) == 10
    assert bucket.take("a", 4) == 6
    assert bucket.take("a", 10) == 0
    assert bucket.take("a", 10) == 10
    assert bucket.take("b", 10) == 0
    assert [bucket.take("a", 1000) for _ in range(4)] == [0, 0, 0, 10]


def test_who_is_refused_is_not_charged():
    bucket = Bucket(burst=1, every_s=10)
    bucket.take("a", 0)
    assert [bucket.take("a", 5) for _ in range(100)] == [5] * 100
    assert bucket.take("a", 10) == 0


def test_what_is_remembered_is_bounded_and_the_oldest_goes_first():
    bucket = Bucket(burst=1, every_s=1000, most=3)
    for key in "abc":
        bucket.take(key, 0)
    bucket.take("d", 1)
    assert repr(bucket) == "Bucket(3 keys)"
    assert bucket.take("a", 1) == 0
    assert bucket.take("d", 1) > 0


def test_a_hundred_at_once_are_not_a_hundred_free_ones():
    bucket, taken = Bucket(burst=5, every_s=1000), []
    threads = [threading.Thread(target=lambda: taken.append(bucket.take("a", 0))) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken.count(0) == 5


@pytest.fixture
def now():
    return [0.0]


@pytest.fixture
def throttle(now):
    return Throttle(lambda: now[0])


def test_an_account_is_tried_ten_times_from_anywhere_and_then_twice_a_minute(throttle, now):
    for n in range(10):
        throttle.enter("o/ann", f"192.0.2.{n}")
    with pytest.raises(Refusal) as caught:
        throttle.enter("o/ann", "192.0.2.99")
    assert (caught.value.status, caught.value.code, caught.value.retry_after) == (429, "too_many_logins", 30)
    throttle.enter("o/bob", "192.0.2.99")
    now[0] = 30
    throttle.enter("o/ann", "192.0.2.99")


def test_an_address_tries_thirty_accounts_and_then_one_every_five_seconds(throttle, now):
    for n in range(30):
        throttle.enter(f"o/{n}", "192.0.2.1")
    with pytest.raises(Refusal) as caught:
        throttle.enter("o/another", "192.0.2.1")
    assert caught.value.retry_after == 5
    throttle.enter("o/another", "192.0.2.2")


def test_success_forgives_the_account_and_not_the_address(throttle):
    for _ in range(3):
        for _ in range(9):
            throttle.enter("o/ann", "192.0.2.1")
        throttle.succeeded("o/ann")
    for n in range(3):
        throttle.enter(f"o/{n}", "192.0.2.1")
    with pytest.raises(Refusal):
        throttle.enter("o/ann", "192.0.2.1")


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", ""),
        ("unix:" + "x" * 100, "unix:" + "x" * 59),
    ],
)
def test_what_counts_as_one_address(address, network):
    assert network_of(address) == network


def test_a_throttle_shows_how_much_it_keeps(throttle):
    throttle.enter("o/ann", "192.0.2.1")
    assert repr(throttle) == "Throttle(Bucket(1 keys), Bucket(1 keys))"
