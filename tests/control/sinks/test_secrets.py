"""Secrets of sinks by secret reference: from a house's control store and its managers, to what is sent."""

import pytest

from lockgate.control.house import SYSTEM
from lockgate.control.references import FRESH_S
from lockgate.control.secret_references import add_reference
from lockgate.control.sinks.declared import Declared
from lockgate.control.sinks.secrets import Secrets
from lockgate.control.sinks.settings import SecretMappingEntry
from lockgate.core.tenancy import Tenant
from lockgate.pipeline.runtime import now_us
from lockgate.stores.ports import StoreError
from lockgate.stores.sinks.outlets import Outlets
from lockgate.stores.sinks.state import read_states
from lockgate.transport.egress import Egress
from support.collector import Collector
from support.house import make_house
from support.sinks import fill

NOBODY = Egress.compile(())


@pytest.fixture
def house(tmp_path):
    (tmp_path / "mounted").mkdir()
    (tmp_path / "mounted" / "hook").write_text('{"url": "https://a.example/1", "key": "one"}')
    house = make_house(tmp_path, LOCKGATE_SECRETS_DIR=str(tmp_path / "mounted"))
    house.snapshot()
    return house


def add(house, name="hook", **more):
    """A reference of the organisation that the configuration belongs to."""
    said = {"manager_type": "file", "secret_path": name, "auth_config": {}, "egress": NOBODY, **more}
    with house.control() as store:
        tenant, vault = Tenant(store.house().home.organisation), house.vault(store)
        with store.change(tenant, SYSTEM, now_us()) as change:
            return add_reference(change, vault, tenant, name=name, slug=name, **said)


def secrets_of(house, *mappings, clock=lambda: 0.0):
    return Secrets(house, [SecretMappingEntry(*each) for each in mappings], lambda: NOBODY, clock)


def test_a_reference_is_found_by_its_slug_or_its_id_with_a_key(house):
    row = add(house)
    found = secrets_of(house, ("url", "hook", "url"), ("headers.x-key", row.id, "key"))()
    assert found == {"url": "https://a.example/1", "headers.x-key": "one"}


def test_what_is_not_there_is_trouble_until_somebody_makes_it(house):
    secrets = secrets_of(house, ("url", "hook", "url"))
    with pytest.raises(StoreError, match="no secret reference 'hook'"):
        secrets()
    add(house)
    assert secrets() == {"url": "https://a.example/1"}


def test_a_reference_of_some_workspaces_is_not_for_all(house):
    add(house, allow_all_workspaces=False)
    with pytest.raises(StoreError, match="not for this workspace"):
        secrets_of(house, ("url", "hook", "url"))()


def test_a_secret_is_asked_for_again_after_a_while_and_kept_while_it_cannot_be_had(house, tmp_path):
    add(house)
    now = [0.0]
    secrets = secrets_of(house, ("secret", "hook", "key"), clock=lambda: now[0])
    assert secrets() == {"secret": "one"}
    (tmp_path / "mounted" / "hook").write_text('{"key": "two"}')
    assert secrets() == {"secret": "one"}
    now[0] = FRESH_S
    assert secrets() == {"secret": "two"}
    (tmp_path / "mounted" / "hook").unlink()
    now[0] = 3 * FRESH_S
    assert secrets() == {"secret": "two"}


def test_what_a_manager_is_asked_with_is_revealed(house):
    add(
        house,
        "vault",
        manager_type="hashicorp_vault",
        secret_path="secret/data/x",
        auth_config={"vault_addr": "https://127.0.0.1:8200", "vault_token": "very-secret"},
        egress=Egress.compile(["127.0.0.0/8"]),
    )
    secrets = secrets_of(house, ("secret", "vault", "key"))
    secrets._look()
    ((_, sealed),) = secrets._sealed.items()
    assert sealed == {"auth_config.vault_token": "very-secret"}
    assert "very-secret" not in repr(secrets)


def test_records_wait_for_a_sink_whose_secret_cannot_be_had_and_go_when_it_can(house, tmp_path):
    receiver = Collector()
    house.config_path.write_text(
        "sinks: {one: {type: webhook, linger: 0, secret_mappings: [{target_field: url, secret_reference: there}]}}"
    )
    house.snapshot()
    fill(house.spool, 3).close()
    outlets = Outlets(house.data, Declared(house), start=False)
    outlets.step(0.0)
    (courier,) = outlets.couriers
    courier.step(0.0)
    assert "no secret reference 'there'" in courier.feed.state.trouble
    (tmp_path / "mounted" / "there").write_text(f"{receiver.url}/in")
    add(house, "there")
    while courier.step(100.0) == 0.0:
        pass
    assert [path for path, *_ in receiver.asked] == ["/in"]
    assert {name: state.sent for name, state in read_states(house.data).items()} == {"one": 3}
    outlets.close()
    courier.close()
    receiver.close()
