import gc
import json
import weakref

import msgspec
import pytest

from lockgate.core.call import Call, Principal
from lockgate.core.failure import Refusal
from lockgate.pipeline.choose import Ask
from lockgate.pipeline.plan import plan
from lockgate.policy.hedge import Hedge
from lockgate.transport.exchange import Deadlines
from support.house import make_house, make_runtime

CONFIG = """
providers:
  openai: {api_key: sk-one, models: []}
  second: {provider: openai, api_key: sk-two, models: [gpt-4.1, "o*"]}
  claude: {provider: anthropic, api_key: sk-ant, timeouts: {first_byte: 7}}
configs:
  pc-cheap: {provider: "@second", override_params: {model: o3, temperature: 0}}
  pc-old: {virtual_key: claude}
egress: {allow: [127.0.0.0/8, "*.allowed.example"]}
"""
EVERYONE = Principal("1", "app")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_house(tmp_path_factory.mktemp("plan"), CONFIG).snapshot()


def planned(world, model="", *, dialect="openai.chat", key="", who=EVERYONE, **headers):
    named = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    call = Call("id", "trace", 0, 0.0, "POST", "/", b"", named, "chat", dialect)
    ask = Ask(model, key)
    way = plan(call, ask, who, world, make_runtime())
    return way.first(), way


def target(world, *args, **more):
    return planned(world, *args, **more)[0]


def refusal(world, *args, **more):
    with pytest.raises(Refusal) as caught:
        planned(world, *args, **more)
    return caught.value


def config(**members):
    return {"x_portkey_config": json.dumps(members)}


@pytest.mark.parametrize(
    ("model", "slug", "sent"),
    [
        ("@second/gpt-4.1", "second", "gpt-4.1"),
        ("@claude/a/b", "claude", "a/b"),
        ("gpt-4.1", "second", "gpt-4.1"),  # the one that lists it
        ("gpt-5", "openai", "gpt-5"),  # the plain one before its variants
        ("claude-sonnet-4-5", "claude", "claude-sonnet-4-5"),
        ("@sim/chat", "sim", "chat"),
    ],
)
def test_a_model_name_finds_its_provider(world, model, slug, sent):
    found = target(world, model)
    assert (found.provider.slug, found.model) == (slug, sent)


def test_a_saved_config_names_provider_and_model(world):
    found, way = planned(world, "ignored", x_lockgate_config="pc-cheap")
    assert (found.provider.slug, found.model, way.route) == ("second", "o3", "pc-cheap")
    assert found.changes.overrides == {"temperature": msgspec.Raw(b"0")}
    assert target(world, "claude-x", x_portkey_config="pc-old").provider.slug == "claude"


def test_a_config_wins_over_header_and_model(world):
    found = target(
        world, "@claude/m", x_portkey_provider="@openai", **config(provider="@second", override_params={"model": "o1"})
    )
    assert (found.provider.slug, found.model) == ("second", "o1")


def test_a_provider_header_wins_over_the_model(world):
    found = target(world, "gpt-x", x_portkey_provider="@claude")
    assert (found.provider.slug, found.model) == ("claude", "gpt-x")
    assert target(world, "m", x_portkey_virtual_key="claude").provider.slug == "claude"


def test_the_caller_s_own_key_goes_to_the_provider_s_own_address(world):
    found = target(world, "m", key="sk-mine", x_lockgate_provider="openai")
    assert found.provider.destination.host == "api.openai.com"
    assert (b"authorization", b"Bearer sk-mine") in found.provider.headers
    assert "sk-mine" not in repr(found)


def test_a_stored_key_never_goes_to_a_host_that_the_caller_names(world):
    assert refusal(world, "m", **config(provider="@openai", custom_host="https://x.allowed.example")).code == (
        "custom_host_with_stored_key"
    )
    assert refusal(world, "m", x_portkey_provider="@openai", x_portkey_custom_host="https://x.allowed.example").status == 400


def test_without_a_key_the_stored_provider_is_meant(world):
    assert (b"authorization", b"Bearer sk-one") in target(world, "m", x_portkey_provider="openai").provider.headers


