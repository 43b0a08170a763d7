"""Plans told and not carried out: what is answered at /v1/explain, and that nothing else happens."""

import json

import pytest

from lockgate.core.cache_cap import CacheCap
from lockgate.core.failure import Failure
from lockgate.pipeline import explain
from lockgate.stores.cache.memory import MemoryCache
from support.asgi import ask
from support.house import AUTH, make_app, records
from support.scripted import ScriptedClient, ScriptedExchange

CONFIG = """
providers:
  openai: {api_key: sk-openai-secret-1234567890}
  claude: {provider: anthropic, api_key: sk-ant-secret-1234567890}
  second: {provider: openai, api_key: sk-second-secret-1234567890, models: ["gpt-*"]}
keys:
  - {name: routed, key: "routed-key-0123456789-abcdef", config: pc-both}
  - {name: fixed, key: "fixed-key-0123456789-abcdefg", config: pc-both, allow_config_override: false}
  - {name: narrow, key: "narrow-key-0123456789-abcdef", models: ["@second/*"]}
  - {name: reader, key: "reader-key-0123456789-abcdef", scopes: [models.list]}
aliases:
  smart: {config: pc-both}
configs:
  pc-both:
    strategy: {mode: fallback}
    targets:
      - {provider: "@openai", override_params: {model: gpt-a}, retry: {attempts: 2}}
      - {provider: "@second", override_params: {model: gpt-b}, request_timeout: 2000}
  pc-example:
    strategy: {mode: fallback, on_status_codes: [500, 502, 503, 529]}
    targets:
      - {provider: "@claude", override_params: {model: claude-opus-4-1}}
      - strategy: {mode: fallback, on_failures: [rate_limit]}
        targets:
          - {provider: "@openai", override_params: {model: gpt-5}}
          - {provider: "@claude", override_params: {model: claude-sonnet-4-5}}
  pc-weights:
    strategy: {mode: loadbalance, on_status_codes: [500]}
    targets:
      - {provider: "@openai", weight: 3, name: big, override_params: {model: gpt-a}}
      - {provider: "@second", weight: 1, override_params: {model: gpt-b}}
  pc-turns:
    strategy: {mode: loadbalance, method: round_robin}
    targets:
      - {provider: "@openai", weight: 3, override_params: {model: gpt-a}}
      - {provider: "@second", weight: 1, override_params: {model: gpt-b}}
  pc-choice:
    strategy:
      mode: conditional
      conditions:
        - {query: {metadata.plan: paid}, then: good}
        - {query: {params.max_tokens: {$gt: 100}}, then: good}
      default: cheap
    targets:
      - {name: good, provider: "@openai", override_params: {model: gpt-a}}
      - {name: cheap, provider: "@second", override_params: {model: gpt-b}}
"""
ASK = {"model": "m", "messages": [{"role": "user", "content": "a secret of mine"}]}


@pytest.fixture
def app(tmp_path):
    app = make_app(tmp_path, CONFIG)
    app.tmp = tmp_path
    app.client = app.runtime.clients["https"] = ScriptedClient()
    return app


def bearer(name):
    return [("authorization", f"Bearer {name}")]


def question(app, config=None, *, body=ASK, auth=AUTH, outer=(), headers=None, **more):
    asked = {"body": body, "headers": {**({"x-portkey-config": config} if config else {}), **(headers or {})}, **more}
    return ask(app.gateway, "POST", "/v1/explain", body=asked, headers=[*auth, *outer])


def told(app, config=None, **more):
    answered = question(app, config, **more)
    assert answered.status == 200, answered
    assert app.client.sent == []
    return answered.json


def tries(told, way=0):
    return [(each["at"], each.get("times", 1), each.get("fails", "")) for each in told["ways"][way]["tries"]]


def paths(told, way=0):
    return [at.removeprefix("config.targets") for at, *_ in tries(told, way)]


