"""Keys, providers, the vault and the audit log, as an operator types them."""

import json

import pytest
from click.testing import CliRunner

from lockgate.cli import cli
from lockgate.control.house import House
from lockgate.core.holdings import Sealed
from lockgate.core.limits import UsageLimit
from lockgate.core.mask import Redaction
from lockgate.core.tenancy import ApiKey, Tenant, Workspace
from lockgate.http.routes import SCOPES

SECRET = "sk-stored-0123456789abcdef"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (
        "OPENAI_API_KEY",
        "LOCKGATE_ADMIN_KEY",
        "LOCKGATE_DATA",
        "LOCKGATE_CONFIG",
        "LOCKGATE_ROOT_KEY",
        "LOCKGATE_CONTROL_URL",
    ):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments, status=0, given=None):
        result = CliRunner().invoke(cli, list(arguments), input=given)
        assert result.exit_code == status, result.output
        return result.output

    return run


@pytest.fixture
def house(tmp_path):
    return House(tmp_path / "lockgate-data", None, SCOPES, {})


def add(run, slug="mine", *more):
    return run("providers", "add", slug, "--provider", "openai", "--api-key-stdin", *more, given=SECRET + "\n")


def test_a_provider_is_set_up_listed_and_removed(run, house):
    assert "@mine is set up" in add(run)
    assert house.snapshot().providers["mine"].secret() == SECRET.encode()
    (row,) = json.loads(run("providers", "stored", "--json"))
    assert (row["slug"], row["provider"], row["key"]) == ("mine", "openai", "…cdef")
    assert SECRET not in run("providers", "stored") + run("audit", "list", "--json")
    run("providers", "remove", "mine")
    assert json.loads(run("providers", "stored", "--json")) == []
    assert "No provider is stored as '@mine'" in run("providers", "remove", "mine", status=1)


def test_a_key_is_asked_for_without_showing_it(run, house):
    output = run("providers", "add", "openai", given=SECRET + "\n")
    assert SECRET not in output
    assert house.snapshot().providers["openai"].secret() == SECRET.encode()


def test_another_key_for_a_provider(run, house):
    add(run)
    assert "another key" in run("providers", "rotate", "mine", "--api-key-stdin", given="sk-other-0123456789")
    assert house.snapshot().providers["mine"].secret() == b"sk-other-0123456789"
    assert "no key" in run("providers", "rotate", "mine", "--api-key-stdin", given="", status=1)


def test_members_of_an_account_are_said(run, house):
    run(
        "providers",
        "add",
        "aws",
        "--provider",
        "bedrock",
        "--no-key",
        "--set",
        "aws_region=eu-west-1",
        "--set",
        "aws_access_key_id=AKIAX",
        "--set",
        "aws_secret_access_key=" + SECRET,
    )
    assert house.snapshot().providers["aws"].destination.host == "bedrock-runtime.eu-west-1.amazonaws.com"
    assert SECRET not in run("audit", "list", "--json")
    assert "NAME=VALUE" in run("providers", "add", "x", "--no-key", "--set", "x", status=1)


def test_an_address_of_ones_own(run, house):
    run("providers", "add", "local", "--provider", "vllm", "--no-key", "--base-url", "http://127.0.0.1:8000/v1")
    destination = house.snapshot().providers["local"].destination
    assert (destination.host, destination.port, destination.trusted) == ("127.0.0.1", 8000, True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("mine", "--provider", "klingon", "--no-key"), "No provider is called 'klingon'"),
        (("mine", "--provider", "openai", "--no-key"), "needs a key"),
        (("Mine!", "--provider", "sim", "--no-key"), "slug"),
        (("mine", "--provider", "sim", "--no-key", "--workspace", "nowhere"), "no workspace 'nowhere'"),
        (("mine", "--provider", "sim", "--no-key", "--set", "surprise=1"), "'surprise' is not known"),
    ],
)
def test_what_cannot_be_set_up_is_told(run, arguments, told):
    assert told in run("providers", "add", *arguments, status=1)


def test_a_name_that_is_taken_is_told(run):
    add(run)
    assert "taken" in run("providers", "add", "mine", "--provider", "sim", "--no-key", status=1)


def test_a_workspace_is_named_by_its_slug(run, house):
    add(run, "mine", "--workspace", "default")
    assert "mine" in house.snapshot().providers


def test_a_key_is_rotated(run, house):
    old = run("keys", "create", "app").splitlines()[0]
    id = old.split("_")[1]
    new = run("keys", "rotate", id, "--transition", "5").splitlines()[0]
    assert new != old
    assert new.startswith(f"lg_{id}_")
    assert len(house.snapshot().keys) == 2
    run("keys", "rotate", id, "--transition", "0")
    assert len(House(house.data, None, SCOPES, {}).snapshot().keys) == 1
    assert "No key with the id" in run("keys", "rotate", "none", status=1)


