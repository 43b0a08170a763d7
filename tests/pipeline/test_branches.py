"""The grammar of configs, row by row: what each member becomes, and what is refused, with its path."""

import json

import pytest

from lockgate.control.config import BadConfig, read_text
from lockgate.core.failure import Failure, Refusal
from lockgate.pipeline.branches import DEEPEST, MOST, compile_inline, targets_of
from lockgate.pipeline.strategies import MOST_CONDITIONS
from lockgate.policy.breaker import BreakerPolicy
from lockgate.policy.retry import DEFAULT_STATUSES, Retry
from lockgate.policy.tree import Balance, Choice, Fallback, Leaf

A = {"provider": "@a", "override_params": {"model": "m-a"}}
B = {"provider": "@b", "override_params": {"model": "m-b"}}


def route(config):
    return compile_inline(json.dumps(config).encode())


def branch(config, number=0):
    return route(config).branches[number]


def leaf(config, number=0):
    return targets_of(route(config))[number][0]


def strategy(mode="fallback", *, targets=(A, B), **more):
    return {"strategy": {"mode": mode, **more}, "targets": list(targets)}


def no(config):
    with pytest.raises(Refusal) as caught:
        compile_inline(config if isinstance(config, bytes) else json.dumps(config).encode())
    assert caught.value.status == 400
    return caught.value


class TestShapes:
    def test_a_target_alone(self):
        assert isinstance(route(A).root, Leaf)
        assert (leaf(A).path, branch(A).slug, branch(A).model) == ("config", "a", "m-a")

    @pytest.mark.parametrize(
        ("config", "kind"),
        [
            (strategy("fallback"), Fallback),
            (strategy("loadbalance"), Balance),
            (
                strategy("conditional", targets=[{"name": "x", **A}], default="x", conditions=[{"query": {}, "then": "x"}]),
                Choice,
            ),
        ],
    )
    def test_the_strategies(self, config, kind):
        assert isinstance(route(config).root, kind)

    @pytest.mark.parametrize("config", [strategy("single"), {"targets": [A, B]}])
    def test_single_is_the_first(self, config):
        assert [each.path for each, _ in targets_of(route(config))] == ["config.targets[0]"]

    def test_they_nest_to_any_depth_and_paths_say_where(self):
        config = strategy(targets=[A, strategy("loadbalance", targets=[B, strategy(targets=[A, B])])])
        assert [each.path for each, _ in targets_of(route(config))] == [
            "config.targets[0]",
            "config.targets[1].targets[0]",
            "config.targets[1].targets[1].targets[0]",
            "config.targets[1].targets[1].targets[1]",
        ]

    def test_camel_case_is_the_same_and_parameters_keep_theirs(self):
        config = {
            "strategy": {"mode": "fallback", "onStatusCodes": [429]},
            "targets": [{"virtualKey": "a", "overrideParams": {"model": "m", "maxTokens": 3}, "requestTimeout": 9}, B],
        }
        made = route(config)
        assert made.root.trigger.statuses == {429}
        assert set(made.branches[0].changes.overrides) == {"maxTokens"}
        assert made.branches[0].config.request_timeout == 9


class TestInheritance:
    def test_parameters_merge_and_the_child_wins(self):
        config = {
            **strategy(targets=[{**A, "override_params": {"model": "x", "seed": 2}, "default_params": {"top_p": 1}}, B]),
            "override_params": {"seed": 1, "user": "u"},
            "default_params": {"top_p": 0, "n": 1},
            "drop_params": ["store"],
        }
        first, second = (route(config).branches[n] for n in range(2))
        assert {name: bytes(raw) for name, raw in first.changes.overrides.items()} == {"seed": b"2", "user": b'"u"'}
        assert {name: bytes(raw) for name, raw in first.changes.defaults.items()} == {"top_p": b"1", "n": b"1"}
        assert [drop.member for drop in first.changes.drops] == ["store"]
        assert {name: bytes(raw) for name, raw in second.changes.overrides.items()} == {"seed": b"1", "user": b'"u"'}

    def test_a_model_comes_down_as_well(self):
        config = {**strategy(targets=[{"provider": "@a"}, B]), "override_params": {"model": "m"}}
        assert [each.model for each in route(config).branches] == ["m", "m-b"]

    def test_retry_is_replaced_whole(self):
        config = {
            **strategy(targets=[A, {**B, "retry": {"attempts": 1}}]),
            "retry": {"attempts": 3, "on_status_codes": [418], "base_ms": 10},
        }
        first, second = (leaf(config, n).retry for n in range(2))
        assert first == Retry(3, frozenset({418}), base_s=0.01)
        assert second == Retry(1)

    @pytest.mark.parametrize(
        ("member", "above", "own"),
        [
            ("request_timeout", 100, 200),
            ("custom_host", "https://a.example", "https://b.example"),
            ("strict", True, False),
            ("passthrough", True, False),
            ("strict_open_ai_compliance", False, True),
        ],
    )
    def test_others_come_down_where_the_child_says_nothing(self, member, above, own):
        config = {**strategy(targets=[A, {**B, member: own}]), member: above}
        assert [getattr(branch(config, n).config, member) for n in range(2)] == [above, own]

    def test_headers_to_forward_too(self):
        config = {**strategy(targets=[A, {**B, "forward_headers": ["X-B"]}]), "forward_headers": ["X-A", "x-other"]}
        assert [branch(config, n).forward for n in range(2)] == [(b"x-a", b"x-other"), (b"x-b",)]

    def test_a_breaker_holds_for_all_below_until_another(self):
        inner = strategy(targets=[A, B], cb_config={"failure_threshold": 9})
        config = strategy(targets=[A, inner], cb_config={"failure_threshold": 2})
        assert [each.breaker.failures for each in route(config).branches] == [2, 9, 9]


