import pytest

from lockgate.control.identity import passwords, users
from lockgate.control.identity.sessions import begin
from lockgate.control.stored import Stored
from lockgate.core.failure import Refusal
from lockgate.core.holdings import Sealed
from lockgate.core.tenancy import ApiKey, Membership, Seat, Session, User
from lockgate.stores.control.query import Absent, Taken
from support.identity import PASSWORD
from support.tenants import api_key


@pytest.mark.parametrize("email", [" Ann@Example.COM ", "ann+x@example.co.uk", "ann@localhost", "ann.o'neill@example.com"])
def test_an_address_is_kept_in_lower_case(email):
    assert users.email_of(email) == email.strip().lower()


@pytest.mark.parametrize(
    "email", ["", "ann", "@example.com", "ann@", "ann@@example.com", "a b@example.com", "ann@example..com", "<ann@example.com>",
              "ann@example.com\nbcc: x", "x" * 65 + "@example.com", "ann@" + "x." * 130 + "com", "ann\x00@example.com", "ann@exam\u200bple.com"]
)  # fmt: skip
def test_what_is_no_address_is_refused(email):
    with pytest.raises(Refusal) as caught:
        users.email_of(email)
    assert caught.value.param == "email"


def test_a_person_has_a_place_and_a_sealed_hash(desk):
    user = desk.person(role="admin", name="Ann", seats=[Seat(desk.workspace, "manager")])
    assert users.by_email(desk.store, desk.organisation, "ANN@example.com ") == user
    (seat,) = desk.store.page(desk.tenant, Membership, user=user.id).rows
    assert (seat.workspace, seat.role) == (desk.workspace, "manager")
    sealed = users.kept_hash(desk.store, user)
    assert (sealed.field, sealed.hint) == ("password", "")
    assert passwords.matches(desk.vault.reveal(sealed), PASSWORD)
    assert "argon2" not in str(desk.store.audit(desk.tenant))


def test_a_person_is_here_once(desk):
    desk.person()
    with pytest.raises(Taken):
        desk.person("ANN@example.com")


def test_somebody_unknown_is_404(desk):
    with pytest.raises(Refusal) as caught:
        users.by_email(desk.store, desk.organisation, "nobody@example.com")
    assert (caught.value.status, caught.value.code) == (404, "user_not_found")


def test_another_password_takes_the_old_one_s_place(desk):
    user = desk.person()
    with desk.change() as change:
        users.set_password(change, desk.vault, user, passwords.hashed("another good one", user.email))
    (sealed,) = desk.store.page(desk.tenant, Sealed, owner=user.id).rows
    assert sealed.number == 2
    assert passwords.matches(desk.vault.reveal(sealed), "another good one")


def test_the_last_owner_stays_one(desk):
    owner = desk.person(role="owner")
    for attempt in (
        lambda change: users.disable(change, owner),
        lambda change: users.set_role(change, owner, "admin"),
        lambda change: users.remove(change, owner),
    ):
        with pytest.raises(Refusal) as caught, desk.change() as change:
            attempt(change)
        assert (caught.value.status, caught.value.code) == (409, "last_owner")
    other = desk.person("bob@example.com", role="owner")
    with desk.change() as change:
        owner = users.set_role(change, owner, "admin")
        assert users.set_role(change, owner, "admin") == owner
    with pytest.raises(Refusal), desk.change() as change:
        users.disable(change, other)


def test_a_disabled_owner_is_no_owner(desk):
    one, two = desk.person(role="owner"), desk.person("bob@example.com", role="owner")
    with desk.change() as change:
        two = users.disable(change, two)
        assert users.disable(change, two) == two
    with pytest.raises(Refusal), desk.change() as change:
        users.disable(change, one)
    with desk.change() as change:
        two = users.enable(change, two)
        assert users.enable(change, two) == two
        users.disable(change, one)


def test_who_is_removed_takes_everything_along(desk):
    desk.person("owner@example.com", password="", role="owner")
    user = desk.person(seats=[Seat(desk.workspace)])
    with desk.change() as change:
        begin(change, desk.keys, user, desk.now_us)
        change.add(api_key(desk.tenant, user=user.id, kind="user"))
        users.remove(change, user)
    for noun in (Membership, ApiKey, Session, Sealed):
        assert desk.store.page(desk.tenant, noun).total == 0
    with pytest.raises(Absent):
        desk.store.get(desk.tenant, User, user.id)


def test_no_snapshot_reveals_a_password_s_hash(desk):
    desk.person()
    seen = []

    class Watched:
        def reveal(self, sealed):
            seen.append(sealed)
            return desk.vault.reveal(sealed)

    stored = Stored()
    stored.follow(desk.store, Watched(), frozenset(), desk.now_us)
    assert (seen, stored.flaws) == ([], [])
