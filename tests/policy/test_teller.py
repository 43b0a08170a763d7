"""policy/teller: what one worker does with what it holds."""

from __future__ import annotations

import pytest

from lockgate.policy.ledger import Allotment, Budget, Line
from lockgate.policy.purse import DISPATCHED, HELD, PLENTY, POSTED, VOIDED, Account
from lockgate.policy.teller import IDLE_US, Flush, Teller
from lockgate.policy.window import LIFETIME, Period, Window

DAY = Window("day 2026-11-25", 0, 1000)
USD = 1_000_000_000


class Paper:
    """A journal that remembers what it was told."""

    def __init__(self, slots: int = 100) -> None:
        self.told: list[tuple[object, ...]] = []
        self.slots = slots

    def open(self, id: str, attempt: int, numbers: object, cost: int, tokens: int, requests: int) -> int:
        if not self.slots:
            return -1
        self.slots -= 1
        self.told.append(("open", id, attempt, list(numbers), (cost, tokens, requests)))  # type: ignore[call-overload]
        return self.slots

    def dispatch(self, slot: int) -> None:
        self.told.append(("dispatch", slot))

    def post(self, slot: int, seq: int, cost: int, tokens: int, requests: int) -> None:
        self.told.append(("post", slot, seq, (cost, tokens, requests)))

    def free(self, slot: int) -> None:
        self.told.append(("free", slot))


def supplied(
    *budgets: Budget, amount: int = 1000, share: int = 10**6, window: Window = LIFETIME
) -> tuple[Teller, list[Account]]:
    """A teller with so much of each budget."""
    teller, accounts = Teller(Paper()), [Account(budget) for budget in budgets]
    wants = teller.wants(accounts, (1, 1, 1), 0)
    teller.allot(accounts, wants, [Allotment(want.fresh, amount, window, want.budget.hard, share) for want in wants], 0)
    return teller, accounts


COST, TOKENS, SOFT = Budget("cost", USD), Budget("tokens", 10**6, "tokens"), Budget("soft", 5, hard=False)


def test_a_reservation_takes_each_budget_in_its_measure() -> None:
    teller, accounts = supplied(COST, TOKENS)
    reservation = teller.reserve(accounts, "r", 2, (300, 40, 1), 5)
    assert reservation is not None
    assert [account.purse.spare for account in accounts] == [700, 960]
    assert teller.journal.told == [("open", "r", 2, [1, 2], (300, 40, 1))]  # type: ignore[attr-defined]
    assert repr(reservation) == "Reservation(r/2, held, (300, 40, 1))"


def test_it_takes_of_all_or_of_none() -> None:
    teller, accounts = supplied(COST, TOKENS)
    assert teller.reserve(accounts, "r", 0, (300, 1001, 1), 5) is None
    assert [(account.purse.spare, account.purse.open) for account in accounts] == [(1000, 0), (1000, 0)]
    assert teller.open == 0


def test_the_last_unit_can_be_reserved() -> None:
    teller, accounts = supplied(COST)
    assert teller.reserve(accounts, "r", 0, (1000, 0, 0), 5) is not None
    assert teller.reserve(accounts, "s", 0, (1, 0, 0), 5) is None
    assert teller.reserve(accounts, "t", 0, (0, 0, 0), 5) is not None


def test_an_account_without_a_lease_has_nothing_not_even_for_nothing() -> None:
    assert Teller(Paper()).reserve([Account(COST)], "r", 0, (0, 0, 0), 0) is None


def test_what_is_settled_gives_the_rest_back() -> None:
    teller, (account,) = supplied(COST)
    reservation = teller.reserve([account], "r", 0, (300, 0, 1), 5)
    assert reservation is not None
    reservation.dispatch()
    assert reservation.state == DISPATCHED
    assert teller.settle(reservation, (120, 0, 1), 6)
    assert reservation.state == POSTED
    assert (account.purse.spare, account.purse.settled, account.purse.open) == (880, 120, 0)
    assert teller.flush(7) == Flush(1, (Line(1, 120, 0, 0, False),))


