"""What every control store does, whatever its database."""

import inspect
import threading

import msgspec
import pytest

from lockgate.core.audit import Actor, BrokenChain, verify
from lockgate.core.holdings import Integration, Sealed, VirtualKey
from lockgate.core.tenancy import ApiKey, Organisation, Session, Tenant, Workspace, new_id
from lockgate.stores.control.change import MOST_WRAPS
from lockgate.stores.control.query import Absent, InUse, Stale, Taken
from lockgate.stores.control.store import ControlStore, HouseKey
from lockgate.stores.control.tables import TABLES
from lockgate.stores.ports import StoreError
from support.tenants import KEY, ME, NOW, api_key, found_another, one_of_each, organisation, workspace


def added(store, tenant, *rows):
    with store.change(tenant, ME, NOW) as change:
        return [change.add(row) for row in rows]


def test_a_new_store_has_a_place_to_begin_with(store):
    house = store.house()
    assert store.get(house.home, Organisation, house.organisation).slug == "default"
    assert store.get(house.home, Workspace, house.workspace).slug == "default"


def test_every_noun_is_kept_and_found_again(store):
    home = store.house().home
    for row in one_of_each(home):
        (kept,) = added(store, home, row)
        assert kept.version == 1
        assert kept.created_us == NOW
        assert store.get(home, type(row), row.id) == kept
        assert store.page(home, type(row), id=row.id).rows == [kept]


def test_there_is_a_test_row_for_every_noun(store):
    assert {type(row) for row in one_of_each(Tenant("o", "w"))} | {Organisation, Workspace} == set(TABLES)


def test_a_row_of_another_organisation_is_not_there(store):
    home = store.house().home
    other = found_another(store, ME, NOW)
    for row in added(store, other, *one_of_each(other)):
        for stranger in (home, Tenant(home.organisation), Tenant(home.organisation, other.workspace)):
            nothing_of(store, stranger, row)


def test_a_row_of_another_workspace_is_not_there(store):
    home = store.house().home
    (work,) = added(store, Tenant(home.organisation), workspace(home))
    other = Tenant(home.organisation, work.id)
    for row in added(store, other, *one_of_each(other)):
        if TABLES[type(row)].in_workspaces:
            nothing_of(store, home, row)
            assert store.get(Tenant(home.organisation), type(row), row.id) == row
    nothing_of(store, home, work)


def nothing_of(store, stranger, row):
    """By no way of the repository does a stranger get, or change, the row."""
    with pytest.raises(Absent):
        store.get(stranger, type(row), row.id)
    with pytest.raises(Absent):
        store.find(stranger, type(row), id=row.id)
    assert store.page(stranger, type(row), id=row.id).total == 0
    for attempt in (
        lambda change: change.get(type(row), row.id),
        lambda change: change.find(type(row), id=row.id),
        lambda change: change.put(row),
        lambda change: change.remove(row),
        lambda change: change.add(msgspec.structs.replace(row, id=new_id())),
        lambda change: change.put(msgspec.structs.replace(row, organisation=stranger.organisation)),
        lambda change: change.remove(msgspec.structs.replace(row, organisation=stranger.organisation)),
    ):
        with pytest.raises(Absent), store.change(stranger, ME, NOW) as change:
            attempt(change)
    with store.change(stranger, ME, NOW) as change:
        assert change.all(type(row), id=row.id) == []


#: What the store tells without a tenant, and why that shows nobody what is another's.
HOUSE_WIDE = {
    "close": "tells nothing",
    "house": "the revision, and where to begin",
    "same": "whether something changed",
    "session": "by the digest of a cookie, which is the proof",
    "organisation": "by a slug, which names it to the world",
    "see": "nothing; it keeps a time beside a session that the caller has",
    "changes": "for the compiler of the Snapshot",
    "each": "for the compiler of the Snapshot",
    "chain": "for the verifier of the audit log",
    "house_keys": "wrapped keys, for the vault",
    "set_root": "for the vault",
    "add_house_key": "for the vault",
    "wraps": "a count, for the vault",
    "sealed_by_others": "ids, for the vault",
}


