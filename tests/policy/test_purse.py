"""policy/purse: what one worker holds, and for whom."""

from __future__ import annotations

from lockgate.policy.ledger import MOST, Budget
from lockgate.policy.purse import DISPATCHED, HELD, PLENTY, POSTED, Account, Purse, Reservation
from lockgate.policy.window import LIFETIME, Window

SECOND = 1_000_000
ORG = Budget("org", 1000)


def test_a_purse_of_a_hard_budget_begins_empty_and_one_of_a_soft_budget_never_ends() -> None:
    assert Purse(ORG, 1, LIFETIME, True, 0).spare == 0
    soft = Purse(ORG, 1, LIFETIME, False, 0)
    assert soft.spare == PLENTY > 2 * MOST
    assert repr(soft).startswith("Purse(org lifetime: ")


def test_a_purse_ends_with_its_window() -> None:
    assert Purse(ORG, 1, Window("day 2026-11-25", 0, 77), True, 0).end_us == 77
    assert Purse(ORG, 1, LIFETIME, True, 0).end_us > 10**18


def test_its_pace_is_what_is_settled_in_a_minute() -> None:
    purse = Purse(ORG, 1, LIFETIME, True, 0)
    for second in range(1, 6):
        purse.settled = 20
        purse.mark(second * SECOND)
    assert purse.pace == 5 * 20 * 60 // 5
    purse.settled = 0
    purse.mark(20 * SECOND)
    assert purse.pace == 0


def test_it_was_used_when_something_was_settled() -> None:
    purse = Purse(ORG, 1, LIFETIME, True, 3)
    purse.mark(5)
    assert purse.used_us == 3
    purse.settled = 1
    purse.mark(7)
    assert purse.used_us == 7


def test_an_account_holds_what_its_purse_has_in_its_measure_until_its_end() -> None:
    account = Account(Budget("tokens", 1000, "tokens"))
    assert not account.has_purse
    assert not account.holds((0, 0, 0), 0)
    assert repr(account) == "Account(tokens, no purse)"
    account.purse = Purse(account.budget, 1, Window("day", 0, 50), True, 0)
    account.purse.spare = 10
    assert account.has_purse
    assert account.holds((10**9, 10, 9), 49)
    assert not account.holds((0, 11, 0), 49)
    assert not account.holds((0, 10, 0), 50)
    account.drop()
    assert not account.has_purse


class Desk:
    """A resolver, and a journal that counts."""

    breaches = 0

    def __init__(self) -> None:
        self.journal = self  # type: ignore[assignment]
        self.dispatched: list[int] = []

    def dispatch(self, slot: int) -> None:
        self.dispatched.append(slot)


def test_a_reservation_is_dispatched_once() -> None:
    desk = Desk()
    reservation = Reservation(desk, "r", 2, [], (1, 2, 3), 7, 0)  # type: ignore[arg-type]
    assert reservation.state == HELD
    reservation.dispatch()
    reservation.dispatch()
    assert (reservation.state, desk.dispatched) == (DISPATCHED, [7])
    assert repr(reservation) == "Reservation(r/2, dispatched, (1, 2, 3))"
    reservation.state = POSTED
    reservation.dispatch()
    assert (reservation.state, desk.dispatched) == (POSTED, [7])


def test_what_is_left_is_what_nobody_has_used_or_reserved() -> None:
    account = Account(ORG)
    assert account.left is None
    account.purse = Purse(ORG, 1, LIFETIME, True, 0)
    account.purse.room, account.purse.spare = 700, 40
    assert account.left == 740
    account.purse = Purse(ORG, 1, LIFETIME, False, 0)  # a soft one: what is gone of plenty is used
    account.purse.room, account.purse.spare = 700, PLENTY - 100
    assert account.left == 600


def test_a_budget_that_becomes_one_of_another_kind_leaves_its_lease() -> None:
    account = Account(ORG)
    account.purse = Purse(ORG, 1, LIFETIME, True, 0)
    before = account.purse.end_us
    account.revise(Budget("org", 500, revision=ORG.revision + 1))  # another cap alone
    assert (account.budget.cap, account.purse.end_us) == (500, before)
    account.revise(Budget("org", 900, revision=ORG.revision))  # an older one
    assert account.budget.cap == 500
    account.revise(Budget("org", 500, hard=False, revision=ORG.revision + 2))
    assert account.purse.end_us == 0
