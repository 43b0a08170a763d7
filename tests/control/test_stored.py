"""What the control store holds, as the world is made of it: followed change by change, each workspace with its own."""

import msgspec
import pytest

from lockgate.control import integrations, keys, providers
from lockgate.control.config import BadConfig
from lockgate.control.references import FRESH_S
from lockgate.control.stored import Stored
from lockgate.control.vault import Vault
from lockgate.control.watch import Watch
from lockgate.core.call import Call
from lockgate.core.failure import Refusal
from lockgate.core.holdings import (
    GlobalAccess,
    Integration,
    SavedConfig,
    Sealed,
    SecretMapping,
    SecretReference,
    VirtualKey,
    WorkspaceAccess,
)
from lockgate.core.tenancy import Defaults, Membership, Organisation, Tenant, User, Workspace, new_id
from lockgate.pipeline.admit import admit
from lockgate.pipeline.choose import Ask
from lockgate.stores.ports import StoreError
from support.house import first_target, make_house
from support.tenants import ME, NOW, found_another, workspace

SECRET = "sk-stored-0123456789abcdef"


@pytest.fixture
def house(tmp_path):
    return make_house(tmp_path)


@pytest.fixture
def store(house):
    with house.control() as store:
        yield store


@pytest.fixture
def home(store):
    return store.house().home


def add(house, store, tenant, slug="mine", **said):
    said = {"provider": "openai", "key": SECRET, **said}
    return providers.add_provider(store, house.vault(store), tenant, ME, NOW, slug, **said)


def another_workspace(store, home, slug="work", **more):
    whole = Tenant(home.organisation)
    with store.change(whole, ME, NOW) as change:
        row = change.add(msgspec.structs.replace(workspace(home, slug), **more))
    return Tenant(home.organisation, row.id)


def who(house, store, world, tenant, **more):
    """A caller with a key of that tenant."""
    _, text = keys.create(store, house.pepper, tenant, ME, NOW, name="app", **more)
    world = house.snapshot()
    principal, _ = admit({b"authorization": f"Bearer {text}".encode()}, world)
    return principal, world.seen_by(principal)


def seen(house, store, tenant):
    """The world as a key of that tenant sees it."""
    return who(house, store, None, tenant)[1]


def test_a_stored_provider_is_used_with_its_key(house, store, home):
    add(house, store, home)
    provider = house.snapshot().providers["mine"]
    assert (provider.row.slug, provider.secret()) == ("openai", SECRET.encode())
    assert provider.destination.host == "api.openai.com"


def test_its_key_stands_in_no_file(house, store, home):
    add(house, store, home)
    store.close()
    assert not any(SECRET[3:20].encode() in file.read_bytes() for file in house.data.rglob("*") if file.is_file())


def test_a_stored_provider_comes_before_the_environments(tmp_path):
    house = make_house(tmp_path, OPENAI_API_KEY="sk-environment")
    with house.control() as store:
        add(house, store, store.house().home, "openai")
    assert house.snapshot().providers["openai"].secret() == SECRET.encode()


def test_a_slug_in_the_file_and_in_the_store_is_a_mistake_with_its_path(tmp_path):
    house = make_house(tmp_path, "providers: {mine: {provider: openai, api_key: k}}\nconfigs: {pc-x: {provider: '@mine'}}")
    with house.control() as store:
        home = store.house().home
        add(house, store, home)
        save(store, home, "pc-x", b'{"provider": "@mine"}')
    with pytest.raises(BadConfig) as told:
        house.snapshot()
    assert {mistake.path for mistake in told.value.mistakes} == {"providers.mine", "configs.pc-x"}


def test_removing_a_provider_takes_its_account_and_its_secret(house, store, home):
    add(house, store, home)
    house.snapshot()
    providers.remove_provider(store, home, ME, NOW, "mine")
    assert "mine" not in house.snapshot().providers
    assert store.page(home, Integration).total == store.page(home, Sealed).total == 0
    with pytest.raises(Refusal, match="@mine"):
        providers.remove_provider(store, home, ME, NOW, "mine")