class TestOrder:
    def test_the_order_is_the_one_in_which_each_is_tried_if_the_one_before_fails(self, app):
        found = told(app, "pc-example")
        assert paths(found) == ["[0]", "[1].targets[0]", "[1].targets[1]"]
        assert found["ways"][0]["ends"] == "fails"
        assert {step["why"] for step in found["ways"][0]["decisions"] if step["what"] == "left"} == {"if it fails"}

    def test_a_failure_shows_where_the_walk_goes(self, app):
        assert tries(told(app, "pc-example", fail=429)) == [("config.targets[0]", 1, "rate_limit (429)")]
        assert paths(told(app, "pc-example", fail="server")) == ["[0]", "[1].targets[0]"]
        stopped = told(app, "pc-example", fail="429")["ways"][0]["decisions"][-1]
        assert (stopped["at"], stopped["what"]) == ("config", "stopped")

    def test_failures_may_come_one_after_the_other(self, app):
        found = told(app, "pc-example", fail=[529, "rate_limit"])
        assert found["fails"] == ["overloaded (529)", "rate_limit (429)"]
        assert paths(found) == ["[0]", "[1].targets[0]", "[1].targets[1]"]

    def test_retries_count_where_the_failure_is_worth_them(self, app):
        assert tries(told(app, "pc-both", fail="rate_limit")) == [
            ("config.targets[0]", 3, "rate_limit (429)"),
            ("config.targets[1]", 1, "rate_limit (429)"),
        ]
        assert tries(told(app, "pc-both", fail="bad_request"))[0][1] == 1

    @pytest.mark.parametrize("fail", ["connect", "timeout", "billing", "context_window", "content_policy", "not_found", 418])
    def test_every_class_of_failure_can_be_asked_for(self, app, fail):
        assert len(told(app, "pc-both", fail=fail)["ways"][0]["tries"]) == 2

    @pytest.mark.parametrize("fail", ["klingons", 200, 600, "20", [429, "x"]])
    def test_what_is_no_failure_is_refused(self, app, fail):
        answered = question(app, "pc-both", fail=fail)
        assert (answered.status, answered.json["error"]["param"]) == (400, "fail")

    def test_a_count_is_asked_of_the_first_target_alone(self, app):
        found = told(app, "pc-both", path="/v1/messages/count_tokens", fail=500)
        assert (found["operation"], paths(found), found["ways"][0]["ends"]) == ("count", ["[0]"], "answers")


class TestDraws:
    def test_all_candidates_are_told_with_their_odds(self, app):
        found = told(app, "pc-weights")
        assert [(each["odds"], each["weight"]) for each in found["route"]["targets"]] == [(0.75, 3), (0.25, 1)]
        assert (found["route"]["strategy"], found["route"]["by"], found["route"]["goes_on"]) == (
            "loadbalance",
            "by weight",
            True,
        )
        assert [(way["odds"], paths(found, n)) for n, way in enumerate(found["ways"])] == [
            (0.75, ["[0]", "[1]"]),
            (0.25, ["[1]", "[0]"]),
        ]

    def test_nobody_s_turn_is_taken(self, app):
        for _ in range(3):
            assert told(app, "pc-turns")["ways"][0]["odds"] == 0.75
        (draw,) = [route.root.draw for slug, route in app.world.snapshot.routes.items() if slug == "pc-turns"]
        assert draw.turns.credit == [0.0, 0.0]

    def test_ways_beyond_the_bound_are_said_to_be_there(self, app):
        target = {"provider": "@openai", "override_params": {"model": "gpt-a"}}
        config = {"strategy": {"mode": "loadbalance"}, "targets": [target] * 100}
        found = told(app, config)
        assert (len(found["ways"]), len(found["targets"]), found["more"]) == (40, 64, 36)
        assert found["rest"] == pytest.approx(0.6)


