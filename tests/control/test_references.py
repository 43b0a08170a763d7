"""Secrets that are kept elsewhere."""

import msgspec
import pytest

from lockgate.control.managers import managers_of
from lockgate.control.managers.file import file_manager
from lockgate.control.references import FRESH_S, RETRY_S, ManagerError, Resolver
from lockgate.core.failure import Refusal
from lockgate.core.holdings import Integration, SecretMapping, SecretReference


class World:
    """A secret manager, a clock, and an account that has its key there."""

    def __init__(self):
        self.answer, self.asked, self.now = "a-secret\n", [], 0.0
        self.resolver = Resolver({"file": self.fetch}, lambda: self.now)
        self.reference = SecretReference(id="r1", organisation="o", slug="ref", name="R", manager_type="file", secret_path="/p")

    def fetch(self, reference, secrets):
        self.asked.append(dict(secrets))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def secrets(self, key="", to="ref", workspace="", sealed=None, **changed):
        account = Integration(
            id="i",
            organisation="o",
            workspace=workspace,
            slug="s",
            name="n",
            provider="openai",
            secret_mappings=[SecretMapping("key", to, key)],
        )
        reference = msgspec.structs.replace(self.reference, **changed)
        return self.resolver.secrets_of(account, {"r1": reference}, sealed or {})


@pytest.fixture
def world():
    return World()


def test_a_secret_is_fetched_once_and_kept(world):
    assert world.secrets() == world.secrets(to="r1") == {"key": "a-secret"}
    assert world.asked == [{}]


def test_another_name_is_no_other_place(world):
    world.secrets()
    assert world.secrets(name="Another", version=7) == {"key": "a-secret"} and len(world.asked) == 1
    world.secrets(secret_path="/other")
    world.secrets(secret_path="/other", auth_config={"region": "x"})
    assert len(world.asked) == 3


def test_a_place_that_has_nothing_takes_away_what_the_former_one_had(world):
    """Whoever waits for nothing goes on with the former secret until then."""
    world.secrets()
    world.resolver.waits = False
    world.answer = ManagerError("nothing is there")
    assert world.secrets(secret_path="/other") == {"key": "a-secret"} and world.resolver.generation == 0
    assert world.resolver.is_due
    world.resolver.refresh()
    assert world.resolver.generation == 1 and not world.resolver.is_due
    with pytest.raises(Refusal, match="nothing is there"):
        world.secrets(secret_path="/other")


def test_a_key_in_what_is_there(world):
    world.answer = '{"api": "k", "n": {"a": 1}}'
    assert world.secrets("api") == {"key": "k"}
    assert world.secrets("n") == {"key": '{"a": 1}'}
    assert world.secrets(secret_key="api") == {"key": "k"}
    with pytest.raises(Refusal, match="no 'x'"):
        world.secrets("x")
    world.answer = "no json"
    with pytest.raises(Refusal, match="no JSON"):
        world.secrets("x", secret_path="/other")


def test_it_is_asked_again_when_it_is_due_and_a_change_is_noticed(world):
    world.secrets()
    world.now = FRESH_S - 1
    world.resolver.refresh()
    assert len(world.asked) == 1
    world.now = FRESH_S
    world.resolver.refresh()
    assert (len(world.asked), world.resolver.generation) == (2, 0)
    world.now, world.answer = 2 * FRESH_S, "another"
    world.resolver.refresh()
    assert world.resolver.generation == 1
    assert world.secrets() == {"key": "another"}


def test_what_is_known_stays_while_the_manager_is_down(world):
    world.secrets()
    world.now, world.answer = FRESH_S, ManagerError("it is down")
    world.resolver.refresh()
    assert world.secrets() == {"key": "a-secret"}
    world.answer, world.now = "new", FRESH_S + RETRY_S
    world.resolver.refresh()
    assert world.secrets() == {"key": "new"}


def test_what_was_never_had_is_told_with_why(world):
    world.answer = ManagerError("it is down")
    with pytest.raises(Refusal, match="it is down") as told:
        world.secrets()
    assert told.value.status == 424


def test_a_reference_that_was_changed_is_asked_anew(world):
    world.secrets()
    world.secrets(secret_path="/other")
    world.secrets(sealed={"r1": {"auth_config.token": "t"}})
    assert world.asked == [{}, {}, {"auth_config.token": "t"}]


def test_only_those_it_is_for_may_use_it(world):
    for changed in ({"organisation": "other"}, {"allow_all_workspaces": False, "allowed_workspaces": ["w2"]}):
        with pytest.raises(Refusal):
            world.secrets(workspace="w1", **changed)
    assert world.secrets(workspace="w2", allow_all_workspaces=False, allowed_workspaces=["w2"])
    with pytest.raises(Refusal, match="no secret reference"):
        world.secrets(to="nothing")


def test_a_manager_that_is_not_known_is_told(world):
    with pytest.raises(Refusal, match="aws_sm"):
        world.secrets(manager_type="aws_sm")


def test_reprs_show_no_secret(world):
    world.secrets()
    assert "a-secret" not in repr(world.resolver) + repr(vars(world.resolver))


# --- files


@pytest.fixture
def read(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "outside").write_text("of the machine")
    fetch = file_manager(str(tmp_path / "in"))

    def read(path):
        return fetch(World().reference.__class__(**{**msgspec.structs.asdict(World().reference), "secret_path": path}), {})

    return read


def test_a_file_in_the_directory_is_read(read, tmp_path):
    (tmp_path / "in" / "key").write_text("k")
    (tmp_path / "in" / "link").symlink_to("key")
    assert read("key") == read("/key") == read("link") == "k"


@pytest.mark.parametrize("path", ["../outside", "link", "/etc/passwd", "no", ".", "a\0b", "big", "binary"])
def test_nothing_else_is(read, tmp_path, path):
    (tmp_path / "in" / "link").symlink_to("../outside")
    (tmp_path / "in" / "big").write_bytes(bytes(70_000))
    (tmp_path / "in" / "binary").write_bytes(b"\xff")
    with pytest.raises(ManagerError) as told:
        read(path)
    assert "of the machine" not in str(told.value)


def test_without_a_directory_no_file_is_read():
    with pytest.raises(ManagerError, match="LOCKGATE_SECRETS_DIR"):
        managers_of({}, lambda: None)["file"](World().reference, {})
