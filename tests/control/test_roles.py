import itertools

import pytest

from lockgate.control.roles import Rank, check_role, check_seat
from lockgate.control.scopes import EVERYTHING, of_person
from lockgate.core.failure import Refusal
from lockgate.http.routes import SCOPES

ROLES = ("member", "admin", "owner")
SEATS = ("member", "manager", "admin")


def allows(check, *given):
    try:
        check(*given)
    except Refusal as refusal:
        assert (refusal.status, refusal.code) == (403, "role_above_yours")
        return False
    return True


@pytest.mark.parametrize(("own", "other"), list(itertools.product(ROLES, ROLES)))
def test_a_role_in_the_organisation_is_given_by_its_like_and_those_above(own, other):
    rank = Rank(of_person(own, None, SCOPES), SCOPES, own == "owner")
    assert allows(check_role, rank, other) == (ROLES.index(other) <= ROLES.index(own))


@pytest.mark.parametrize(("own", "other"), list(itertools.product(SEATS, SEATS)))
def test_a_role_in_a_workspace_is_given_by_its_like_and_those_above(own, other):
    rank = Rank(of_person("member", own, SCOPES), SCOPES)
    assert allows(check_seat, rank, other) == (SEATS.index(other) <= SEATS.index(own))


def test_a_key_for_everything_gives_all_but_owners():
    key = Rank(SCOPES | {EVERYTHING}, SCOPES)
    assert [allows(check_role, key, role) for role in ROLES] == [True, True, False]
    assert all(allows(check_seat, key, seat) for seat in SEATS)


def test_an_owners_key_gives_no_more_than_its_scopes():
    key = Rank(SCOPES, SCOPES, owns=True)
    assert [allows(check_role, key, role) for role in ROLES] == [True, False, False]
    few = Rank(frozenset(("workspace_users.create",)), SCOPES, owns=True)
    assert [allows(check_seat, few, seat) for seat in SEATS] == [True, False, False]


def test_it_says_which_member_is_too_much():
    with pytest.raises(Refusal) as caught:
        check_seat(Rank(frozenset(), SCOPES), "admin", "users[0].role")
    assert caught.value.param == "users[0].role"