class TestConditions:
    def test_each_condition_tells_whether_it_holds_and_why(self, app):
        found = told(app, "pc-choice", headers={"x-portkey-metadata": {"plan": "free"}}, body={**ASK, "max_tokens": 200})
        first, second = found["route"]["conditions"]
        assert (first["holds"], first["then"]) == (False, "config.targets[0]")
        assert "metadata.plan" in first["why"] and "'free'" in first["why"]
        assert (second["holds"], second["why"]) == (True, "params.max_tokens is greater than 100 (it is 200)")
        assert found["route"]["default"] == "config.targets[1]"
        assert paths(found) == ["[0]"]

    def test_metadata_may_come_with_the_question(self, app):
        assert paths(told(app, "pc-choice", outer=[("x-lockgate-metadata", '{"plan": "paid"}')])) == ["[0]"]
        assert paths(told(app, "pc-choice")) == ["[1]"]


class TestTargets:
    def test_a_target_tells_how_it_would_be_asked(self, app):
        first, second = told(app, "pc-both", body={**ASK, "stream": True})["targets"]
        assert (first["at"], first["provider"], first["provider_kind"]) == ("config.targets[0]", "openai", "openai")
        assert (first["model"], first["dialect"], first["gear"]) == ("gpt-a", "openai.chat", "edit")
        assert (first["changed"], first["put"]) == (["model"], ["stream_options"])
        assert (first["retry"]["attempts"], first["retry"]["on_status_codes"][0]) == (2, 429)
        assert "retry" not in second
        assert (first["timeouts"]["first_byte"], second["timeouts"]["first_byte"]) == (120, 2)

    @pytest.mark.parametrize(
        ("hedge", "said"),
        [
            ({"after": 20, "to": "same"}, {"after": "20 ms", "to": "same", "max_percentage": 5}),
            ({"max_percentage": 10}, {"after": "p95", "to": "next", "max_percentage": 10}),
        ],
    )
    def test_a_hedge_is_told(self, app, hedge, said):
        targets = [{"provider": "@openai"}, {"provider": "@second"}]
        config = {"strategy": {"mode": "fallback"}, "hedge": hedge, "targets": targets}
        assert told(app, config, body={**ASK, "model": "m"})["targets"][0]["hedge"] == said

    def test_what_the_route_changes_is_told_by_name(self, app):
        config = {
            "provider": "@openai",
            "default_params": {"seed": 1, "user": "x"},
            "override_params": {"top_p": 0.1},
            "drop_params": ["user", "n"],
        }
        (target,) = told(app, config, body={**ASK, "user": "me", "n": 2, "top_p": 1})["targets"]
        assert (target["put"], target["changed"], target["left_out"]) == (["seed"], ["top_p"], ["user", "n"])

    def test_what_a_translation_loses_is_told(self, app):
        target = told(app, "pc-example", body={**ASK, "logit_bias": {"1": 2}})["targets"][0]
        assert (target["gear"], target["dialect"], target["losses"]) == ("translate", "anthropic.messages", ["logit_bias"])

    def test_a_strict_target_that_would_lose_something_is_skipped(self, app):
        config = {
            "strategy": {"mode": "fallback"},
            "targets": [
                {"provider": "@claude", "override_params": {"model": "claude-x"}, "strict": True},
                {"provider": "@openai"},
            ],
        }
        found = told(app, config, body={**ASK, "logit_bias": {"1": 2}})
        assert found["targets"][0]["refusal"]["code"] == "not_expressible"
        assert paths(found) == ["[1]"]

    def test_a_target_that_the_key_may_not_use_is_skipped_and_says_why(self, app):
        found = told(app, "pc-both", auth=bearer("narrow-key-0123456789-abcdef"))
        assert found["targets"][0]["refusal"]["code"] == "model_not_allowed"
        assert "may not use '@openai/gpt-a'" in found["targets"][0]["skipped"]
        assert [step["what"] for step in found["ways"][0]["decisions"]][:2] == ["chosen", "skipped"]
        assert paths(found) == ["[1]"]

    def test_an_operation_that_a_provider_lacks_is_told(self, app):
        config = {"strategy": {"mode": "fallback"}, "targets": [{"provider": "@claude"}, {"provider": "@openai"}]}
        found = told(app, config, path="/v1/embeddings", body={"model": "e", "input": "x"})
        assert found["targets"][0]["refusal"]["code"] == "unsupported_operation"
        assert (found["operation"], paths(found)) == ("embed", ["[1]"])

    def test_a_circuit_that_is_open_is_told(self, app):
        target = app.world.snapshot.routes["pc-both"].branches[0]
        app.runtime.clock = lambda: 1000.0
        for _ in range(20):
            app.runtime.health.begin(("openai", "gpt-a"), target.breaker, 1000.0)
            app.runtime.health.failed(("openai", "gpt-a"), target.breaker, 1000.0, 1000.0, Failure("server", 500, "down"))
        found = told(app, "pc-both")
        first, second = found["targets"]
        assert (first["circuit"]["state"], first["skipped"]) == ("open", "circuit open")
        assert 29_000 < first["circuit"]["probe_in_ms"] < 40_000
        assert (second["circuit"]["state"], second["circuit"]["cooldown_interval"]) == ("closed", 30_000)
        assert paths(found) == ["[1]"]

    def test_a_parked_key_is_told(self, app):
        app.runtime.health.failed(("openai", "gpt-a"), None, 0.0, app.runtime.clock(), Failure("rate_limit", 429, "slow"))
        assert told(app, "pc-both")["targets"][0]["skipped"] == "rate limited"

    def test_bodies_are_made_as_long_as_there_is_room_for_them(self, app, monkeypatch):
        monkeypatch.setattr(explain, "BYTES", 10)
        first, second = told(app, "pc-both")["targets"]
        assert (first["gear"], "gear" in second) == ("edit", False)