def test_a_reservation_is_resolved_once() -> None:
    teller, accounts = supplied(COST)
    reservation = teller.reserve(accounts, "r", 0, (300, 0, 1), 5)
    assert reservation is not None
    assert teller.settle(reservation, (100, 0, 1), 6)
    assert not teller.settle(reservation, (300, 0, 1), 6)
    assert not teller.void(reservation)
    reservation.dispatch()
    assert reservation.state == POSTED
    assert accounts[0].purse.spare == 900


def test_what_was_never_sent_costs_nothing() -> None:
    teller, accounts = supplied(COST, TOKENS)
    reservation = teller.reserve(accounts, "r", 0, (300, 9, 1), 5)
    assert reservation is not None
    assert reservation.state == HELD
    assert teller.void(reservation)
    assert reservation.state == VOIDED
    assert not teller.void(reservation)
    assert not teller.settle(reservation, (1, 1, 1), 6)
    assert [account.purse.spare for account in accounts] == [1000, 1000]
    assert teller.flush(7) is None


def test_what_was_sent_cannot_be_void() -> None:
    teller, accounts = supplied(COST)
    reservation = teller.reserve(accounts, "r", 0, (300, 0, 1), 5)
    assert reservation is not None
    reservation.dispatch()
    with pytest.raises(AssertionError, match="dispatched"):
        teller.void(reservation)


def test_what_costs_more_than_its_bound_is_told_apart() -> None:
    teller, accounts = supplied(COST)
    reservation = teller.reserve(accounts, "r", 0, (300, 0, 1), 5)
    assert reservation is not None
    teller.settle(reservation, (350, 0, 1), 6)
    assert teller.breaches == 1
    assert teller.flush(7) == Flush(1, (Line(1, 300, 50, 0, False),))
    assert accounts[0].purse.spare == 700


def test_a_soft_budget_is_charged_what_it_costs() -> None:
    teller, accounts = supplied(SOFT)
    reservation = teller.reserve(accounts, "r", 0, (10**15, 0, 1), 5)
    assert reservation is not None
    teller.settle(reservation, (2 * 10**15, 0, 1), 6)
    assert teller.breaches == 0
    assert teller.flush(7) == Flush(1, (Line(1, 2 * 10**15, 0, 0, False),))
    assert accounts[0].purse.spare == PLENTY - 2 * 10**15


def test_a_full_journal_admits_nobody() -> None:
    teller, accounts = supplied(COST)
    teller.journal.slots = 0  # type: ignore[attr-defined]
    assert teller.reserve(accounts, "r", 0, (1, 0, 0), 5) is None
    assert accounts[0].purse.spare == 1000
    assert teller.wants(accounts, (1, 0, 0), 5) == []


def test_a_posting_stays_in_the_journal_until_the_ledger_has_it() -> None:
    teller, accounts = supplied(COST)
    first, second = (teller.reserve(accounts, each, 0, (10, 0, 0), 5) for each in "rs")
    assert first is not None
    assert second is not None
    teller.settle(first, (0, 0, 0), 6)  # costs nothing, and is told all the same
    flush = teller.flush(7)
    assert flush == Flush(1, ())
    teller.settle(second, (5, 0, 0), 8)
    teller.flushed(1)
    assert teller.journal.told[-1] == ("free", 99)  # type: ignore[attr-defined]
    assert repr(teller) == "Teller(1 purses, 0 open, 1 not flushed)"
    assert teller.posted == 2


# --- leases


def test_a_lease_of_a_window_that_is_over_is_not_used() -> None:
    teller, accounts = supplied(COST, window=DAY)
    assert teller.reserve(accounts, "r", 0, (1, 0, 0), 999) is not None
    assert teller.reserve(accounts, "r", 0, (1, 0, 0), 1000) is None
    (want,) = teller.wants(accounts, (1, 0, 0), 1000)
    assert (want.number, want.fresh, want.give) == (1, 2, 999)