def test_the_root_key_is_replaced_while_everything_goes_on_to_hold(run, house):
    key = run("keys", "create", "app").splitlines()[0]
    add(run)
    before = house.snapshot()
    (old,) = (house.data / "root.secret").read_text().split()
    assert "2 secrets" not in run("vault", "rotate")
    (new,) = (house.data / "root.secret").read_text().split()
    assert new != old
    fresh = House(house.data, None, SCOPES, {}).snapshot()
    assert fresh.keys.keys() == before.keys.keys()
    assert fresh.providers["mine"].secret() == SECRET.encode()
    assert house.snapshot().providers["mine"].secret() == SECRET.encode()  # the one that was running
    assert key not in run("audit", "list")
    assert "entries, head" in run("audit", "verify")


def test_a_rotation_that_was_stopped_goes_on(run, house, monkeypatch):
    add(run)
    (old,) = (house.data / "root.secret").read_text().split()
    with monkeypatch.context() as patch:
        patch.setattr("lockgate.control.rotation.rewrap_all", lambda *_: 1 / 0)
        run("vault", "rotate", status=1)
    new, behind = (house.data / "root.secret").read_text().split()
    assert behind == old
    assert House(house.data, None, SCOPES, {}).snapshot().providers["mine"].secret() == SECRET.encode()
    assert "1 secrets" in run("vault", "rotate")
    assert (house.data / "root.secret").read_text().split() == [new]


def test_a_root_key_of_the_environment_is_replaced_by_its_operator(run, monkeypatch, tmp_path):
    one, two = "0123456789abcdef" * 4, "fedcba9876543210" * 4
    monkeypatch.setenv("LOCKGATE_ROOT_KEY", one)
    add(run)
    assert "before the one that is in use" in run("vault", "rotate", status=1)
    monkeypatch.setenv("LOCKGATE_ROOT_KEY", f"{two},{one}")
    assert "may be taken out" in run("vault", "rotate")
    house = House(tmp_path / "lockgate-data", None, SCOPES, {"LOCKGATE_ROOT_KEY": two})
    assert house.snapshot().providers["mine"].secret() == SECRET.encode()
    with house.control() as store:
        assert {sealed.root for sealed in store.page(Tenant(store.house().organisation), Sealed).rows} == {
            house.ring().current.id
        }
    assert not (house.data / "root.secret").exists()


def test_an_audit_log_that_was_altered_is_found_out(run, house):
    run("keys", "create", "app")
    add(run)
    assert "create api-key" in run("audit", "list")
    with house.control() as store, store._driver.writing() as connection:
        connection.run("UPDATE audit SET entry = CAST(replace(CAST(entry AS TEXT), 'app', 'nap') AS BLOB) WHERE seq = 1")
    assert "does not hold from entry 1" in run("audit", "verify", status=1)


def test_a_key_is_made_with_a_budget(run, house):
    said = ("--budget", "12.5", "--budget-reset", "monthly", "--time-zone", "Europe/Berlin", "--soft")
    run("keys", "create", "app", *said, "--alert-at", "9", "--downgrade-at", "10", "--downgrade-to", "@sim/chat")
    with house.control() as store:
        (key,) = store.page(Tenant(store.house().organisation), ApiKey, limit=10).rows
    dollar = 10**9
    assert key.usage_limits == UsageLimit(
        "cost", 12_500_000_000, 9 * dollar, "monthly", 0, 0, "Europe/Berlin", True, 10 * dollar, "@sim/chat"
    )


@pytest.mark.parametrize(
    "said",
    [
        ("--soft",),
        ("--budget", "many"),
        ("--budget", "-1"),
        ("--budget", "1.5", "--budget-type", "requests"),
        ("--budget", "1", "--time-zone", "Nowhere/Land", "--budget-reset", "daily"),
        ("--budget", "1", "--downgrade-at", "1"),
        ("--budget", "1", "--alert-at", "2"),
    ],
)
def test_a_budget_that_cannot_be_makes_no_key(run, house, said):
    run("keys", "create", "app", *said, status=2 if "many" in said else 1)
    assert not house.data.exists()


def test_what_is_taken_out_of_the_log_is_said_with_a_key_and_with_a_workspace(run, house):
    said = ("--redact", "a+", "--redact", "b+", "--redact-field", "user")
    run("keys", "create", "app", *said)
    run("workspaces", "add", "Clinic", *said)
    assert "no expression of RE2" in run("keys", "create", "other", "--redact", "(", status=1)
    assert "is no path" in run("workspaces", "add", "Other", "--redact-field", "a..b", status=1)
    with house.control() as store:
        whole = Tenant(store.house().organisation)
        kept = [*store.page(whole, ApiKey, limit=10).rows, *store.page(whole, Workspace, limit=10).rows]
    assert {row.name: row.redact for row in kept if row.redact} == dict.fromkeys(
        ("app", "Clinic"), Redaction(["a+", "b+"], ["user"])
    )
    assert {row.name for row in kept if not row.redact} == {"Default"}