class TestWhoAsks:
    def test_the_config_of_the_key_is_the_one(self, app):
        found = told(app, auth=bearer("routed-key-0123456789-abcdef"))
        assert (found["config"], found["config_from"], found["key"]) == ("pc-both", "key", "routed")

    def test_a_model_may_name_it(self, app):
        found = told(app, body={**ASK, "model": "smart"})
        assert (found["config"], found["config_from"], found["model"]) == ("pc-both", "model", "smart")

    def test_the_headers_of_the_question_count_and_those_within_come_first(self, app):
        outer = [("x-portkey-config", "pc-weights")]
        assert told(app, outer=outer)["config"] == "pc-weights"
        assert told(app, "pc-both", outer=outer)["config"] == "pc-both"

    def test_without_a_config_the_model_decides(self, app):
        found = told(app, body={**ASK, "model": "@openai/gpt-x"})
        assert "config" not in found
        assert [(each["provider"], each["model"]) for each in found["targets"]] == [("openai", "gpt-x")]

    def test_a_request_that_would_be_refused_is_an_answer(self, app):
        assert told(app, "pc-nowhere")["refusal"]["code"] == "config_not_found"
        assert told(app, "pc-both", auth=bearer("fixed-key-0123456789-abcdefg"))["key"] == "fixed"
        fixed = told(app, "pc-weights", auth=bearer("fixed-key-0123456789-abcdefg"))
        assert fixed["refusal"]["code"] == "config_fixed"
        assert told(app, body=[])["refusal"]["code"] == "invalid_json"
        assert told(app, body={**ASK, "model": "klingon"})["refusal"]["code"] == "model_not_found"

    def test_where_nobody_may_be_tried_the_first_no_is_the_request_s(self, app):
        found = told(app, "pc-example", auth=bearer("narrow-key-0123456789-abcdef"))
        assert (found["refusal"]["status"], found["ways"][0]["ends"]) == (403, "refused")

    def test_a_path_may_name_the_model(self, app):
        found = told(app, "pc-both", path="/v1beta/models/@openai/x:streamGenerateContent?alt=sse", body={"contents": []})
        assert (found["model"], found["stream"], found["path"]) == (
            "@openai/x",
            True,
            "/v1beta/models/@openai/x:streamGenerateContent",
        )