def test_a_custom_host_needs_an_egress_rule(world):
    allowed = {"provider": "openai", "api_key": "k", "custom_host": "https://x.allowed.example/v1"}
    assert target(world, "m", **config(**allowed)).provider.destination.host == "x.allowed.example"
    for host in ("http://10.0.0.1", "http://169.254.169.254/latest", "http://2130706433"):
        assert refusal(world, "m", **config(provider="openai", api_key="k", custom_host=host)).status in (400, 403)


def test_a_hint_chooses_between_two_apis(world):
    assert target(world, "@openai/m").lane.relays
    assert target(world, "m", **config(provider="@openai", upstream_api="responses")).lane.provider.name == "openai.responses"
    assert refusal(world, "m", **config(provider="@claude", upstream_api="chat")).code == "unknown_api"


def test_other_dialects_use_the_first_that_the_provider_speaks(world):
    assert target(world, "@openai/m", dialect="anthropic.messages").lane.provider.name == "openai.responses"
    assert target(world, "@claude/m", dialect="openai.responses").lane.provider.name == "anthropic.messages"


def test_timeouts_come_from_header_config_and_provider(world):
    assert target(world, "@claude/m").deadlines.first_byte == 7
    assert target(world, "m", **config(provider="@claude", request_timeout=1500)).deadlines.first_byte == 1.5
    found = target(world, "m", x_portkey_request_timeout="250", **config(provider="@claude", request_timeout=1500))
    assert found.deadlines.first_byte == 0.25


def test_a_route_has_timeouts_of_its_own_inherited_one_by_one(world):
    inner = {"provider": "@claude", "timeouts": {"idle": 3, "total": 20}}
    nested = config(strategy={"mode": "single"}, targets=[inner], timeouts={"connect": 0.5, "idle": 9})
    assert target(world, "m", **nested).deadlines == Deadlines(connect=0.5, first_byte=7.0, idle=3, total=20)


def test_a_request_timeout_comes_before_that_of_the_first_byte(world):
    both = {"provider": "@claude", "timeouts": {"first_byte": 4, "total": 9}, "request_timeout": 1500}
    assert target(world, "m", **config(**both)).deadlines == Deadlines(first_byte=1.5, total=9)
    assert target(world, "m", x_portkey_request_timeout="250", **config(**both)).deadlines.first_byte == 0.25


@pytest.mark.parametrize("seconds", [0, -1, 86_401])
def test_a_timeout_that_makes_no_sense_is_named(world, seconds):
    caught = refusal(world, "m", **config(provider="@openai", timeouts={"idle": seconds}))
    assert (caught.code, caught.param) == ("invalid_config", "config.timeouts.idle")


def test_a_hedge_is_inherited_whole_and_can_be_left_out(world):
    openai, claude = {"provider": "@openai"}, {"provider": "@claude"}
    hedge = {"after": 800, "max_percentage": 2}

    def hedges(first, **above):
        return target(world, "m", **config(strategy={"mode": "fallback"}, targets=[{**openai, **first}, claude], **above)).hedge

    assert hedges({}) is None
    assert hedges({}, hedge=hedge) == Hedge(None, 0.8, 2.0)
    assert hedges({"hedge": {"to": "same"}}, hedge=hedge) == Hedge(95, 0.0, 5.0, same=True)
    assert hedges({"hedge": True}, hedge=hedge) == Hedge()
    assert hedges({"hedge": False}, hedge=hedge) is None


@pytest.mark.parametrize(
    "members",
    [
        {"hedge": {"after": "p100", "to": "same"}},
        {"hedge": {"after": 0, "to": "same"}},
        {"hedge": {"max_percentage": 0, "to": "same"}},
        {"hedge": {"after": 800}},  # to the next target, and there is none
        {"hedge": True},
    ],
)
def test_a_hedge_that_makes_no_sense_is_named(world, members):
    caught = refusal(world, "m", **config(provider="@openai", **members))
    assert (caught.code, caught.param) == ("invalid_config", "config.hedge")


