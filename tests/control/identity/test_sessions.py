"""Sessions, as someone who steals, keeps, guesses or forges one would find them."""

import msgspec
import pytest

from lockgate.control.identity import passwords, users
from lockgate.control.identity.login import change_password, log_in
from lockgate.control.identity.secrets import Keys, new_cookie
from lockgate.control.identity.sessions import (
    ABSOLUTE_US,
    COARSE_US,
    IDLE_US,
    MOST,
    begin,
    end,
    end_all,
    log_out,
    renew,
    shown,
    visit,
)
from lockgate.core.failure import Refusal
from lockgate.core.tenancy import Seat, Session, Tenant, User
from lockgate.stores.control.query import Absent
from lockgate.stores.ports import StoreError
from support.identity import PASSWORD
from support.tenants import ME, NOW


def begun(desk, user, **more):
    with desk.change() as change:
        return begin(change, desk.keys, user, desk.now_us, **more)


def visited(desk, cookie):
    return visit(desk.store, desk.keys, cookie, desk.now_us)


def nobody(desk, cookie):
    with pytest.raises(Refusal) as caught:
        visited(desk, cookie)
    return (caught.value.status, caught.value.code) == (401, "no_session")


def test_a_cookie_has_256_random_bits():
    assert len({new_cookie() for _ in range(100)}) == 100
    assert len(new_cookie()) == 43


def test_a_session_says_who_that_is_and_with_which_roles(desk):
    user = desk.person(role="admin", seats=[Seat(desk.workspace, "manager")])
    _, cookie = begun(desk, user)
    found = visited(desk, cookie)
    assert (found.user.email, found.role, found.tenant) == ("ann@example.com", "admin", Tenant(desk.organisation))
    assert found.seats == {desk.workspace: "manager"}
    assert repr(found) == f"Visit({user.id})"


def test_only_a_keyed_digest_of_the_cookie_is_kept(desk):
    session, cookie = begun(desk, desk.person())
    assert cookie not in msgspec.json.encode(session).decode()
    assert session.digest == desk.keys.digest(cookie) != Keys.of(b"other").digest(cookie)
    assert len(session.digest) == 32
    entries = desk.store.audit(desk.tenant)
    assert "digest" not in str([entry.detail for entry in entries if entry.resource_type == "session"])


def test_keys_have_each_their_purpose_and_are_not_shown():
    keys = Keys.of(b"k" * 32)
    assert len({keys.session, keys.csrf, keys.login, b"k" * 32}) == 4
    assert repr(keys) == "Keys()"


@pytest.mark.parametrize("cookie", ["", "x", "null", "0" * 43, "\udcff"])
def test_a_cookie_that_nobody_was_given_is_nobody_s(desk, cookie):
    begun(desk, desk.person())
    assert nobody(desk, cookie)


def test_neither_the_digest_nor_the_id_is_a_cookie(desk):
    session, cookie = begun(desk, desk.person())
    for guess in (
        session.digest.hex(),
        session.digest.decode("latin-1"),
        session.id,
        cookie[:20],
        cookie + "x",
        cookie.lower(),
    ):
        assert nobody(desk, guess)


def test_a_session_ends_twelve_hours_after_the_login_however_busy(desk):
    _, cookie = begun(desk, desk.person())
    for _ in range(24):
        visited(desk, cookie)
        desk.later(1800 - 0.000001)
    visited(desk, cookie)
    desk.later(0.000024)
    assert nobody(desk, cookie)


def test_a_session_ends_after_an_hour_of_silence(desk):
    _, cookie = begun(desk, desk.person())
    desk.later(3599)
    visited(desk, cookie)
    desk.later(3599)
    visited(desk, cookie)
    desk.later(3600)
    assert nobody(desk, cookie)
    assert (ABSOLUTE_US, IDLE_US) == (12 * 3600e6, 3600e6)