def test_an_account_that_has_another_name_stays(house, store, home):
    key = add(house, store, home)
    with store.change(home, ME, NOW) as change:
        providers.add_virtual_key(change, home, change.get(Integration, key.integration), name="second", slug="second")
    providers.remove_provider(store, home, ME, NOW, "mine")
    assert set(house.snapshot().providers) >= {"second"}


def test_another_key_is_taken_and_the_old_one_is_gone(house, store, home):
    key = add(house, store, home)
    house.snapshot()
    providers.rotate_provider(store, house.vault(store), home, ME, NOW, "mine", "sk-another-key-of-theirs")
    assert house.snapshot().providers["mine"].secret() == b"sk-another-key-of-theirs"
    (sealed,) = store.page(home, Sealed, owner=key.integration).rows
    assert (sealed.number, sealed.hint) == (2, "eirs")


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ({"provider": "klingon"}, "provider"),
        ({"key": ""}, "key"),
        ({"configurations": {"surprise": 1}}, "configurations.surprise"),
        ({"configurations": {"azure_deployment_config": 1}}, "configurations"),
        ({"configurations": {"aws_region": 1}}, "configurations"),
    ],
)
def test_an_account_that_cannot_be_one_is_refused_and_not_kept(house, store, home, said, param):
    with pytest.raises(Refusal) as told:
        add(house, store, home, **said)
    assert told.value.param == param
    assert store.page(home, Integration).total == 0


def test_a_slug_that_is_none_is_refused(house, store, home):
    with pytest.raises(Refusal, match="slug"):
        add(house, store, home, "Not A Slug")


def test_a_stored_thing_that_has_gone_bad_is_left_out_and_told_once(house, store, home, caplog):
    key = add(house, store, home)
    add(house, store, home, "good")
    with store.change(home, ME, NOW) as change:
        account = change.get(Integration, key.integration)
        change.put(msgspec.structs.replace(account, provider="gone-from-the-table"))
    assert "good" in house.snapshot().providers
    assert "mine" not in house.snapshot().providers
    assert caplog.text.count("stored provider @mine") == 1


def test_a_secret_that_was_tampered_with_is_left_out_and_the_rest_goes_on(house, store, home, caplog):
    key = add(house, store, home)
    add(house, store, home, "good")
    with store.change(home, ME, NOW) as change:
        sealed = change.find(Sealed, owner=key.integration)
        change.put(msgspec.structs.replace(sealed, box=sealed.box[:-1] + bytes([sealed.box[-1] ^ 1])))
    assert set(house.snapshot().providers) >= {"good"}
    assert "mine" not in house.snapshot().providers
    assert "not as it was sealed" in caplog.text


# --- who sees what


def test_a_workspace_sees_its_own_and_what_the_file_declares(tmp_path):
    house = make_house(tmp_path, "providers: {declared: {provider: openai, api_key: k}}\naliases: {fast: '@declared/gpt-4o'}")
    with house.control() as store:
        home = store.house().home
        work = another_workspace(store, home)
        add(house, store, home, "of-home")
        add(house, store, work, "of-work")
        assert seen(house, store, home).providers.keys() >= {"declared", "of-home"}
        assert "of-work" not in seen(house, store, home).providers
        view = seen(house, store, work)
        assert view.providers.keys() >= {"declared", "of-work"}
        assert "of-home" not in view.providers
        assert view.aliases == {"fast": "@declared/gpt-4o"}
        empty = another_workspace(store, home, "empty")
        assert not {"of-home", "of-work"} & seen(house, store, empty).providers.keys()
        assert "declared" in seen(house, store, empty).providers


def test_the_same_slug_in_two_workspaces_is_two_providers(house, store, home):
    work = another_workspace(store, home)
    add(house, store, home, key="sk-of-home-0123456789")
    add(house, store, work, key="sk-of-work-0123456789")
    assert seen(house, store, home).providers["mine"].secret() == b"sk-of-home-0123456789"
    assert seen(house, store, work).providers["mine"].secret() == b"sk-of-work-0123456789"