@pytest.mark.parametrize(
    ("model", "headers", "status", "code"),
    [
        ("", {}, 400, "missing_model"),
        ("unheard-of", {}, 404, "model_not_found"),
        ("@nobody/m", {}, 404, "provider_not_found"),
        ("@second/gpt-5", {}, 403, "model_not_allowed"),
        ("m", {"x_portkey_config": "pc-nothing"}, 404, "config_not_found"),
        ("m", {"x_portkey_config": "{"}, 400, "invalid_json"),
        ("m", {"x_portkey_config": '{"retry": {"atempts": 3}}'}, 400, "invalid_type"),
        ("m", {"x_portkey_config": '{"provider": "klingon"}'}, 400, "unknown_provider"),
        ("m", {"x_portkey_config": '{"provider": "groq"}'}, 401, "missing_provider_key"),
        ("m", {"x_portkey_config": '{"provider": "@openai", "request_timeout": 0}'}, 400, "invalid_config"),
        ("m", {"x_portkey_config": '{"provider": "@openai", "override_params": {"model": 3}}'}, 400, "invalid_config"),
        ("@sim/chat", {"x_portkey_request_timeout": "soon"}, 400, "invalid_header"),
        ("@sim/chat", {"x_portkey_request_timeout": "0"}, 400, "invalid_header"),
    ],
)
def test_what_cannot_be_planned_says_what_to_do(world, model, headers, status, code):
    caught = refusal(world, model, **headers)
    assert (caught.status, caught.code) == (status, code)
    assert caught.param
    assert len(caught.message) > 20


def test_an_unknown_member_of_a_config_is_named(world):
    assert "retri" in refusal(world, "m", x_portkey_config='{"retri": {}}').message


def test_a_key_uses_only_its_models(world):
    narrow = Principal("2", "narrow", models=("@claude/*",))
    assert target(world, "claude-x", who=narrow).provider.slug == "claude"
    assert refusal(world, "gpt-5", who=narrow).rule == "2"


def test_an_ambiguous_model_asks_for_a_provider(tmp_path):
    two = "providers: {a: {provider: openai, api_key: k}, b: {provider: openai, api_key: k}}"
    world = make_house(tmp_path, two).snapshot()
    assert refusal(world, "gpt-5").code == "ambiguous_model"


def test_a_single_provider_takes_every_model(tmp_path):
    world = make_house(tmp_path, "providers: {only: {provider: ollama}}").snapshot()
    assert target(world, "whatever").provider.slug == "only"


TWO = {"strategy": {"mode": "fallback"}, "targets": [{"provider": "@claude"}, {"provider": "@second"}]}
NAMED = {**TWO, "targets": [{**each, "override_params": {"model": "o3"}} for each in TWO["targets"]]}


@pytest.mark.parametrize("headers", [{}, config(**TWO), {"x_portkey_config": "pc-cheap"}])
def test_a_plan_is_given_back_as_soon_as_it_is_over(world, headers):
    gc.disable()  # which would find it, and what it holds of the request, much later
    try:
        seen = weakref.ref(planned(world, "@second/o3", **headers)[1])
        assert seen() is None
    finally:
        gc.enable()


def test_a_target_of_an_inline_config_is_known_again(world):
    assert target(world, "m", **config(**NAMED)) is target(world, "m", **config(**NAMED))


def test_what_a_caller_says_beside_it_makes_another_one(world):
    assert target(world, "m", **config(**NAMED)) is not target(world, "n", **config(**NAMED))
    late = target(world, "m", x_portkey_request_timeout="250", **config(**NAMED))
    assert late.deadlines.first_byte == 0.25
    assert target(world, "m", **config(**NAMED)).deadlines.first_byte == 7
    narrow = Principal("2", "narrow", models=("@second/*",))
    assert target(world, "m", who=narrow, **config(**NAMED)).provider.slug == "second"


def test_an_inline_config_keeps_no_more_targets_than_it_has(world):
    for n in range(9):
        target(world, f"m{n}", **config(**NAMED))
    kept = [route for route in world.inline_routes.values() if len(route.branches) == 2]
    assert kept
    assert all(len(route.targets) <= 2 for route in kept)


def test_what_the_world_has_a_say_in_is_not_kept_with_a_config(world):
    said = config(strategy={"mode": "fallback"}, targets=[{}, {"provider": "@second"}])
    assert target(world, "gpt-5", **said).provider.slug == "openai"
    assert not world.inline_routes[said["x_portkey_config"].encode()].targets