def test_every_method_takes_a_tenant_or_is_known_to_need_none():
    for name, method in inspect.getmembers(ControlStore, inspect.isfunction):
        if not name.startswith("_"):
            takes = "tenant" in inspect.signature(method).parameters
            assert takes != (name in HOUSE_WIDE), name


def test_pages_are_newest_first_and_counted(store):
    home = store.house().home
    for n in range(5):
        with store.change(home, ME, NOW + n) as change:
            change.add(api_key(home, f"k{n}"))
    page = store.page(home, ApiKey, limit=2, offset=1)
    assert [key.name for key in page.rows] == ["k3", "k2"]
    assert page.total == 5


def test_a_column_that_is_none_is_our_mistake(store):
    with pytest.raises(ValueError, match="no column body"):
        store.page(store.house().home, ApiKey, body="x")


def test_what_says_nothing_is_found_by_nothing(store):
    home = store.house().home
    organisational = Tenant(home.organisation)
    added(store, organisational, api_key(organisational, "of all"), api_key(home, "of one"))
    assert [key.name for key in store.page(organisational, ApiKey, workspace="").rows] == ["of all"]


def test_a_change_counts_versions_and_keeps_the_birthday(store):
    home = store.house().home
    (key,) = added(store, home, api_key(home))
    with store.change(home, ME, NOW + 7) as change:
        put = change.put(msgspec.structs.replace(key, name="renamed", created_us=1))
    assert (put.version, put.created_us, put.changed_us) == (2, NOW, NOW + 7)
    assert store.get(home, ApiKey, key.id) == put


def test_a_change_of_what_was_changed_since_is_refused(store):
    home = store.house().home
    (key,) = added(store, home, api_key(home))
    with store.change(home, ME, NOW) as change:
        change.put(msgspec.structs.replace(key, name="first"))
    for attempt in ("put", "remove"):
        with pytest.raises(Stale), store.change(home, ME, NOW) as change:
            getattr(change, attempt)(msgspec.structs.replace(key, name="second"))
    assert store.get(home, ApiKey, key.id).name == "first"


def test_of_two_who_change_the_same_row_at_once_one_is_refused(store, url, opened):
    home = store.house().home
    (key,) = added(store, home, api_key(home))
    others = [opened(url) for _ in range(4)]
    ready, ended = threading.Barrier(4), []

    def put(other, name):
        ready.wait()
        try:
            with other.change(home, ME, NOW) as change:
                change.put(msgspec.structs.replace(key, name=name))
            ended.append(name)
        except Stale:
            ended.append("stale")

    threads = [threading.Thread(target=put, args=(other, f"n{n}")) for n, other in enumerate(others)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ended)[1:] == ["stale"] * 3
    assert store.get(home, ApiKey, key.id).name == sorted(ended)[0]


def test_a_slug_is_taken_once_in_its_place(store):
    home = store.house().home
    account = Integration(id=new_id(), organisation=home.organisation, slug="a", name="A", provider="openai")
    all_of_it = Tenant(home.organisation)
    (account, work) = added(store, all_of_it, account, workspace(home))

    def virtual(place):
        return VirtualKey(
            id=new_id(), organisation=home.organisation, workspace=place, slug="v", name="V", integration=account.id
        )

    added(store, all_of_it, virtual(home.workspace), virtual(work.id))
    for row in (virtual(work.id), msgspec.structs.replace(account, id=new_id()), workspace(home)):
        with pytest.raises(Taken, match="taken"):
            added(store, all_of_it, row)


def test_nothing_points_out_of_its_organisation(store):
    """An id of another organisation's row does not make it one's own."""
    home = store.house().home
    other = found_another(store, ME, NOW)
    theirs = next(row for row in added(store, other, *one_of_each(other)) if isinstance(row, Integration))
    with pytest.raises(InUse):
        added(
            store,
            home,
            VirtualKey(
                id=new_id(),
                organisation=home.organisation,
                workspace=home.workspace,
                slug="v",
                name="V",
                integration=theirs.id,
            ),
        )