def test_an_account_that_is_limited_holds_back_no_other_workspace(house, store, home):
    """Two workspaces have a provider of the same slug: what is known of its health is each one's own."""
    work = another_workspace(store, home)
    add(house, store, home)
    add(house, store, work)
    call = Call("r", "t", NOW, 0.0, "POST", "/v1/chat/completions", b"", {}, "chat", "openai.chat")
    keys_known = set()
    for tenant in (home, work):
        principal, view = who(house, store, None, tenant)
        target = first_target(call, Ask("@mine/gpt-4o"), principal, view)
        keys_known.add(target.key)
    assert keys_known == {("mine", "gpt-4o"), (f"{work.workspace}/mine", "gpt-4o")}


def test_another_organisation_sees_nothing_of_ours(tmp_path):
    house = make_house(tmp_path, "providers: {declared: {provider: openai, api_key: k}}\naliases: {fast: '@declared/gpt-4o'}")
    with house.control() as store:
        add(house, store, store.house().home)
        other = found_another(store, ME, NOW)
        for tenant in (other, Tenant(other.organisation)):
            view = seen(house, store, tenant)
            assert not {"declared", "mine"} & view.providers.keys()
            assert (view.aliases, view.routes) == ({}, {})
        add(house, store, other, "theirs")
        assert "theirs" in seen(house, store, other).providers
        assert "theirs" not in seen(house, store, Tenant(other.organisation)).providers
        assert "theirs" not in house.snapshot().providers


def test_every_provider_is_known_to_what_watches_over_secrets(house, store, home):
    work = another_workspace(store, home)
    add(house, store, home, "a")
    add(house, store, work, "b")
    world = house.snapshot()
    slugs = [provider.slug for provider in world.everywhere()]
    assert {"a", "b"} <= set(slugs)
    assert len(slugs) == len(set(slugs))


def test_an_account_of_the_organisation_is_used_where_it_is_open(house, store, home):
    whole, work = Tenant(home.organisation), another_workspace(store, home)
    vault = house.vault(store)
    with store.change(whole, ME, NOW) as change:
        account = integrations.add_integration(change, vault, whole, name="Ours", provider="openai", key=SECRET, slug="ours")
        for tenant in (home, work):
            providers.add_virtual_key(change, tenant, account, name="v", slug="v")
    assert "v" in seen(house, store, work).providers
    closed = msgspec.structs.replace(account, workspaces=[WorkspaceAccess(work.workspace, enabled=False)])
    with store.change(whole, ME, NOW) as change:
        closed = change.put(closed)
    assert "v" not in seen(house, store, work).providers
    assert "v" in seen(house, store, home).providers
    with store.change(whole, ME, NOW) as change:
        shut = change.put(msgspec.structs.replace(closed, everyone=GlobalAccess(enabled=False)))
    assert "v" not in seen(house, store, home).providers
    with pytest.raises(Refusal, match="may not be used"), store.change(whole, ME, NOW) as change:
        providers.add_virtual_key(change, home, shut, name="w")
    with pytest.raises(Refusal, match="rotate it there"):
        providers.rotate_provider(store, vault, home, ME, NOW, "v", "sk-other")


def test_a_virtual_key_expires(house, store, home):
    key = add(house, store, home)
    with store.change(home, ME, NOW) as change:
        change.put(msgspec.structs.replace(change.get(VirtualKey, key.id), expires_us=1))
    assert "mine" not in house.snapshot().providers


def test_what_a_key_does_not_say_its_workspace_and_organisation_say(house, store, home):
    whole = Tenant(home.organisation)
    who(house, store, None, home)  # known before
    with store.change(whole, ME, NOW) as change:
        org, work = change.get(Organisation, home.organisation), change.get(Workspace, home.workspace)
        change.put(msgspec.structs.replace(org, defaults=Defaults({"from": "org", "org": "1"}, config="pc-org")))
        change.put(msgspec.structs.replace(work, defaults=Defaults({"from": "work"})))
    principal, _ = who(house, store, None, home, defaults={"metadata": {"from": "key", "key": "1"}})
    assert principal.metadata == {"from": "org", "org": "1", "key": "1"}
    assert principal.config == "pc-org"
    for other in house.snapshot().keys.values():
        if other.organisation:
            assert other.config == "pc-org"


