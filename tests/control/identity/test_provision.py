import json

import msgspec
import pytest

from lockgate.control import invites, keys
from lockgate.control.identity import users
from lockgate.control.identity.provision import Assertion, organisation_of, provision
from lockgate.control.identity.sessions import begin
from lockgate.control.identity.settings import OidcEntry
from lockgate.control.scopes import of_person
from lockgate.control.stored import Stored
from lockgate.core.failure import Refusal
from lockgate.core.tenancy import ApiKey, Invite, Membership, Seat, Session, Tenant, User
from lockgate.http.routes import SCOPES
from support.tenants import ME, NOW, found_another, workspace

ISSUER = "https://id.example"
ANN = Assertion(ISSUER, "ann", "ann@example.com", "Ann")


def entry(**more):
    return msgspec.json.decode(json.dumps({"issuer": ISSUER, "client_id": "c", **more}), type=OidcEntry)


def come(desk, said=ANN, **more):
    with desk.change() as change:
        return provision(change, desk.tenant, entry(**more), said, desk.now_us)


def refused(desk, said=ANN, **more):
    with pytest.raises(Refusal) as caught:
        come(desk, said, **more)
    return caught.value.status, caught.value.code


def places(desk, user):
    return {seat.workspace: seat.role for seat in desk.store.page(desk.tenant, Membership, user=user.id).rows}


def test_nobody_new_comes_in_unless_the_operator_says_so(desk):
    assert refused(desk) == (403, "person_unknown")
    assert refused(desk, allowed_domains=["example.org", "ample.com", "sub.example.com"]) == (403, "person_unknown")
    assert refused(desk, Assertion(ISSUER, "ann"), allowed_domains=["*"]) == (403, "person_unknown")
    assert refused(desk, Assertion(ISSUER, "x", "ann@example.com.evil.example"), allowed_domains=["example.com"])[0] == 403
    assert desk.store.page(desk.tenant, User).total == 0


@pytest.mark.parametrize("domains", [["example.com"], ["other.example", "Example.COM"], ["*"]])
def test_someone_new_of_a_domain_is_a_member_with_places(desk, domains):
    user = come(desk, allowed_domains=domains, workspaces={"default": "manager", "nowhere": "member"})
    assert (user.email, user.name, user.role, user.subject) == ("ann@example.com", "Ann", "member", f"{ISSUER}|ann")
    assert places(desk, user) == {desk.workspace: "manager"}
    assert come(desk, allowed_domains=[]).id == user.id  # who is here stays
    assert users.kept_hash(desk.store, user) is None


def test_new_people_may_be_administrators_if_the_operator_says_so(desk):
    assert come(desk, allowed_domains=["example.com"], role="admin").role == "admin"


def test_someone_who_is_here_is_known_by_address_once_and_then_by_subject(desk):
    ann = desk.person()
    assert come(desk).id == ann.id
    assert come(desk, Assertion(ISSUER, "ann", "ann.new@example.com")).email == "ann.new@example.com"
    assert come(desk, Assertion(ISSUER, "ann")).email == "ann.new@example.com"  # not verified: nothing is taken from it


def test_an_address_that_is_given_to_another_is_not_the_same_person(desk):
    desk.person()
    come(desk)
    for other in (Assertion(ISSUER, "bob", "ann@example.com"), Assertion("https://other.example", "ann", "ann@example.com")):
        assert refused(desk, other, allowed_domains=["*"]) == (403, "person_known_otherwise")


def test_an_address_that_is_not_verified_makes_nobody_known(desk):
    desk.person()
    assert refused(desk, Assertion(ISSUER, "ann")) == (403, "person_unknown")


def test_an_address_that_someone_else_has_stays_theirs(desk):
    bob = desk.person("bob@example.com")
    come(desk, allowed_domains=["*"])
    user = come(desk, Assertion(ISSUER, "ann", "bob@example.com", "Ann Miller"))
    assert (user.email, user.name) == ("ann@example.com", "Ann Miller")
    assert desk.store.get(desk.tenant, User, bob.id).email == "bob@example.com"