class TestManners:
    def test_it_is_on_record_as_an_operation_of_its_own_and_costs_nothing(self, app):
        told(app, "pc-both")
        made = records(app.tmp)[-1]
        assert (made.operation, made.cost_nusd, made.status, made.outcome) == ("explain", 0, 200, "ok")
        assert (made.route, made.model_asked, made.provider, made.attempts) == ("pc-both", "m", "", [])

    def test_it_asks_for_the_scope_that_the_request_asks_for(self, app):
        assert question(app, "pc-both", auth=bearer("reader-key-0123456789-abcdef")).status == 403

    def test_no_secret_and_no_word_of_the_request_is_in_the_answer(self, app):
        config = {"provider": "openai", "api_key": "sk-brought-secret-123456", "override_params": {"seed": 424242}}
        for asked in ("pc-both", "pc-example", config):
            said = question(app, asked).body.decode()
            assert "secret" not in said and "424242" not in said

    @pytest.mark.parametrize("name", ["Authorization", "x-api-key", "x-portkey-api-key", "x-lockgate-aws-session-token"])
    def test_keys_do_not_belong_into_a_question(self, app, name):
        answered = question(app, headers={name: "sk-1"})
        assert (answered.status, answered.json["error"]["code"]) == (400, "key_in_question")

    def test_a_slug_of_a_virtual_key_is_none(self, app):
        assert told(app, headers={"x-portkey-virtual-key": "openai"})["targets"][0]["provider"] == "openai"

    @pytest.mark.parametrize("path", ["/v1/models", "/v1/files", "/nowhere"])
    def test_what_is_no_path_is_refused(self, app, path):
        answered = question(app, path=path)
        assert (answered.status, answered.json["error"]["code"]) == (400, "unknown_path")

    @pytest.mark.parametrize("path", ["/v1/explain", "/proxy/openai/files"])
    def test_what_has_no_route_is_refused(self, app, path):
        answered = question(app, path=path)
        assert (answered.status, answered.json["error"]["code"]) == (400, "not_routed")

    def test_a_member_that_is_not_known_is_refused(self, app):
        answered = ask(app.gateway, "POST", "/v1/explain", body={"body": {}, "fial": 1}, headers=[*AUTH])
        assert answered.status == 400
        assert "fial" in answered.json["error"]["message"]

    def test_turns_draws_and_circuits_stay_as_they_were(self, app):
        before = json.dumps([repr(app.runtime.health.pulse(("openai", "gpt-a"))), app.runtime.in_flight])
        told(app, "pc-weights")
        assert json.dumps([repr(app.runtime.health.pulse(("openai", "gpt-a"))), app.runtime.in_flight]) == before