def test_what_is_open_is_settled_in_the_window_that_reserved_it() -> None:
    teller, (account,) = supplied(COST, window=DAY)
    reservation = teller.reserve([account], "r", 0, (100, 0, 0), 999)
    assert reservation is not None
    wants = teller.wants([account], (100, 0, 0), 1000)
    teller.allot([account], wants, [Allotment(2, 500, Window("day 2026-11-26", 1000, 2000), True, 10**6)], 1000)
    teller.settle(reservation, (60, 0, 0), 1500)
    assert teller.flush(1500) == Flush(1, (Line(1, 60, 0, 40, True),))
    assert account.purse.window == "day 2026-11-26"
    assert account.purse.spare == 500
    assert teller.leases == [2]


def test_many_who_have_nothing_ask_for_one_lease_and_one_of_them_for_more() -> None:
    teller, account = Teller(Paper()), Account(COST)
    first, second = (teller.wants([account], (10, 0, 0), 0) for _ in range(2))
    assert [(each.need, each.want, each.number, each.fresh) for each in (*first, *second)] == [(10, 160, 0, 1), (10, 10, 0, 1)]
    teller.allot([account], first, [Allotment(1, 160, LIFETIME, True, 10**6)], 0)
    teller.allot([account], second, [Allotment(1, 10, LIFETIME, True, 10**6)], 0)
    assert account.purse.spare == 170
    assert not account.asking
    assert account.fresh == 0


def test_what_is_left_goes_back_with_the_question() -> None:
    teller, (account,) = supplied(COST, amount=5)
    (want,) = wants = teller.wants([account], (10, 0, 0), 0)
    assert (want.give, account.purse.spare) == (5, 0)
    teller.denied([account], wants)
    assert account.purse.spare == 0
    assert not account.asking


def test_a_question_that_was_never_heard_gave_nothing_back() -> None:
    teller, (account,) = supplied(COST, amount=5)
    wants = teller.wants([account], (10, 0, 0), 0)
    teller.denied([account], wants, kept=True)
    assert account.purse.spare == 5


def test_near_the_cap_nothing_is_kept() -> None:
    teller, (account,) = supplied(COST, share=10**6)
    teller.hear(1, 0, True)
    assert account.purse.tight
    assert teller.flush(1) == Flush(0, (Line(1, 0, 0, 1000, False),))
    teller.hear(99, 0, True)  # of a lease that is gone


def test_plenty_of_room_lets_a_worker_keep_what_it_has() -> None:
    teller, (account,) = supplied(COST)
    teller.hear(1, 10**6, True)
    assert not account.purse.tight
    assert teller.flush(1) is None


def test_an_idle_account_returns_its_lease() -> None:
    teller, accounts = supplied(COST)
    assert teller.rest(accounts, IDLE_US) == []
    assert teller.rest(accounts, IDLE_US + 1) == accounts
    assert not accounts[0].has_purse
    assert teller.flush(IDLE_US + 2) == Flush(0, (Line(1, 0, 0, 1000, True),))
    teller.flushed(0)
    assert teller.at_rest
    assert teller.rest(accounts, IDLE_US + 3) == accounts


def test_a_lease_that_is_asked_for_is_not_done_with() -> None:
    teller, (account,) = supplied(COST, amount=5)
    wants = teller.wants([account], (10, 0, 0), 0)
    teller.rest([account], IDLE_US + 1)
    assert teller.flush(IDLE_US + 1) is None  # it gave all back already, and may get more
    teller.allot([account], wants, [Allotment(1, 10, LIFETIME, True, 1)], IDLE_US + 2)
    assert teller.flush(IDLE_US + 2) == Flush(0, (Line(1, 0, 0, 10, True),))


def test_an_account_that_is_busy_does_not_rest() -> None:
    teller, accounts = supplied(COST)
    assert teller.reserve(accounts, "r", 0, (1, 0, 0), 5) is not None
    assert teller.rest(accounts, 10 * IDLE_US) == []


def test_at_the_end_everything_is_returned() -> None:
    teller, accounts = supplied(COST, SOFT)
    reservation = teller.reserve(accounts, "r", 0, (100, 0, 0), 5)
    assert reservation is not None
    teller.retire()
    assert teller.flush(6) == Flush(0, (Line(1, 0, 0, 900, False),))
    teller.settle(reservation, (70, 0, 0), 7)
    assert teller.flush(8) == Flush(1, (Line(1, 70, 0, 30, True), Line(2, 70, 0, 0, True)))
    assert not teller.at_rest
    teller.flushed(1)
    assert teller.at_rest


