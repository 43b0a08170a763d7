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


@pytest.mark.parametrize(
    "asked",
    [
        msgspec.structs.replace(BUDGET, soft=True),
        msgspec.structs.replace(BUDGET, time_zone="Asia/Tokyo"),  # its months would end before those of the giver
    ],
)
def test_a_budget_that_holds_for_less_is_more(asked):
    assert beyond(key(usage_limits=asked), Rights(KNOWN, usage_limits=BUDGET)) == "usage_limits"


def test_whoever_is_sent_to_a_cheaper_model_gives_no_key_that_is_not():
    own = msgspec.structs.replace(BUDGET, downgrade_at=4_000, downgrade_to="cheap")
    rights = Rights(KNOWN, usage_limits=own)
    for less in (
        {"downgrade_to": "", "downgrade_at": None},
        {"downgrade_to": "dear"},
        {"downgrade_at": 4_001},
        {"downgrade_at": None},
    ):
        assert beyond(key(usage_limits=msgspec.structs.replace(own, **less)), rights) == "usage_limits"
    narrow = msgspec.structs.replace(own, downgrade_at=3_000)
    assert narrowed(key(usage_limits=narrow), rights, KNOWN).usage_limits == narrow
    soft = Rights(KNOWN, usage_limits=msgspec.structs.replace(BUDGET, soft=True))
    assert narrowed(key(usage_limits=BUDGET), soft, KNOWN).usage_limits == BUDGET