def test_what_others_belong_to_stays(store):
    home = store.house().home
    account = next(row for row in added(store, home, *one_of_each(home)) if isinstance(row, Integration))
    with pytest.raises(InUse), store.change(home, ME, NOW) as change:
        change.remove(account)
    assert store.get(home, Integration, account.id) == account


def test_a_change_is_whole_or_nothing(store):
    home = store.house().home
    before = store.house().revision
    with pytest.raises(RuntimeError), store.change(home, ME, NOW) as change:
        change.add(api_key(home))
        raise RuntimeError
    assert store.page(home, ApiKey).total == 0
    assert store.house().revision == before
    assert store.audit(home) == []


def test_a_row_that_goes_takes_its_secrets_along(store):
    home = store.house().home
    rows = added(store, home, *one_of_each(home))
    with store.change(home, ME, NOW) as change:
        for row in rows:
            if isinstance(row, VirtualKey):
                change.remove(row)
        for row in rows:
            if isinstance(row, Integration):
                change.remove(row)
    assert store.page(home, Sealed).total == 0


# --- the feed


def test_the_revision_grows_with_each_change_and_only_then(store):
    home = store.house().home
    start = store.house().revision
    added(store, home, api_key(home))
    assert store.house().revision == start + 1
    with store.change(home, ME, NOW):
        pass
    assert store.house().revision == start + 1


def test_the_feed_tells_what_is_new_changed_and_gone(store):
    home = store.house().home
    kept, changed, gone = added(store, home, api_key(home, "kept"), api_key(home, "changed"), api_key(home, "gone"))
    first = store.changes([ApiKey])
    assert {key.name for key in first.rows[ApiKey]} == {"kept", "changed", "gone"}
    with store.change(home, ME, NOW) as change:
        change.put(msgspec.structs.replace(changed, name="renamed"))
        change.remove(gone)
        new = change.add(api_key(home, "new"))
    second = store.changes([ApiKey], first.revision)
    assert {key.id for key in second.rows[ApiKey]} == {changed.id, new.id}
    assert second.gone == {"api_keys": {gone.id}}
    assert store.changes([ApiKey], second.revision).rows == {ApiKey: []}
    assert kept in first.rows[ApiKey]


def test_many_rows_are_told_in_parts(store, monkeypatch):
    monkeypatch.setattr("lockgate.stores.control.store._BATCH", 2)
    home = store.house().home
    first = added(store, home, *(api_key(home) for _ in range(4)))
    revision = store.house().revision
    (last,) = added(store, home, api_key(home))
    assert sorted(key.id for key in store.each(ApiKey)) == sorted(key.id for key in [*first, last])
    assert list(store.each(ApiKey, revision)) == [last]


def test_a_store_that_nobody_changed_is_the_same_or_cannot_tell(store, url, opened):
    home = store.house().home
    store.same()
    if not store.same():
        return  # a server tells by the revision alone
    other = opened(url)
    added(other, home, api_key(home))
    assert not store.same()
    assert store.same()


# --- the audit log


def test_each_change_is_in_the_audit_log_with_who_and_what(store):
    home = store.house().home
    who = Actor("user", "u1", "Ann", "PUT", "/v1/api-keys/1", "r1", "192.0.2.1", "CH")
    with store.change(home, who, NOW) as change:
        key = change.add(api_key(home))
    with store.change(home, who, NOW + 1) as change:
        key = change.put(msgspec.structs.replace(key, name="renamed"), "rotate")
        change.remove(key)
    gone, renamed, made = store.audit(home)
    assert (made.seq, made.time_us, made.action, made.resource_type, made.resource_id) == (1, NOW, "create", "api-key", key.id)
    assert made.detail["name"] == "app"
    assert (renamed.action, renamed.detail) == ("rotate", {"name": "renamed"})
    assert (gone.action, gone.actor) == ("delete", who)


def test_the_audit_log_shows_no_digest(store):
    home = store.house().home
    added(store, home, *one_of_each(home))
    assert all("digest" not in entry.detail for entry in store.audit(home))