def test_who_was_disabled_stays_out_however_they_come(desk):
    ann = come(desk, allowed_domains=["*"])
    with desk.change() as change:
        users.disable(change, ann)
    assert refused(desk) == (403, "person_disabled")
    gone = desk.person("gone@example.com")
    with desk.change() as change:
        users.disable(change, gone)
    assert refused(desk, Assertion(ISSUER, "gone", "gone@example.com")) == (403, "person_disabled")
    assert desk.store.get(desk.tenant, User, gone.id).subject == ""  # and nothing of it stays


def test_a_login_that_changes_nothing_writes_nothing(desk):
    user = come(desk, allowed_domains=["*"], workspaces={"default": "member"})
    revision = desk.store.house().revision
    assert come(desk) == user
    assert desk.store.house().revision == revision


# --- invitations


def invited(desk, email="ann@example.com", **more):
    with desk.change() as change:
        return invites.create(change, b"r" * 32, desk.tenant, desk.now_us, email=email, **more)[0]


def test_who_is_invited_comes_in_by_the_verified_address(desk):
    invite = invited(desk, role="admin", seats=[Seat(desk.workspace, "manager")], scopes=["completions.write"])
    assert refused(desk, Assertion(ISSUER, "ann")) == (403, "person_unknown")
    assert refused(desk, Assertion(ISSUER, "bob", "bob@example.com")) == (403, "person_unknown")
    user = come(desk, workspaces={"default": "member"})
    assert (user.role, user.subject, places(desk, user)) == ("admin", f"{ISSUER}|ann", {desk.workspace: "manager"})
    kept = desk.store.get(desk.tenant, Invite, invite.id)
    assert (kept.status, kept.accepted_us) == ("accepted", desk.now_us)
    assert desk.store.page(desk.tenant, ApiKey).total == 0
    assert come(desk).id == user.id


def test_an_invitation_that_is_over_lets_nobody_in(desk):
    invite = invited(desk)
    with desk.change() as change:
        invites.cancel(change, invite)
    assert refused(desk) == (403, "person_unknown")
    invited(desk)
    desk.now_us += invites.HOLDS_US
    assert refused(desk) == (403, "person_unknown")


# --- groups


MAP = [
    {"group": "ml", "workspace": "default", "role": "member"},
    {"group": "ml-leads", "workspace": "default", "role": "manager"},
    {"group": "ml", "workspace": "second", "role": "admin"},
    {"group": "ml-leads", "workspace": "nowhere", "role": "admin"},
]


def of(*groups):
    return msgspec.structs.replace(ANN, groups=frozenset(groups))


def test_places_follow_the_groups_at_each_login(desk):
    with desk.change() as change:
        second = change.add(workspace(desk.tenant, "second"))
        third = change.add(workspace(desk.tenant, "third"))
    user = come(desk, of("ml", "other"), groups=MAP, allowed_domains=["*"], workspaces={"third": "member", "second": "member"})
    assert places(desk, user) == {desk.workspace: "member", second.id: "admin", third.id: "member"}
    come(desk, of("ml", "ml-leads"), groups=MAP)
    assert places(desk, user) == {desk.workspace: "manager", second.id: "admin", third.id: "member"}
    come(desk, of("ml-leads"), groups=MAP)
    assert places(desk, user) == {desk.workspace: "manager", third.id: "member"}
    come(desk, of(), groups=MAP)
    assert places(desk, user) == {third.id: "member"}  # of which no group speaks
    come(desk, of("ml"), groups=[])
    assert places(desk, user) == {third.id: "member"}


