"""What the file declares, as rows."""

import pytest

from lockgate.control import declared
from lockgate.core.holdings import SavedConfig
from support.house import make_house

TEXT = """
keys:
  - {name: ci, hash: "sha256:%s", models: ["@sim/*"], config: pc-a, allow_config_override: false}
configs:
  pc-a: {retry: {attempts: 2}, provider: openai}
  pc-b: {targets: [{provider: openai, api_key: sk-secret}]}
  pc-c: {provider: openai}
""" % ("ab" * 32)


@pytest.fixture
def house(tmp_path):
    house = make_house(tmp_path, TEXT)
    house.snapshot()
    return house


def test_keys_and_where_they_stand(house):
    found = declared.api_keys(house)
    assert {id: each.where for id, each in found.items()} == {
        "config:ci": "lockgate.yaml (keys[0])",
        "admin": "the environment (LOCKGATE_ADMIN_KEY)",
    }
    row = found["config:ci"].row
    assert (row.models, row.defaults.config, row.defaults.allow_config_override) == (["@sim/*"], "pc-a", False)
    assert row.organisation == house.stored.home.organisation and row.version == 0


def test_configs_as_they_are_written(house):
    assert bytes(declared.configs(house)["pc-a"].row.config) == b'{"retry":{"attempts":2},"provider":"openai"}'


def test_no_secret_is_shown(house):
    assert bytes(declared.configs(house)["pc-b"].row.config) == b'{"targets":[{"provider":"openai","api_key":"****"}]}'


def test_it_is_what_is_in_force_and_not_what_is_being_written(house):
    house.config_path.write_text("configs: {pc-a: {nonsense: 1}}")
    assert set(declared.configs(house)) == {"pc-a", "pc-b", "pc-c"}


def test_a_page_of_both_has_no_gap_and_nothing_twice(house):
    with house.control() as store:
        listed = declared.configs(house)
        seen = []
        for offset in range(0, 6, 2):
            page = declared.page(store, house.stored.home, SavedConfig, listed, 2, offset)
            assert page.total == 3
            seen += [row.slug for row in page.rows]
        assert seen == ["pc-a", "pc-b", "pc-c"]