def test_audit_entries_are_their_tenants_own(store):
    home = store.house().home
    other = found_another(store, ME, NOW)
    added(store, home, api_key(home))
    added(store, Tenant(home.organisation), api_key(Tenant(home.organisation)))
    assert [(entry.resource_type, entry.resource_id) for entry in store.audit(other)] == [("workspace", other.workspace)]
    assert len(store.audit(Tenant(other.organisation))) == 2
    assert len(store.audit(home, since_us=NOW)) == 1
    assert [entry.workspace for entry in store.trail(home, NOW, NOW + 1)] == [home.workspace]
    assert {entry.workspace for entry in store.trail(Tenant(home.organisation), NOW, NOW + 1)} == {home.workspace, ""}
    assert len(store.audit(Tenant(home.organisation), since_us=NOW, until_us=NOW)) == 0


def test_the_chain_holds_and_shows_what_was_altered(store):
    home = store.house().home
    for n in range(3):
        added(store, home, api_key(home, f"k{n}"))
    links = list(store.chain())
    assert verify(KEY, links) == (3, links[-1].hash)
    assert verify(KEY, store.chain(2), links[1].hash, 2) == (3, links[-1].hash)
    for broken in (
        [links[0], links[2]],
        [links[1], links[0], links[2]],
        links[1:],
        [links[0], msgspec.structs.replace(links[1], entry=links[1].entry.replace(b'"k1"', b'"kx"')), links[2]],
    ):
        with pytest.raises(BrokenChain):
            verify(KEY, broken)
    with pytest.raises(BrokenChain):
        verify(b"b" * 32, links)


def test_a_long_chain_is_read_in_parts(store, monkeypatch):
    monkeypatch.setattr("lockgate.stores.control.store._BATCH", 2)
    home = store.house().home
    added(store, home, *(api_key(home) for _ in range(4)))
    assert verify(KEY, store.chain())[0] == 4


def test_nothing_is_changed_that_cannot_be_written_into_the_audit_log(store):
    home = store.house().home
    store.audit_key = b""
    with pytest.raises(StoreError, match="audit"):
        added(store, home, api_key(home))
    store.audit_key = KEY
    with store._driver.writing() as connection:
        connection.run("ALTER TABLE audit RENAME TO elsewhere")
    with pytest.raises(StoreError):
        added(store, home, api_key(home))
    assert store.page(home, ApiKey).total == 0


# --- sessions, and keys of the house


def test_a_session_is_found_by_its_digest_alone(store):
    home = store.house().home
    session = next(row for row in added(store, home, *one_of_each(home)) if isinstance(row, Session))
    assert store.session(session.digest) == session
    assert store.session(b"other") is None


def test_the_root_is_set_by_one_who_knew_the_last(store):
    key = HouseKey("audit", "r1", b"wrapped")
    assert store.set_root("r1", [key], "")
    assert not store.set_root("r2", [], "")
    assert store.house().root == "r1"
    assert store.house_keys() == {"audit": key}
    assert store.set_root("r2", [HouseKey("audit", "r2", b"again")], "r1")
    assert store.house_keys()["audit"].root == "r2"
    assert "wrapped" not in repr(key)


def test_wraps_are_counted_and_bounded(store):
    home = store.house().home
    sealed = next(row for row in added(store, home, *one_of_each(home)) if isinstance(row, Sealed))
    with store.change(home, ME, NOW) as change:
        change.put(sealed)
    assert (store.wraps("r1"), store.wraps("r2")) == (2, 0)
    assert store.sealed_by_others("r1", 10) == []
    assert store.sealed_by_others("r2", 10) == [(home.organisation, sealed.id)]
    with store._driver.writing() as connection:
        connection.run("UPDATE roots SET wraps = ?", (MOST_WRAPS - 1,))
    with pytest.raises(StoreError, match="rotate"), store.change(home, ME, NOW) as change:
        change.put(msgspec.structs.replace(sealed, version=2))


def test_an_organisation_is_its_own(store):
    row = organisation()
    with pytest.raises(Absent), store.change(Tenant(row.id), ME, NOW) as change:
        change.add(msgspec.structs.replace(row, id=new_id()))


def test_reprs_say_little(store):
    home = store.house().home
    assert "Control" in repr(store)
    with store.change(home, ME, NOW) as change:
        change.add(api_key(home))
        assert repr(change).startswith("Change(")