def test_the_keys_of_a_person_who_is_disabled_do_not_hold(house, store, home):
    whole = Tenant(home.organisation)
    with store.change(whole, ME, NOW) as change:
        ann = change.add(User(id=new_id(), organisation=home.organisation, email="ann@example.com"))
        change.add(Membership(id=new_id(), organisation=home.organisation, workspace=home.workspace, user=ann.id))
    principal, _ = who(house, store, None, home, kind="user", user=ann.id)
    assert principal.user == ann.id
    with store.change(whole, ME, NOW) as change:
        change.put(msgspec.structs.replace(ann, status="disabled"))
    assert all(key.id != principal.id for key in house.snapshot().keys.values())


@pytest.fixture
def ann(store, home):
    """A person who manages the workspace to begin with, and has another beside it."""
    with store.change(Tenant(home.organisation), ME, NOW) as change:
        ann = change.add(User(id=new_id(), organisation=home.organisation, email="ann@example.com"))
    work = another_workspace(store, home)
    for place in (home, work):
        seat(store, ann, place, "manager")
    return ann


def seat(store, user, place, role):
    """Give a person a role in a workspace; "": none."""
    with store.change(Tenant(user.organisation), ME, NOW) as change:
        for row in change.all(Membership, user=user.id, workspace=place.workspace):
            change.remove(row)
        if role:
            made = Membership(id=new_id(), organisation=user.organisation, workspace=place.workspace, user=user.id, role=role)
            change.add(made)


def scopes_of(house, key):
    """What a key may do now; None: it opens nothing."""
    return next((who.scopes for who in house.snapshot().keys.values() if who.id == key.id), None)


def test_a_persons_key_does_what_the_person_may_do_now(house, store, home, ann):
    said = {"name": "a", "kind": "user", "user": ann.id, "scopes": ["completions.write", "proxy.write", "configs.update"]}
    key, _ = keys.create(store, house.pepper, home, ME, NOW, **said)
    whole, _ = keys.create(store, house.pepper, Tenant(home.organisation), ME, NOW, **said)
    of_service, _ = keys.create(store, house.pepper, home, ME, NOW, name="s", scopes=said["scopes"])
    assert scopes_of(house, key) == scopes_of(house, whole) == set(said["scopes"])
    seat(store, ann, home, "member")
    assert scopes_of(house, key) == {"completions.write"}
    assert scopes_of(house, whole) == set(said["scopes"]), "what they may do in any of their places"
    seat(store, ann, home, "manager")
    assert scopes_of(house, key) == set(said["scopes"]), "and again, once they may"
    seat(store, ann, home, "")
    assert scopes_of(house, key) is None
    assert scopes_of(house, of_service) == set(said["scopes"])


def test_who_is_an_administrator_no_more_keeps_what_their_places_bring(house, store, home, ann):
    everything = {"name": "a", "kind": "user", "user": ann.id, "scopes": ["admin"]}
    with store.change(Tenant(home.organisation), ME, NOW) as change:
        admin = change.put(msgspec.structs.replace(ann, role="admin"))
    key, _ = keys.create(store, house.pepper, Tenant(home.organisation), ME, NOW, **everything)
    assert "admin" in scopes_of(house, key)
    with store.change(Tenant(home.organisation), ME, NOW) as change:
        change.put(msgspec.structs.replace(admin, role="member"))
    held = scopes_of(house, key)
    assert "admin" not in held and "organisations.update" not in held and "configs.update" in held


def test_another_role_of_one_person_reads_the_keys_of_no_other(house, store, home, ann):
    for n in range(20):
        keys.create(store, house.pepper, home, ME, NOW, name=f"k{n}")
    said = {"kind": "user", "user": ann.id}
    mine, _ = keys.create(store, house.pepper, home, ME, NOW, name="a", **said)
    counting, stored = Counting(store), Stored()
    stored.follow(counting, None, house.scopes, NOW)
    counting.read = 0
    seat(store, ann, home, "")
    assert stored.follow(counting, None, house.scopes, NOW)
    assert counting.read == 1 and mine.id not in {who.id for who in stored.keys.values()}
    assert len(stored.keys) == 20


# --- what a stored account may not do