def test_a_busy_session_writes_once_a_minute_and_no_audit_entry(desk, monkeypatch):
    _, cookie = begun(desk, desk.person())
    writes = []
    see = desk.store.see
    monkeypatch.setattr(desk.store, "see", lambda session, now_us: (writes.append(now_us), see(session, now_us)))
    before, revision = len(desk.store.audit(desk.tenant)), desk.store.house().revision
    for _ in range(180):
        visited(desk, cookie)
        desk.later(1)
    assert [(at - NOW) / 1e6 for at in writes] == [60, 120]
    assert len(desk.store.audit(desk.tenant)) == before
    assert desk.store.house().revision == revision


def test_what_is_noted_of_a_session_that_changed_meanwhile_is_let_go(desk):
    session, old = begun(desk, desk.person())
    with desk.change() as change:
        renewed, new = renew(change, desk.keys, session)
    desk.store.see(session, desk.now_us + COARSE_US)
    assert visited(desk, new).session == renewed
    assert nobody(desk, old)
    with desk.change() as change:
        end(change, renewed)
    desk.store.see(renewed, desk.now_us + COARSE_US)
    assert nobody(desk, new)


def test_a_renewed_session_has_another_cookie_and_token_and_the_same_end(desk):
    session, old = begun(desk, desk.person())
    token = visited(desk, old).csrf
    desk.later(600)
    with desk.change() as change:
        renew(change, desk.keys, session)[0]
        _, new = renew(change, desk.keys, session)
    assert nobody(desk, old)
    found = visited(desk, new)
    assert (found.session.id, found.session.expires_us) == (session.id, session.expires_us)
    assert found.csrf != token


def test_logging_out_ends_the_session_on_the_server(desk):
    _, here = begun(desk, desk.person())
    _, there = begun(desk, users.by_email(desk.store, desk.organisation, "ann@example.com"))
    found = visited(desk, here)
    log_out(desk.store, ME, desk.now_us, found)
    assert nobody(desk, here)
    visited(desk, there)
    log_out(desk.store, ME, desk.now_us, found)  # again, without trouble
    log_out(desk.store, ME, desk.now_us, visited(desk, there), everywhere=True)
    assert nobody(desk, there)


def test_logging_out_everywhere_is_of_one_person(desk):
    ann, bob = desk.person(), desk.person("bob@example.com")
    cookies = [begun(desk, ann)[1] for _ in range(3)]
    session, kept = begun(desk, ann)
    _, other = begun(desk, bob)
    with desk.change() as change:
        assert end_all(change, ann.id, but=session.id) == 3
    assert all(nobody(desk, cookie) for cookie in cookies)
    assert visited(desk, kept).user == ann
    assert visited(desk, other).user == bob


def test_a_person_has_no_more_sessions_than_twenty_and_those_that_are_over_go_first(desk):
    user = desk.person()
    _, over = begun(desk, user)
    desk.later(3000)
    cookies = [begun(desk, user)[1] for _ in range(MOST - 1)]
    desk.later(1200)  # the first has been silent for more than an hour now
    cookies.append(begun(desk, user)[1])
    assert nobody(desk, over)
    for cookie in cookies:
        desk.later(61)
        visited(desk, cookie)
    cookies.append(begun(desk, user)[1])
    assert nobody(desk, cookies[0])
    for cookie in cookies[1:]:
        visited(desk, cookie)
    assert desk.store.page(desk.tenant, Session).total == MOST


def test_who_is_disabled_is_out_at_once_and_so_is_who_has_another_role(desk):
    desk.person("owner@example.com", role="owner")
    user = desk.person(role="admin")
    _, cookie = begun(desk, user)
    with desk.change() as change:
        user = users.set_role(change, user, "member")
    assert nobody(desk, cookie)
    _, cookie = begun(desk, user)
    with desk.change() as change:
        users.disable(change, user)
    assert nobody(desk, cookie)


def test_a_session_of_someone_disabled_elsewhere_is_nobody_s(desk):
    user = desk.person()
    _, cookie = begun(desk, user)
    with desk.change() as change:  # as someone would who forgot to end the sessions
        change.put(msgspec.structs.replace(user, status="disabled"))
    assert nobody(desk, cookie)


