"""policy/limiter: all limits of a request count it, or none does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.policy import limiter as module
from lockgate.policy.limiter import OWN, SHARED, Limiter
from lockgate.policy.limits import UNITS, Denial, Grant, Limit
from lockgate.stores.limits.table import ROW, Table

SECOND = 1_000_000
MINUTE = 60 * SECOND
KEY = Limit("key", "k", "requests", 60)
SPACE = Limit("workspace", "w", "requests", 10)
TOKENS = Limit("key", "k", "tokens", 1000)
MODEL = Limit("model", "m", "tokens", 400)
AT_ONCE = Limit("user", "u", "concurrent", 2)


class Locked(Table):
    """A table that others may have locked."""

    free = True
    entered = 0

    def enter(self) -> bool:
        self.entered += self.free
        return self.free

    def leave(self) -> None:
        self.entered -= 1


class Full(Table):
    """A table that has no seat for new ones."""

    full = True

    def seat(self, tag: int, now: int, force: bool = False) -> int:
        return -1 if self.full else super().seat(tag, now, force)


def local() -> Limiter:
    return Limiter(Table(ROW), Table(ROW))


def granted(answer: Grant | Denial) -> Grant:
    assert isinstance(answer, Grant), answer
    return answer


def denied(answer: Grant | Denial) -> Denial:
    assert isinstance(answer, Denial)
    return answer


def left(limiter: Limiter, *limits: Limit, now: int = 0) -> list[int]:
    return [reading.remaining for reading in limiter.readings(limits, now)]


class TestTogether:
    def test_a_request_counts_once_in_each_limit_and_with_its_tokens_in_those_of_tokens(self):
        limiter = local()
        granted(limiter.take((KEY, SPACE, TOKENS, AT_ONCE), 0, tokens=300))
        assert left(limiter, KEY, SPACE, TOKENS, AT_ONCE) == [59, 9, 700, 1]

    @pytest.mark.parametrize("order", [1, -1])
    def test_a_request_that_one_limit_denies_counts_in_none(self, order: int):
        limiter = local()
        limits = (KEY, SPACE, TOKENS, MODEL, AT_ONCE)[::order]
        granted(limiter.take(limits, 0, tokens=300))
        assert denied(limiter.take(limits, 0, tokens=101)).limit is MODEL
        assert left(limiter, KEY, SPACE, TOKENS, MODEL, AT_ONCE) == [59, 9, 700, 100, 1]

    def test_the_limit_that_takes_longest_is_the_one_named(self):
        limiter = local()
        hour = Limit("key", "k", "requests", 10, UNITS["rph"])
        for _ in range(10):
            granted(limiter.take((SPACE, hour), 0))
        for limits in ((SPACE, hour), (hour, SPACE)):
            assert (denied(limiter.take(limits, 0)).limit, denied(limiter.take(limits, 0)).wait_us) == (hour, 360 * SECOND)

    def test_what_can_never_pass_is_said_to(self):
        limiter = local()
        granted(limiter.take((AT_ONCE,), 0))
        granted(limiter.take((AT_ONCE,), 0))
        for limits in ((AT_ONCE, MODEL), (MODEL, AT_ONCE)):
            denial = denied(limiter.take(limits, 0, tokens=401))
            assert (denial.limit, denial.wait_us, denial.units) == (MODEL, None, 401)

    def test_without_limits_everything_passes(self):
        assert granted(local().take((), 0)).held == []

    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 20 * SECOND), st.integers(1, 500), st.integers(0, 120)), max_size=80))
    def test_no_limit_counts_what_another_has_denied(self, steps: list[tuple[int, int, int]]):
        limiter, now = local(), 0
        for gap, tokens, percent in steps:
            now += gap
            before = left(limiter, KEY, SPACE, TOKENS, MODEL, AT_ONCE, now=now)
            answer = limiter.take((KEY, SPACE, TOKENS, MODEL, AT_ONCE), now, tokens)
            after = left(limiter, KEY, SPACE, TOKENS, MODEL, AT_ONCE, now=now)
            enough = [before[0] >= 1, before[1] >= 1, before[2] >= tokens, before[3] >= tokens, before[4] >= 1]
            if isinstance(answer, Denial):
                assert after == before
                assert not all(enough)
            else:
                assert all(enough)
                assert after == [before[0] - 1, before[1] - 1, before[2] - tokens, before[3] - tokens, before[4] - 1]
                limiter.settle(answer, now, tokens * percent // 100)


class TestSettling:
    def test_what_was_not_used_is_there_again(self):
        limiter = local()
        grant = granted(limiter.take((TOKENS, AT_ONCE), 0, tokens=900))
        limiter.settle(grant, 0, 100)
        assert left(limiter, TOKENS, AT_ONCE) == [900, 2]

    def test_what_was_used_above_the_reservation_counts(self):
        limiter = local()
        limiter.settle(granted(limiter.take((TOKENS,), 0, tokens=100)), 0, 1500)
        assert denied(limiter.take((TOKENS,), 0, tokens=1)).wait_us == 501 * 60_000

    def test_who_does_not_know_what_was_used_has_used_it_all(self):
        limiter = local()
        limiter.settle(granted(limiter.take((TOKENS, AT_ONCE), 0, tokens=100)), 0)
        assert left(limiter, TOKENS, AT_ONCE) == [900, 2]

    def test_a_grant_is_settled_once(self):
        limiter = local()
        grant = granted(limiter.take((TOKENS, AT_ONCE), 0, tokens=100))
        granted(limiter.take((AT_ONCE,), 0))
        limiter.settle(grant, 0, 50)
        limiter.settle(grant, 0, 50)
        assert left(limiter, TOKENS, AT_ONCE) == [950, 1]

    def test_a_place_that_is_renewed_is_kept_and_one_that_is_not_is_lost(self):
        limiter = local()
        kept = granted(limiter.take((AT_ONCE, TOKENS), 0, tokens=1))
        granted(limiter.take((AT_ONCE,), 0))
        limiter.renew(granted(limiter.take((TOKENS,), 0, tokens=1)), 0)
        for now in range(0, 5 * MINUTE, 15 * SECOND):
            limiter.renew(kept, now)
        assert left(limiter, AT_ONCE, now=5 * MINUTE) == [1]
        limiter.settle(kept, 5 * MINUTE)
        assert left(limiter, AT_ONCE, now=5 * MINUTE) == [2]


class TestMachines:
    def test_of_several_machines_each_has_its_part(self):
        limiter = local()
        granted(limiter.take((KEY,), 0))
        limiter.nodes = 4
        assert sum(isinstance(limiter.take((KEY,), 0), Grant) for _ in range(60)) == 14
        assert left(limiter, KEY, SPACE) == [0, 2]
        assert denied(limiter.take((KEY,), 0)).wait_us == 4 * SECOND
        assert isinstance(limiter.take((AT_ONCE,), 0), Grant)
        assert isinstance(limiter.take((AT_ONCE,), 0), Denial)


class TestApart:
    """Where the others' table cannot be had."""

    def test_who_cannot_get_at_the_table_counts_alone_with_his_part(self):
        cells = Locked(ROW)
        limiter = Limiter(cells, Table(ROW), workers=4)
        granted(limiter.take((KEY,), 0))
        cells.free = False
        passed = [limiter.take((KEY,), 0) for _ in range(100)]
        assert sum(isinstance(each, Grant) for each in passed) == 15
        assert limiter.apart == 100
        assert repr(limiter) == f"Limiter({cells!r}, 100 counted apart)"
        assert left(limiter, KEY) == [0]
        cells.free = True
        assert left(limiter, KEY) == [59]
        assert cells.entered == 0

    def test_the_part_of_what_runs_at_once_is_one_at_least(self):
        cells = Locked(ROW)
        cells.free = False
        limiter = Limiter(cells, Table(ROW), workers=4)
        grant = granted(limiter.take((AT_ONCE,), 0))
        assert denied(limiter.take((AT_ONCE,), 0)).wait_us == SECOND
        limiter.renew(grant, SECOND)
        limiter.settle(grant, SECOND)
        assert left(limiter, AT_ONCE, now=SECOND) == [1]

    def test_a_settlement_that_finds_the_table_locked_is_made_later(self):
        cells = Locked(ROW)
        limiter = Limiter(cells, Table(ROW))
        grant = granted(limiter.take((TOKENS, AT_ONCE), 0, tokens=1000))
        cells.free = False
        limiter.renew(grant, 0)
        limiter.settle(grant, 0, 1)
        cells.free = True
        granted(limiter.take((TOKENS, AT_ONCE), 0, tokens=999))

    def test_settlements_wait_in_a_bounded_crowd(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(module, "_MOST_LATE", 1)
        cells = Locked(ROW)
        limiter = Limiter(cells, Table(ROW))
        first, second = (granted(limiter.take((AT_ONCE,), 0)) for _ in range(2))
        cells.free = False
        limiter.settle(first, 0)
        limiter.settle(second, 0)
        cells.free = True
        granted(limiter.take((KEY,), 0))
        assert left(limiter, AT_ONCE) == [1]

    def test_where_the_table_is_full_only_what_has_no_seat_is_counted_alone(self):
        cells = Full(ROW)
        limiter = Limiter(cells, Table(ROW), workers=2)
        grant = granted(limiter.take((TOKENS,), 0, tokens=500))
        assert grant.held[0].account == OWN
        assert isinstance(limiter.take((TOKENS,), 0, tokens=1), Denial)
        limiter.settle(grant, 0, 0)
        assert left(limiter, TOKENS) == [500]
        cells.full = False
        assert granted(limiter.take((TOKENS,), 0, tokens=1000)).held[0].account == SHARED

    def test_a_seat_that_was_given_to_another_is_looked_for_again(self):
        limiter = local()
        granted(limiter.take((KEY,), 0))
        others = [Limit("key", str(each), "requests", 60) for each in range(2 * ROW)]
        for index, other in enumerate(others):
            granted(limiter.take((other,), MINUTE * (index + 2)))
        granted(limiter.take((KEY,), MINUTE * 100))
        assert left(limiter, KEY, now=MINUTE * 100) == [59]

    def test_seats_are_forgotten_before_there_are_too_many(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(module, "_MOST_SEATS", 2)
        limiter = local()
        for each in range(5):
            granted(limiter.take((Limit("key", str(each), "requests", 60),), 0))
        granted(limiter.take((Limit("key", "0", "requests", 60),), 0))
        assert left(limiter, Limit("key", "0", "requests", 60)) == [58]