def test_news_that_the_ledger_will_never_take_are_kept() -> None:
    teller, accounts = supplied(COST)
    reservation = teller.reserve(accounts, "r", 0, (100, 0, 0), 5)
    assert reservation is not None
    teller.settle(reservation, (120, 0, 0), 6)
    teller.retire()
    flush = teller.flush(7)
    assert flush is not None
    assert teller.beyond() == {}
    teller.unflush(flush)
    assert teller.beyond() == {1: (100, 20)}


def test_a_lease_is_for_a_minute_like_the_last_seconds() -> None:
    teller, (account,) = supplied(COST, amount=100_000)
    for second in range(7):
        reservation = teller.reserve([account], "r", 0, (1000, 0, 0), second * 1_000_000)
        assert reservation is not None
        teller.settle(reservation, (1000, 0, 0), second * 1_000_000)
        teller.flush(second * 1_000_000)
    assert account.purse.pace == 72_000  # six in five seconds
    (want,) = teller.wants([account], (99_000, 0, 0), 7_000_000)
    assert want.want == 16 * 99_000
    assert want.need == 99_000


@pytest.mark.parametrize(("later_us", "wanted"), [(999_999, 2000), (1_000_000, 160)])
def test_a_lease_that_is_used_up_soon_is_followed_by_a_larger_one(later_us: int, wanted: int) -> None:
    teller, (account,) = supplied(COST)
    assert teller.reserve([account], "r", 0, (1000, 0, 0), later_us) is not None
    (want,) = teller.wants([account], (10, 0, 0), later_us)
    assert (want.need, want.want) == (10, wanted)


def test_a_clock_that_was_set_back_measures_no_pace() -> None:
    teller, (account,) = supplied(COST)
    reservation = teller.reserve([account], "r", 0, (1000, 0, 0), 0)
    assert reservation is not None
    teller.settle(reservation, (500, 0, 0), 0)
    teller.flush(-1)
    assert account.purse.pace == 0


def test_forgotten_attempts_are_found() -> None:
    teller, accounts = supplied(COST)
    old, new = (teller.reserve(accounts, "r", 0, (1, 0, 0), at) for at in (5, 9))
    assert teller.overdue(9) == [old]
    assert teller.overdue(10) == [old, new]


def test_attempts_are_no_older_when_the_clock_was_set() -> None:
    teller, accounts = supplied(COST)
    attempt = teller.reserve(accounts, "r", 0, (1, 0, 0), 5)
    teller.step(100)
    assert teller.overdue(105) == []
    assert teller.overdue(106) == [attempt]


# --- budgets that change


def test_a_later_revision_holds() -> None:
    account = Account(COST)
    later = Budget("cost", 5, revision=2)
    account.revise(later)
    account.revise(Budget("cost", 7, revision=1))
    assert account.budget is later


@pytest.mark.parametrize(
    ("changed", "ends"),
    [
        (Budget("cost", 5, revision=1), False),
        (Budget("cost", USD, hard=False, revision=1), True),
        (Budget("cost", USD, period=Period("day"), revision=1), True),
    ],
)
def test_another_kind_of_budget_needs_another_lease(changed: Budget, ends: bool) -> None:
    teller, (account,) = supplied(COST)
    assert account.holds((1, 0, 0), 5)
    account.revise(changed)
    assert account.holds((1, 0, 0), 5) is not ends
    assert (teller.reserve([account], "r", 0, (1, 0, 0), 5) is None) is ends


def test_a_budget_that_became_soft_elsewhere_needs_another_lease() -> None:
    teller, (account,) = supplied(COST)
    teller.hear(1, 10**6, False)
    assert teller.reserve([account], "r", 0, (1, 0, 0), 5) is None
    assert teller.flush(5) == Flush(0, (Line(1, 0, 0, 1000, False),))


def test_an_account_that_is_dropped_begins_anew() -> None:
    _, (account,) = supplied(COST)
    assert repr(account).startswith("Account(cost, Purse(cost lifetime: 1000 spare")
    account.drop()
    assert repr(account) == "Account(cost, no purse)"
