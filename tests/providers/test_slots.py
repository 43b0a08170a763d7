import pytest

from lockgate.core.failure import Refusal
from lockgate.providers.auth.settings import Settings
from lockgate.providers.slots import Slot, fill, names_in
from lockgate.providers.table import read_table

ROW = read_table("""
[lake]
name = "Lake"
docs = ""
base_url = "https://{account}.lake.example/{zone}"
auth = "bearer"
env = ["LAKE_KEY"]
slots = { account = { member = "snowflake_account", env = "LAKE_ACCOUNT" }, zone = { pattern = "eu|us", default = "eu" }, alias = "[a-z]+" }
speaks = { "openai.chat" = "/{zone}/{model}/chat" }
""")["lake"]


def told(**members):
    return Settings(**members)


def refusal(settings, environment=()):
    with pytest.raises(Refusal) as caught:
        ROW.filled(settings, dict(environment))
    return caught.value


@pytest.mark.parametrize(
    ("settings", "environment"),
    [
        (told(params={"account": "acme-1"}), {}),
        (told(snowflake_account="acme-1"), {}),
        (told(), {"LAKE_ACCOUNT": "acme-1"}),
        (told(params={"account": "acme-1"}, snowflake_account="other"), {"LAKE_ACCOUNT": "third"}),
    ],
)
def test_a_slot_is_filled_from_the_nearest_that_says_it(settings, environment):
    assert ROW.filled(settings, environment).base_url == "https://acme-1.lake.example/eu"


def test_paths_are_filled_and_the_model_stays_open():
    row = ROW.filled(told(params={"account": "a", "zone": "us"}), {})
    assert row.speaks["openai.chat"].target("m/n", stream=True) == "/us/m%2Fn/chat"


def test_a_base_url_of_one_s_own_needs_only_the_slots_that_are_left():
    row = ROW.filled(told(), {}, "https://proxy.example")
    assert row.base_url == "https://proxy.example"
    assert row.speaks["openai.chat"].path == "/eu/{model}/chat"


def test_a_missing_value_says_which_setting_to_change():
    caught = refusal(told())
    assert (caught.status, caught.code, caught.param) == (400, "missing_param", "snowflake_account")
    assert "LAKE_ACCOUNT" in caught.message


@pytest.mark.parametrize("value", ["evil.example/", "a.b", "A", "a" * 64, "x@y", "a\n", "..", "a:80", "ä"])
def test_a_value_cannot_leave_its_place(value):
    assert refusal(told(params={"account": value})).code == "invalid_param"
    assert refusal(told(snowflake_account=value)).param == "snowflake_account"
    assert refusal(told(), {"LAKE_ACCOUNT": value}).code == "invalid_param"


def test_an_unknown_parameter_is_named():
    caught = refusal(told(params={"acount": "a"}))
    assert caught.param == "params.acount"
    assert "account, zone, alias" in caught.message


def test_slots_are_found_and_filled_apart_from_the_model():
    assert names_in(["https://{a}.x/{b_2}", "/{model}"]) == {"a", "b_2"}
    assert fill("/{a}/{model}", {"a": "1"}) == "/1/{model}"
    assert Slot().value("a", Settings(), {}) == ""