def test_a_session_whose_person_goes_while_it_is_looked_up_is_nobody_s(desk, monkeypatch):
    _, cookie = begun(desk, desk.person())

    def gone(*_):
        raise Absent

    monkeypatch.setattr(desk.store, "get", gone)
    assert nobody(desk, cookie)


def test_a_list_of_sessions_shows_which_one_this_is_and_no_digest(desk):
    user = desk.person()
    one, _ = begun(desk, user, client_ip="192.0.2.1", user_agent="x" * 1000)
    two, _ = begun(desk, user)
    told = shown(one, two)
    assert (told["current"], told["client_ip"], len(told["user_agent"])) == (False, "192.0.2.1", 256)
    assert shown(two, two)["current"]
    assert "digest" not in told


# --- logging in


def login(desk, email="ann@example.com", password=PASSWORD, browser=None):
    return log_in(
        desk.store,
        desk.vault,
        desk.keys,
        desk.throttle,
        browser or desk.browser(),
        desk.now_us,
        organisation=desk.organisation,
        email=email,
        password=password,
    )


def refused(desk, **more):
    with pytest.raises(Refusal) as caught:
        login(desk, **more)
    return caught.value.status, caught.value.code, caught.value.message


def test_a_login_begins_a_session_and_is_on_record(desk):
    desk.person()
    user, session, cookie = login(desk, email=" Ann@Example.COM ")
    found = visited(desk, cookie)
    assert (found.user, found.session) == (user, session)
    assert (session.client_ip, session.user_agent) == ("192.0.2.1", "Firefox")
    entry = desk.store.audit(desk.tenant)[0]
    assert (entry.action, entry.resource_type, entry.actor.name) == ("create", "session", "ann@example.com")
    assert (entry.actor.kind, entry.actor.uri, entry.actor.client_ip) == ("user", "/login", "192.0.2.1")


def test_everybody_who_is_not_let_in_is_told_the_same(desk, caplog):
    ann = desk.person()
    desk.person("sso@example.com", password="")
    gone = desk.person("gone@example.com")
    with desk.change() as change:
        users.disable(change, gone)
    kept = desk.vault.reveal(users.kept_hash(desk.store, ann))
    told = {
        refused(desk, password="wrong password"),
        refused(desk, password=""),
        refused(desk, password=kept),
        refused(desk, email="nobody@example.com"),
        refused(desk, email="' OR 1=1 --"),
        refused(desk, email="sso@example.com"),
        refused(desk, email="sso@example.com", password=""),
        refused(desk, email="gone@example.com"),
    }
    assert told == {(401, "login_failed", "The e-mail address or the password is not right.")}
    assert PASSWORD not in caplog.text
    assert desk.store.page(desk.tenant, Session).total == 0


def test_a_login_ends_the_session_that_the_browser_had(desk):
    desk.person()
    _, before, old = login(desk)
    _, _, new = login(desk, browser=desk.browser(before=before))
    assert nobody(desk, old)
    visited(desk, new)


def test_a_cookie_that_was_planted_is_not_taken_over(desk):
    desk.person()
    planted = new_cookie()
    _, _, cookie = login(desk)
    assert cookie != planted
    assert nobody(desk, planted)


def test_guessing_is_slowed_down_also_for_accounts_that_are_not_there(desk):
    desk.person()
    for email in ("ann@example.com", "nobody@example.com"):
        for n in range(10):
            assert refused(desk, email=email, password="guess", browser=desk.browser(f"192.0.2.{n}"))[0] == 401
        assert refused(desk, email=email, browser=desk.browser("192.0.2.77"))[0] == 429
    desk.later(31)
    login(desk)
    login(desk)


