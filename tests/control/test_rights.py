"""Nobody gives a key more than they have."""

import msgspec
import pytest

from lockgate.control.rights import Rights, check_within, narrowed
from lockgate.core.failure import Refusal
from lockgate.core.limits import RateLimit, UsageLimit
from lockgate.core.tenancy import ApiKey, Defaults

KNOWN = frozenset(("completions.write", "models.list", "configs.read"))
DATA = KNOWN - {"configs.read"}
KEY = ApiKey(id="k", organisation="o", name="k", digest=b"")
BUDGET = UsageLimit("cost", 5_000, periodic_reset="monthly")


def key(**more):
    return msgspec.structs.replace(KEY, **more)


def beyond(key, rights):
    with pytest.raises(Refusal) as refused:
        narrowed(key, rights, KNOWN)
    assert (refused.value.status, refused.value.code) == (403, "beyond_your_rights")
    return refused.value.param


def test_no_scopes_are_those_that_need_no_name():
    assert narrowed(KEY, Rights(DATA), KNOWN) == KEY
    assert beyond(KEY, Rights(DATA - {"models.list"})) == "scopes"


def test_everything_is_given_by_those_alone_who_have_everything():
    assert narrowed(key(scopes=["admin"]), Rights(KNOWN | {"admin"}), KNOWN).scopes == ["admin"]
    assert beyond(key(scopes=["admin"]), Rights(KNOWN)) == "scopes"


def test_a_scope_that_there_is_not_is_a_mistake_also_of_those_who_have_everything():
    with pytest.raises(Refusal) as refused:
        narrowed(key(scopes=["configs.reed"]), Rights(KNOWN | {"admin"}), KNOWN)
    assert (refused.value.status, refused.value.code) == (400, "unknown_scope")


@pytest.mark.parametrize(
    ("own", "asked", "within"),
    [
        ("@a/gpt-*", "@a/gpt-4", True),
        ("@a/gpt-*", "@a/gpt-4*", True),
        ("@a/gpt-*", "@a/gpt-?", True),
        ("@a/*", "@a/*", True),
        ("*", "@b/x", True),
        ("@a/gpt-4*", "@a/gpt-*", False),
        ("@a/gpt-?", "@a/gpt-*", False),  # the question mark is one letter, the star is many
        ("@a/gpt-[45]", "@a/gpt-4", False),  # it is, but that is not looked into
        ("@a/gpt-?", "@a/gpt-?", True),
        ("@a/*", "@b/x", False),
        ("@a/x", "*", False),
    ],
)
def test_models_lie_within_those_of_the_giver(own, asked, within):
    rights = Rights(KNOWN, models=(own,))
    if within:
        assert narrowed(key(models=[asked]), rights, KNOWN).models == [asked]
    else:
        assert beyond(key(models=[asked]), rights) == "models"


def test_what_is_not_said_is_handed_down():
    rights = Rights(KNOWN, ("@a/*",), "pc-a", BUDGET, (RateLimit("requests", 5),), 1_000)
    given = narrowed(KEY, rights, KNOWN)
    assert given == key(
        models=["@a/*"],
        defaults=Defaults(config="pc-a", allow_config_override=False),
        usage_limits=BUDGET,
        rate_limits=[RateLimit("requests", 5)],
        expires_us=1_000,
    )
    check_within(given, rights, KNOWN)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"models": ["@b/x"]},
        {"usage_limits": UsageLimit("cost", 5_001, periodic_reset="monthly")},
        {"usage_limits": UsageLimit("cost", 1, periodic_reset="daily")},
        {"usage_limits": UsageLimit("tokens", 1, periodic_reset="monthly")},
        {"rate_limits": [RateLimit("requests", 6)]},
        {"rate_limits": [RateLimit("requests", 1, "rps")]},
        {"expires_us": 1_001},
        {"defaults": Defaults(config="pc-b", allow_config_override=False)},
        {"defaults": Defaults(config="pc-a")},
    ],
)
def test_a_key_with_less_of_a_limit_is_beyond_the_rights(more):
    rights = Rights(KNOWN, ("@a/*",), "pc-a", BUDGET, (RateLimit("requests", 5),), 1_000)
    with pytest.raises(Refusal) as refused:
        check_within(msgspec.structs.replace(narrowed(KEY, rights, KNOWN), **(more or {"models": []})), rights, KNOWN)
    assert refused.value.status == 403


def test_smaller_limits_and_more_of_them_are_within():
    rights = Rights(KNOWN, usage_limits=BUDGET, rate_limits=(RateLimit("requests", 5),))
    asked = key(
        usage_limits=UsageLimit("cost", 1, periodic_reset="monthly"),
        rate_limits=[RateLimit("tokens", 9), RateLimit("requests", 4)],
    )
    assert narrowed(asked, rights, KNOWN) == asked