class TestCache:
    CACHED = {"provider": "@openai", "override_params": {"model": "gpt-a"}, "upstream_api": "chat"}
    REPLY = {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-a",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "pong"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
    }

    @pytest.fixture
    def cached(self, app):
        app.runtime.cache = MemoryCache(1 << 20)
        return app

    def config(self, **cache):
        return {**self.CACHED, "cache": cache}

    def cache(self, app, config, **more):
        return [target.get("cache") for target in told(app, config, **more)["targets"]]

    def asked(self, app, config, **headers):
        """The request itself, answered by its provider or by the cache."""
        app.runtime.clients["https"] = ScriptedClient(ScriptedExchange(200, json.dumps(self.REPLY).encode()))
        headers = [(name.replace("_", "-"), value) for name, value in headers.items()]
        answered = ask(
            app.gateway,
            "POST",
            "/v1/chat/completions",
            body=ASK,
            headers=[*AUTH, ("x-portkey-config", json.dumps(config)), *headers],
        )
        assert answered.status == 200, answered
        return records(app.tmp)[-1]

    def test_a_target_without_a_cache_says_nothing_of_one(self, cached):
        assert self.cache(cached, "pc-both") == [None, None]

    def test_a_config_that_asks_for_more_than_its_workspace_lets_it_is_told_so(self, cached):
        world = cached.world.snapshot
        world.caps = {world.home.workspace: CacheCap(600)}
        (capped,) = self.cache(cached, self.config(max_age=3600))
        assert (capped["max_age"], capped["capped_from"], capped["kept"]) == (600, 3600, True)
        (within,) = self.cache(cached, self.config(max_age=300))
        assert (within["max_age"], within.get("capped_from")) == (300, None)
        world.caps = {world.home.workspace: CacheCap(off=True)}
        (off,) = self.cache(cached, self.config(max_age=3600))
        assert (off["looked_up"], off["kept"]) == (False, False)
        assert "lets nothing be cached" in off["why"]

    def test_each_target_says_what_its_config_says(self, cached):
        both = {
            "strategy": {"mode": "fallback"},
            "cache": {"mode": "simple", "max_age": 600},
            "targets": [
                self.CACHED,
                {**self.CACHED, "cache": {"mode": "semantic", "scope": "key", "coalesce": False, "shadow": True}},
                {**self.CACHED, "cache": False},
            ],
        }
        first, second, third = self.cache(cached, both)
        assert first == {
            "mode": "simple", "max_age": 600, "scope": "workspace", "coalesce": True, "looked_up": True, "kept": True,
        }  # fmt: skip
        assert (second["mode"], second["scope"], second["coalesce"], second["shadow"]) == ("semantic", "key", False, True)
        assert second["matched"] is True
        assert third is None

    @pytest.mark.parametrize(
        ("header", "said", "looked_up", "kept", "why"),
        [
            ("cache-control", "no-store", False, False, "nothing from the cache"),
            ("cache-control", "no-cache", False, True, "answered anew"),
            ("x-portkey-cache-force-refresh", "true", False, True, "answered anew"),
            ("cache-control", "max-age=60", True, True, ""),
            ("x-lockgate-cache-namespace", "blue", True, True, ""),
        ],
    )
    def test_what_the_request_wants_is_heard(self, cached, header, said, looked_up, kept, why):
        (found,) = self.cache(cached, self.config(mode="simple"), headers={header: said})
        assert (found["looked_up"], found["kept"]) == (looked_up, kept)
        assert why in found.get("why", "") and bool(why) == ("why" in found)
        assert found["max_age"] == (60 if "max-age" in said else 7 * 86_400)
        assert found.get("namespace", "") == ("blue" if said == "blue" else "")

    def test_it_says_whose_answer_would_be_given_and_to_nobody_else(self, cached):
        config = self.config(mode="simple")
        assert "found" not in self.cache(cached, config)[0]
        miss = self.asked(cached, config)
        cached.runtime.clients["https"] = cached.client
        (found,) = self.cache(cached, config)
        assert (found["found"], found["age"]) == (miss.id, 0)
        # What it says is what happens.
        hit = self.asked(cached, config)
        assert (miss.cache, hit.cache, hit.cached_id) == ("miss", "hit", found["found"])
        for other in (
            {"body": {**ASK, "temperature": 0}},
            {"headers": {"x-portkey-cache-namespace": "blue"}},
            {"headers": {"cache-control": "no-cache"}},
        ):
            assert "found" not in self.cache(cached, config, **other)[0]
        for scope in ("key", "user"):
            assert "found" not in self.cache(cached, self.config(mode="simple", scope=scope))[0]

    def test_one_that_is_being_answered_is_told(self, cached):
        config = self.config(mode="simple")
        looked = []
        cached.runtime.flights.find = lambda key: looked.append(key) or object()
        assert self.cache(cached, config)[0]["under_way"] is True
        assert len(looked) == 1
        assert "under_way" not in self.cache(cached, self.config(mode="simple", coalesce=False))[0]

    def test_why_other_words_are_not_matched_is_told(self, cached):
        tools = {**ASK, "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]}
        (found,) = self.cache(cached, self.config(mode="semantic"), body=tools)
        assert "matched" not in found and found["why"] == "other words are not matched: it has tools"

    def test_a_gateway_without_its_cache_says_so(self, app):
        (found,) = self.cache(app, self.config(mode="simple"))
        assert (found["looked_up"], found["kept"], found["why"]) == (False, False, "the gateway cannot reach its cache")