def test_a_key_does_what_the_groups_leave_its_owner_from_the_next_login_on(desk):
    user = come(desk, of("ml-leads"), groups=MAP, allowed_domains=["*"])
    said = {"kind": "user", "user": user.id, "scopes": ["completions.write", "proxy.write"]}
    place = Tenant(user.organisation, desk.workspace)
    mine, _ = keys.create(desk.store, b"p" * 32, place, ME, NOW, name="mine", **said)
    stored = Stored()

    def scopes():
        stored.follow(desk.store, None, SCOPES, NOW)
        return {who.id: who.scopes for who in stored.keys.values()}.get(mine.id)

    assert scopes() == {"completions.write", "proxy.write"}
    come(desk, of("ml"), groups=MAP)
    assert scopes() == {"completions.write"}
    come(desk, of(), groups=MAP)
    assert scopes() is None
    come(desk, of("ml-leads"), groups=MAP)
    assert scopes() == {"completions.write", "proxy.write"}, "groups that were missing for a day destroy nothing"


def test_a_key_of_an_administrator_shrinks_when_a_login_says_that_they_are_none(desk):
    roles = [*ROLES, *MAP]
    user = come(desk, of("platform", "ml"), groups=roles, allowed_domains=["*"])
    said = {"kind": "user", "user": user.id, "scopes": ["admin"]}
    mine, _ = keys.create(desk.store, b"p" * 32, Tenant(user.organisation), ME, NOW, name="mine", **said)
    stored = Stored()
    stored.follow(desk.store, None, SCOPES, NOW)
    assert "admin" in stored.keys[mine.digest].scopes
    come(desk, of("staff", "ml"), groups=roles)
    stored.follow(desk.store, None, SCOPES, NOW)
    assert stored.keys[mine.digest].scopes == of_person("member", "member", SCOPES)


def test_of_two_groups_the_higher_place_counts_in_any_order(desk):
    rows = [
        {"group": "a", "workspace": "default", "role": "admin"},
        {"group": "b", "workspace": "default", "role": "member"},
    ]
    user = come(desk, of("a", "b"), groups=rows, allowed_domains=["*"])
    assert places(desk, user) == {desk.workspace: "admin"}
    come(desk, of("a", "b"), groups=rows[::-1])
    assert places(desk, user) == {desk.workspace: "admin"}


ROLES = [{"group": "platform", "role": "admin"}, {"group": "staff", "role": "member"}]


def test_the_role_follows_the_groups_and_taking_it_ends_the_sessions(desk):
    user = come(desk, of("platform"), groups=ROLES, allowed_domains=["*"])
    assert user.role == "admin"
    with desk.change() as change:
        begin(change, desk.keys, user, desk.now_us)
    assert come(desk, of("platform", "staff"), groups=ROLES).role == "admin"
    assert desk.store.page(desk.tenant, Session).total == 1
    assert come(desk, of("staff"), groups=ROLES, role="admin").role == "member"
    assert desk.store.page(desk.tenant, Session).total == 0
    assert come(desk, of(), groups=ROLES).role == "member"
    assert come(desk, of(), groups=ROLES, role="admin").role == "admin"
    assert come(desk, of("platform"), groups=MAP[:1]).role == "admin"  # no group speaks of it: it stays


def test_an_owner_is_one_whatever_the_groups_say(desk):
    desk.person(role="owner")
    assert come(desk, of("staff"), groups=ROLES).role == "owner"


# --- organisations


def test_a_provider_s_people_are_of_the_organisation_that_it_names(desk):
    other = found_another(desk.store, ME, NOW, "other")
    assert organisation_of(desk.store, entry()) == desk.tenant
    assert organisation_of(desk.store, entry(organisation="other")) == Tenant(other.organisation)
    with pytest.raises(Refusal) as caught:
        organisation_of(desk.store, entry(organisation="nowhere"))
    assert caught.value.status == 500


def test_someone_of_another_organisation_is_someone_else(desk):
    other = Tenant(found_another(desk.store, ME, NOW, "other").organisation)
    ann = desk.person()
    with desk.store.change(other, ME, NOW) as change:
        new = provision(change, other, entry(allowed_domains=["*"]), ANN, NOW)
    assert (new.id != ann.id, new.organisation) == (True, other.organisation)
    assert desk.store.get(desk.tenant, User, ann.id).subject == ""