def test_an_account_that_is_not_the_operators_gets_no_identity_of_the_machine(house, store, home, caplog):
    managed = {"azure_auth_mode": "managed", "azure_resource_name": "resource"}
    with pytest.raises(Refusal, match="identity of the gateway"):
        add(house, store, home, provider="azure-openai", key="", configurations=managed)
    key = add(house, store, home, provider="azure-openai", key="", own_identity=True, configurations=managed)
    assert "mine" in house.snapshot().providers
    with store.change(home, ME, NOW) as change:  # however it came there
        change.put(msgspec.structs.replace(change.get(Integration, key.integration), own_identity=False))
    assert "mine" not in house.snapshot().providers
    assert "identity of the gateway" in caplog.text


def test_an_address_that_is_not_the_operators_is_not_trusted(house, store, home):
    there = {"custom_host": "https://llm.example.com/v1"}
    add(house, store, home, configurations=there)
    add(house, store, home, "ours", configurations=there, own_identity=True)
    world = house.snapshot()
    assert not world.providers["mine"].destination.trusted
    assert world.providers["ours"].destination.trusted


def test_an_account_without_an_enabled_model_has_none(house, store, home):
    add(house, store, home, allow_all_models=False)
    assert not house.snapshot().providers["mine"].admits("gpt-4o")


# --- configs


def save(store, tenant, slug, config):
    with store.change(tenant, ME, NOW) as change:
        return change.add(
            SavedConfig(
                id=new_id(),
                organisation=tenant.organisation,
                workspace=tenant.workspace,
                slug=slug,
                name=slug,
                number=1,
                config=msgspec.Raw(config),
            )
        )


def test_a_stored_config_is_a_route_of_its_workspace(house, store, home):
    work = another_workspace(store, home)
    save(store, home, "pc-a", b'{"provider": "openai"}')
    save(store, work, "pc-b", b'{"strategy": {"mode": "fallback"}, "targets": [{"provider": "openai"}]}')
    assert house.snapshot().routes.keys() == {"pc-a"}
    assert seen(house, store, work).routes.keys() == {"pc-b"}


@pytest.mark.parametrize("written", [b'{"surprise": 1}', b'{"strategy": {"mode": "conditional"}}'])
def test_a_stored_config_that_cannot_be_one_is_left_out_and_told(house, store, home, written, caplog):
    save(store, home, "pc-bad", written)
    save(store, home, "pc-good", b'{"provider": "openai"}')
    assert house.snapshot().routes.keys() == {"pc-good"}
    assert "stored config pc-bad" in caplog.text


# --- following


class Counting:
    """A store that counts what is read of it."""

    def __init__(self, store):
        self._store = store
        self.read = 0

    def house(self):
        return self._store.house()

    def each(self, noun, since=0):
        for row in self._store.each(noun, since):
            self.read += 1
            yield row

    def page(self, *tenant, **where):
        found = self._store.page(*tenant, **where)
        self.read += len(found.rows)
        return found

    def changes(self, nouns, since=0):
        found = self._store.changes(nouns, since)
        self.read += sum(map(len, found.rows.values()))
        return found


def test_only_what_has_changed_is_read(house, store, home):
    counting, stored = Counting(store), Stored()
    made = [keys.create(store, house.pepper, home, ME, NOW, name=f"k{n}")[0] for n in range(20)]
    assert stored.follow(counting, None, house.scopes, NOW)
    before, counting.read = stored.keys, 0
    assert not stored.follow(counting, None, house.scopes, NOW)
    assert counting.read == 0
    keys.revoke(store, home, ME, NOW, made[0].id)
    assert stored.follow(counting, None, house.scopes, NOW)
    assert counting.read == 1
    assert len(stored.keys) == len(before) - 1
    assert len(before) == 20  # a Snapshot may still live on it


def test_trouble_on_the_way_changes_nothing(house, store, home):
    class Broken(Counting):
        def each(self, noun, since=0):
            yield from super().each(noun, since)
            raise StoreError("gone")

    stored = Stored()
    keys.create(store, house.pepper, home, ME, NOW, name="a")
    stored.follow(store, None, house.scopes, NOW)
    before = (stored.revision, stored.home, dict(stored.keys), stored.rows)
    another_workspace(store, home)
    keys.create(store, house.pepper, home, ME, NOW, name="b")
    with pytest.raises(StoreError):
        stored.follow(Broken(store), None, house.scopes, NOW)
    assert (stored.revision, stored.home, stored.keys, stored.rows) == before
    assert stored.follow(store, None, house.scopes, NOW)
    assert len(stored.keys) == 2


