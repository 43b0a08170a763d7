"""stores/cache/trouble: a server in trouble is left alone, longer each time; it is told once a minute."""

import pytest

from lockgate.stores.cache.trouble import Pause, Trouble, Voice


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def trouble(clock, said):
    return Trouble(Voice(said.append, clock), clock)


def test_without_trouble_all_may_ask(trouble):
    assert all(trouble.may_ask() for _ in range(3))


def test_after_trouble_one_may_try_each_time_and_later_each_time(trouble, clock):
    trouble.happened("it hangs")
    tried = []
    for tenth in range(2000):
        clock.now = 1000 + tenth / 10
        if trouble.may_ask():
            assert not trouble.may_ask(), "one at a time"
            tried.append(tenth / 10)
            trouble.happened("it hangs")
    assert tried == [1, 3, 7, 15, 31, 61, 91, 121, 151, 181]


def test_what_was_under_way_together_counts_once(trouble, clock):
    for _ in range(10):
        trouble.happened("it hangs")
    clock.now += 1
    assert trouble.may_ask()


def test_after_it_went_well_all_may_ask_and_trouble_begins_anew(trouble, clock):
    trouble.happened("it hangs")
    clock.now += 1
    assert trouble.may_ask()
    trouble.happened("it hangs")
    clock.now += 2
    assert trouble.may_ask()
    trouble.over()
    assert all(trouble.may_ask() for _ in range(3))
    trouble.happened("it hangs")
    clock.now += 1
    assert trouble.may_ask()


def test_one_who_tries_and_never_knows_is_followed_by_another(trouble, clock):
    trouble.happened("it hangs")
    clock.now += 1
    assert trouble.may_ask()
    clock.now += 1
    assert trouble.may_ask()


def test_it_is_told_once_a_minute(trouble, clock, said):
    for second in range(180):
        clock.now = 1000 + second
        trouble.happened(f"it hangs at {second}")
    assert said == ["cache: it hangs at 0", "cache: it hangs at 60", "cache: it hangs at 120"]


def test_a_pause_doubles_up_to_its_most():
    pause = Pause(5)
    assert [pause.failed() for _ in range(5)] == [1, 2, 4, 5, 5]
    pause.went_well()
    assert pause.failed() == 1