class TestMembers:
    @pytest.mark.parametrize(
        ("retry", "made"),
        [
            ({"attempts": 2}, Retry(2, DEFAULT_STATUSES)),
            ({"attempts": 2, "on_status_codes": []}, Retry(2, frozenset())),
            ({"attempts": 2, "on_failures": ["timeout"]}, Retry(2, frozenset(), frozenset({"timeout"}))),
            ({"attempts": 2, "use_retry_after_header": False}, Retry(2, use_retry_after=False)),
            ({"attempts": 2, "use_retry_after_headers": False}, Retry(2, use_retry_after=False)),
            ({"attempts": 2, "use_retry_after_header": True, "use_retry_after_headers": False}, Retry(2)),
            ({"attempts": 2, "base_ms": 50, "cap_ms": 100}, Retry(2, base_s=0.05, cap_s=0.1)),
            ({"attempts": 2, "cap_ms": 100}, Retry(2, base_s=0.1, cap_s=0.1)),
        ],
    )
    def test_retry(self, retry, made):
        assert leaf({**A, "retry": retry}).retry == made

    @pytest.mark.parametrize(
        ("cb_config", "made"),
        [
            ({"failure_threshold": 3}, BreakerPolicy(3)),
            ({"failure_threshold_percentage": 20, "minimum_requests": 9}, BreakerPolicy(percentage=20, minimum=9)),
            ({"cooldown_interval": 45000, "window": 5000}, BreakerPolicy(cooldown_s=45, window_s=5)),
            ({"failure_status_codes": [429]}, BreakerPolicy(statuses=frozenset({429}))),
            (True, BreakerPolicy()),
            (False, None),
        ],
    )
    def test_cb_config(self, cb_config, made):
        assert branch(strategy(cb_config=cb_config)).breaker == made

    def test_targets_with_others_beside_have_a_breaker_and_a_sole_one_has_none(self):
        assert branch(strategy()).breaker == BreakerPolicy()
        assert branch(A).breaker is None
        assert branch(strategy(targets=[A])).breaker is None

    @pytest.mark.parametrize(
        ("more", "fires", "stays"),
        [
            ({}, Failure("server", 500, ""), None),
            ({"on_status_codes": [429]}, Failure("rate_limit", 429, "", body=b"{}"), Failure("server", 500, "", body=b"{}")),
            ({"on_failures": ["billing"]}, Failure("billing", 429, ""), Failure("rate_limit", 429, "")),
        ],
    )
    def test_what_a_fallback_goes_on_after(self, more, fires, stays):
        trigger = route(strategy(**more)).root.trigger
        assert trigger.fires(fires)
        assert stays is None or not trigger.fires(stays)

    def test_a_balance_draws_another_only_when_told_after_what(self):
        assert route(strategy("loadbalance")).root.trigger is None
        assert route(strategy("loadbalance", on_status_codes=[500])).root.trigger is not None

    def test_weights_are_1_unless_said(self):
        assert route(strategy("loadbalance", targets=[A, {**B, "weight": 0.3}])).root.draw.weights == (1.0, 0.3)

    @pytest.mark.parametrize("method", ["weighted", "round_robin", "least_busy", "latency", "cost", "quota"])
    def test_methods(self, method):
        made = route(strategy("loadbalance", method=method))
        assert made.root.draw.method == method
        assert (made.root.draw.turns is not None) == (method == "round_robin")
        assert made.watched == (method == "quota")

    def test_sticky(self):
        sticky = route(
            strategy("loadbalance", sticky={"hash_fields": ["metadata.user", "headers.X-Session"], "ttl": 60})
        ).root.draw.sticky
        assert [(each.name, each.key) for each in sticky.fields] == [("metadata", "user"), ("headers", "x-session")]
        assert sticky.ttl_s == 60.0
        off = strategy("loadbalance", sticky={"enabled": False, "hash_fields": ["metadata.user"]})
        assert route(off).root.draw.sticky is None

    @pytest.mark.parametrize(
        ("target", "slug", "own"),
        [
            ({"provider": "@a"}, "a", True),
            ({"virtual_key": "a"}, "a", True),
            ({"provider": "openai"}, "openai", False),
            ({}, "", True),
        ],
    )
    def test_whom_a_target_asks(self, target, slug, own):
        assert (branch(target).slug, branch(target).own) == (slug, own)

    def test_one_key_is_not_another_s(self):
        slugs = {branch({"provider": "openai", "api_key": key}).slug for key in ("one", "two")}
        assert len(slugs) == 2
        assert all(slug.startswith("openai#") and "one" not in slug for slug in slugs)