def test_a_store_that_was_put_back_is_read_anew(house, store, home, tmp_path):
    stored = Stored()
    stored.follow(store, None, house.scopes, NOW)
    keys.create(store, house.pepper, home, ME, NOW, name="new")
    stored.follow(store, None, house.scopes, NOW)
    assert len(stored.keys) == 1
    with store._driver.writing() as connection:
        connection.run("DELETE FROM api_keys")
        connection.run("UPDATE house SET revision = 1")
    assert stored.follow(store, None, house.scopes, NOW)
    assert stored.keys == {}


def test_a_secret_that_is_known_is_used_while_its_root_key_cannot_be_asked(house, store, home):
    add(house, store, home)
    stored, vault = Stored(), house.vault(store)
    stored.follow(store, vault, house.scopes, NOW)

    class Down(Vault):
        def reveal(self, sealed):
            raise AssertionError("it is known already")

    keys.create(store, house.pepper, home, ME, NOW, name="new")
    stored.follow(store, Down(house.ring()), house.scopes, NOW)
    assert stored.parts[home.workspace].providers["mine"].entry.api_key == SECRET


def test_without_a_vault_nothing_is_revealed(house, store, home):
    add(house, store, home)
    stored = Stored()
    stored.follow(store, None, house.scopes, NOW)
    assert stored.parts[home.workspace].providers["mine"].entry.api_key == "not-revealed"
    assert "keys" in repr(stored)


def test_a_secret_that_is_kept_elsewhere_is_used_and_follows_it(tmp_path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "openai").write_text("sk-in-a-file\n")
    house = make_house(tmp_path, LOCKGATE_SECRETS_DIR=str(tmp_path / "secrets"))
    time = [0.0]
    house.resolver._clock = lambda: time[0]
    with house.control() as store:
        home = store.house().home
        with store.change(Tenant(home.organisation), ME, NOW) as change:
            change.add(
                SecretReference(
                    id=new_id(),
                    organisation=home.organisation,
                    slug="openai-key",
                    name="R",
                    manager_type="file",
                    secret_path="openai",
                )
            )
        add(house, store, home, key="", secret_mappings=[SecretMapping("key", "openai-key")])
        lost = add(house, store, home, "lost", key="", secret_mappings=[SecretMapping("key", "openai-key")])
        with store.change(home, ME, NOW) as change:
            account = change.get(Integration, lost.integration)
            change.put(msgspec.structs.replace(account, secret_mappings=[SecretMapping("key", "nowhere")]))
        with pytest.raises(Refusal, match="'nowhere' for this account"):
            add(house, store, home, "third", key="", secret_mappings=[SecretMapping("key", "nowhere")])
    world = house.snapshot()
    assert world.providers["mine"].secret() == b"sk-in-a-file"
    assert "lost" not in world.providers
    watch = Watch(house, aside=lambda work: work())
    assert not watch.changed()
    (tmp_path / "secrets" / "openai").write_text("sk-another")
    time[0] = FRESH_S
    assert watch.changed()
    watch.close()
    assert house.snapshot().providers["mine"].secret() == b"sk-another"


def test_an_account_that_is_archived_is_not_used(house, store, home):
    key = add(house, store, home)
    with store.change(home, ME, NOW) as change:
        change.put(msgspec.structs.replace(change.get(Integration, key.integration), status="archived"))
    assert "mine" not in house.snapshot().providers


def test_keys_with_limits_of_their_own_are_known(house, store, home):
    key, _ = keys.create(
        store, house.pepper, home, ME, NOW, name="a", usage_limits={"type": "cost", "credit_limit": 5_000_000_000}
    )
    stored = Stored()
    stored.follow(store, None, house.scopes, NOW)
    assert stored.limited == {key.id: key}
    keys.revoke(store, home, ME, NOW, key.id)
    stored.follow(store, None, house.scopes, NOW)
    assert stored.limited == {}