def test_an_outdated_hash_is_made_anew_at_the_login(desk, monkeypatch):
    import argon2

    user = desk.person(password="")
    with desk.change() as change:
        old = argon2.PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
        users.keep_hash(change, desk.vault, user, old)
    login(desk)
    sealed = users.kept_hash(desk.store, user)
    assert sealed.number == 2
    assert not passwords.outdated(desk.vault.reveal(sealed))
    login(desk)
    assert users.kept_hash(desk.store, user) == sealed


@pytest.mark.parametrize("happens", ["disabled", "another password"])
def test_what_happens_while_the_password_is_looked_at_counts(desk, monkeypatch, happens):
    user = desk.person()
    matches = passwords.matches

    def meanwhile(kept, password):
        with desk.change() as change:
            if happens == "disabled":
                users.disable(change, user)
            else:
                users.set_password(change, desk.vault, user, passwords.hashed("another good one", user.email))
        return matches(kept, password)

    monkeypatch.setattr(passwords, "matches", meanwhile)
    assert refused(desk)[0] == 401
    assert desk.store.page(desk.tenant, Session).total == 0


# --- another password


def changed(desk, cookie, old=PASSWORD, new="another good password"):
    return change_password(
        desk.store,
        desk.vault,
        desk.keys,
        desk.throttle,
        visited(desk, cookie),
        desk.browser(),
        desk.now_us,
        old=old,
        new=new,
    )


def test_another_password_leaves_one_new_session(desk):
    desk.person()
    cookies = [login(desk)[2] for _ in range(3)]
    _, new = changed(desk, cookies[0])
    assert all(nobody(desk, cookie) for cookie in cookies)
    visited(desk, new)
    assert refused(desk)[0] == 401
    login(desk, password="another good password")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"old": "wrong"}, "wrong_password"),
        ({"new": "short"}, "password_too_short"),
        ({"new": "ann@example.com"}, "password_is_email"),
    ],
)
def test_a_password_that_may_not_be_changed_stays(desk, said, code):
    desk.person()
    _, _, cookie = login(desk)
    with pytest.raises(Refusal) as caught:
        changed(desk, cookie, **said)
    assert caught.value.code == code
    visited(desk, cookie)
    login(desk)


def test_who_has_no_password_cannot_change_it(desk):
    user = desk.person(password="")
    _, cookie = begun(desk, user)
    with pytest.raises(Refusal, match="not right"):
        changed(desk, cookie, old="")


def test_guessing_the_old_password_is_slowed_down_too(desk):
    _, cookie = begun(desk, desk.person())
    for _ in range(10):
        with pytest.raises(Refusal, match="not right"):
            changed(desk, cookie, old="guess")
    with pytest.raises(Refusal) as caught:
        changed(desk, cookie)
    assert caught.value.status == 429


def test_who_is_logged_out_while_changing_the_password_has_not_changed_it(desk, monkeypatch):
    user = desk.person()
    _, cookie = begun(desk, user)
    hashed = passwords.hashed

    def meanwhile(password, email):
        with desk.change() as change:
            users.set_password(change, desk.vault, user, hashed("set by an administrator", email))
        return hashed(password, email)

    monkeypatch.setattr(passwords, "hashed", meanwhile)
    with pytest.raises(Refusal) as caught:
        changed(desk, cookie)
    assert caught.value.code == "no_session"
    login(desk, password="set by an administrator")


def test_a_person_of_another_organisation_is_not_let_in_here(desk):
    from support.tenants import found_another

    other = found_another(desk.store, ME, NOW)
    desk.person(tenant=Tenant(other.organisation))
    assert refused(desk)[0] == 401
    assert desk.store.page(Tenant(other.organisation), User).total == 1


def test_whoever_looks_is_not_refused_because_it_cannot_be_written_down_that_they_did(desk, monkeypatch):
    _, cookie = begun(desk, desk.person())
    desk.now_us += COARSE_US

    def full(*arguments):
        raise StoreError("the disk is full")

    monkeypatch.setattr(desk.store, "see", full)
    assert visited(desk, cookie).user.email == "ann@example.com"