NAMED = [{"name": "x", **A}, {"name": "y", **B}]
CONDITION = {"query": {"metadata.plan": "paid"}, "then": "x"}


def deep(levels):
    config = A
    for _ in range(levels):
        config = strategy(targets=[config, B])
    return config


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"provder": "@a"}, "config"),
        ({"strategy": {"mode": "falback"}, "targets": [A]}, "config.strategy.mode"),
        ({"strategy": {"mode": "fallback"}}, "config.targets"),
        ({**strategy(), "provider": "@a"}, "config.provider"),
        ({**strategy(), "virtual_key": "a"}, "config.virtual_key"),
        ({**strategy(), "api_key": "k"}, "config.api_key"),
        (strategy(targets=[A, {**B, "weight": -1}]), "config.targets[1].weight"),
        (strategy("loadbalance", targets=[{**A, "weight": 0}, {**B, "weight": 0}]), "config.targets"),
        ({**A, "request_timeout": 0}, "config.request_timeout"),
        ({**A, "request_timeout": 3_600_001}, "config.request_timeout"),
        ({**A, "retry": {"attempts": 11}}, "config.retry"),
        ({**A, "retry": {"attempts": 1, "base_ms": 0}}, "config.retry"),
        ({**A, "retry": {"attempts": 1, "on_status_codes": [42]}}, "config.retry.on_status_codes"),
        (strategy(on_status_codes=[1000]), "config.strategy.on_status_codes"),
        (strategy(on_failures=["sadness"]), "config.strategy.on_failures[0]"),
        (strategy(cb_config={"failure_threshold": 0}), "config.strategy.cb_config"),
        (strategy("loadbalance", sticky={"hash_fields": []}), "config.strategy.sticky.hash_fields"),
        (strategy("loadbalance", sticky={"hash_fields": ["nobody.knows"]}), "config.strategy.sticky.hash_fields[0]"),
        (strategy("loadbalance", sticky={"hash_fields": ["user"], "ttl": 0}), "config.strategy.sticky.ttl"),
        (strategy("conditional", targets=NAMED), "config.strategy.conditions"),
        (strategy("conditional", targets=NAMED, conditions=[{**CONDITION, "then": "z"}]), "config.strategy.conditions[0].then"),
        (strategy("conditional", targets=NAMED, conditions=[CONDITION], default="z"), "config.strategy.default"),
        (strategy("conditional", targets=[NAMED[0], NAMED[0]], conditions=[CONDITION]), "config.targets"),
        (
            strategy("conditional", targets=NAMED, conditions=[{"query": {"metadata.a": {"$gtx": 1}}, "then": "x"}]),
            "config.strategy.conditions[0].query.metadata.a.$gtx",
        ),
        (strategy("conditional", targets=NAMED, conditions=[CONDITION] * (MOST_CONDITIONS + 1)), "config.strategy.conditions"),
        ({**A, "override_params": {"model": 3}}, "config.override_params.model"),
        ({**A, "drop_params": ["[0]"]}, "config.drop_params[0]"),
        ({**A, "drop_params": ["a..b"]}, "config.drop_params[0]"),
        ({**A, "forward_headers": ["x-ok", "Authorization"]}, "config.forward_headers[1]"),
        ({**A, "forward_headers": ["x-portkey-forward-headers"]}, "config.forward_headers[0]"),
        ({**A, "aws_region": "eu-west-1"}, "config.aws_region"),
        (deep(DEEPEST + 1), "config" + ".targets[0]" * (DEEPEST + 1)),
        (strategy(targets=[A] * (MOST + 1)), f"config.targets[{MOST}]"),
    ],
)
def test_what_cannot_be_says_where(config, path):
    refusal = no(config)
    assert refusal.param == path
    assert path in refusal.message


def test_an_unknown_member_at_any_depth_is_named():
    assert "atempts" in no(strategy(targets=[A, {**B, "retry": {"atempts": 1}}])).message
    assert no(b"[]").code == "invalid_type"
    assert no(b"{").code == "invalid_json"


def test_a_saved_config_s_mistakes_have_their_place_in_the_file():
    text = json.dumps({"configs": {"pc-x": strategy(targets=[A, {**B, "weight": "heavy"}])}})
    with pytest.raises(BadConfig) as caught:
        read_text(text, {})
    assert [each.path for each in caught.value.mistakes] == ["configs.pc-x.targets[1].weight"]
