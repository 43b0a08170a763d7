import pytest

from lockgate.control import invites
from lockgate.control.identity import passwords
from lockgate.core.failure import Refusal
from lockgate.core.tenancy import ApiKey, Invite, Membership, Seat, User
from support.identity import PASSWORD, Desk
from support.tenants import ME, found_another

ROOT, PEPPER = b"i" * 32, b"p" * 32


@pytest.fixture
def desk(tmp_path):
    desk = Desk(tmp_path / "control.db")
    yield desk
    desk.store.close()


def make(desk, **said):
    with desk.change() as change:
        return invites.create(change, ROOT, desk.tenant, desk.now_us, **{"email": "ann@example.com", **said})


def accept(desk, token, root=ROOT, password=PASSWORD):
    return invites.accept(desk.store, desk.vault, root, PEPPER, ME, desk.now_us, token=token, name="Ann", password=password)


def test_its_token_makes_a_person_of_whoever_holds_it(desk):
    invite, token = make(desk, role="admin", seats=[Seat(desk.workspace, "manager")], scopes=["completions.write"])
    accepted = accept(desk, token)
    user = desk.store.get(desk.tenant, User, accepted.user.id)
    assert (user.email, user.name, user.role) == ("ann@example.com", "Ann", "admin")
    ((key, text),) = accepted.keys
    assert (key.user, key.workspace, key.scopes) == (user.id, desk.workspace, ["completions.write"])
    assert text.startswith("lg_") and desk.store.get(desk.tenant, ApiKey, key.id)
    assert desk.store.find(desk.tenant, Membership, user=user.id).role == "manager"
    after = desk.store.get(desk.tenant, Invite, invite.id)
    assert (after.status, after.accepted_us) == ("accepted", desk.now_us)


def test_its_time_is_a_week(desk):
    invite, token = make(desk)
    desk.later(7 * 86_400 - 1)
    assert invites.status(invite, desk.now_us) == "pending"
    desk.later(1)
    assert invites.status(invite, desk.now_us) == "expired"
    with pytest.raises(Refusal, match="does not hold"):
        accept(desk, token)


def test_another_houses_key_opens_none(desk):
    """Who can write to the database and has not the house's key makes no invitation that holds."""
    _, token = make(desk)
    with pytest.raises(Refusal, match="does not hold"):
        accept(desk, token, root=b"j" * 32)


def test_a_token_holds_in_its_organisation_alone(desk):
    _, token = make(desk)
    there = found_another(desk.store, ME, desk.now_us)
    for wrong in (token.replace(desk.organisation, there.organisation), token.replace(desk.organisation, ""), "", "."):
        with pytest.raises(Refusal) as caught:
            accept(desk, wrong)
        assert caught.value.code == "invite_not_found"


@pytest.mark.parametrize("what", ["accepted", "cancelled", "resent"])
def test_what_happens_while_the_password_is_hashed_counts(desk, monkeypatch, what):
    invite, token = make(desk)
    hashed = passwords.hashed

    def meanwhile(password, email):
        monkeypatch.setattr(passwords, "hashed", hashed)
        if what == "accepted":
            accept(desk, token)
        else:
            with desk.change() as change:
                if what == "cancelled":
                    invites.cancel(change, invite)
                else:
                    invites.resend(change, ROOT, invite, desk.now_us)
        return hashed(password, email)

    monkeypatch.setattr(passwords, "hashed", meanwhile)
    with pytest.raises(Refusal, match="does not hold"):
        accept(desk, token)
    assert desk.store.page(desk.tenant, User).total == (what == "accepted")


def test_a_token_does_not_stand_in_a_repr(desk):
    invite, token = make(desk)
    assert token not in repr(invite) and token.partition(".")[2].encode() not in invite.digest
