"""Limits and budgets at work: what a caller, the provider, the ledger and the record see."""

import asyncio
import json
import sqlite3

import pytest

from lockgate.control.allowances import of_token
from lockgate.control.config import BadConfig
from lockgate.core.call import Call, Principal
from lockgate.core.failure import Failure, Refusal
from lockgate.core.limits import RateLimit, UsageLimit
from lockgate.core.tenancy import Tenant
from lockgate.pipeline.allowance import NOTHING, Allowances, Asked, Rule
from lockgate.stores.cache.memory import MemoryCache
from support.asgi import Line, ask_soon
from support.house import make_app, records
from support.scripted import ScriptedClient, ScriptedExchange, events

CONFIG = """
providers:
  openai: {api_key: sk-openai-secret-1234567890}
  small: {provider: openai, api_key: sk-small-secret-1234567890, usage_limits: {credit_limit: 0.000001}}
  slow: {provider: openai, api_key: sk-slow-secret-1234567890, rate_limits: [{type: requests, unit: rpm, value: 1}]}
keys:
  - {name: rich, key: "rich-key-0123456789-abcdef", usage_limits: {credit_limit: 1, periodic_reset: monthly}}
  - {name: poor, key: "poor-key-0123456789-abcdef", usage_limits: {credit_limit: 0.0001}}
  - {name: soft, key: "soft-key-0123456789-abcdef", usage_limits: {credit_limit: 0.0001, soft: true}}
  - {name: tight, key: "tight-key-0123456789-abcdef", usage_limits: {credit_limit: 0.02}}
  - {name: rated, key: "rated-key-0123456789-abcdef", rate_limits: [{type: requests, unit: rpm, value: 2}]}
  - {name: wordy, key: "wordy-key-0123456789-abcdef", rate_limits: [{type: tokens, unit: rpm, value: 200}]}
  - {name: alone, key: "alone-key-0123456789-abcdef", rate_limits: [{type: concurrent, value: 1}]}
  - {name: thrifty, key: "thrifty-key-0123456789-abcdef", usage_limits: {credit_limit: 1, downgrade_at: 0, downgrade_to: gpt-4o-mini}}
  - {name: team, key: "team-key-0123456789-abcdef"}
  - {name: barred, key: "barred-key-0123456789-abcdef"}
configs:
  pc-cheap:
    strategy: {mode: fallback}
    targets:
      - {provider: "@small", override_params: {model: gpt-4o}}
      - {provider: "@openai", override_params: {model: gpt-4o-mini}}
policies:
  - {name: teams, conditions: [{key: metadata.team, value: "*"}], group_by: [metadata.team], rate: {type: requests, unit: rpm, value: 1}}
  - {name: no-four, conditions: [{key: api_key, value: barred}, {key: model, value: "gpt-4*"}], deny: true}
  - {name: models, conditions: [{key: api_key, value: team}], group_by: [model], usage: {type: requests, credit_limit: 1}}
"""
WORDS = "what is the height of this tower"
ASK = {"model": "@openai/gpt-4o", "messages": [{"role": "user", "content": "ping"}], "max_tokens": 100}
REPLY = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-2024-08-06",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "pong"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
}


CALL = Call("id", "id", 0, 0.0, "POST", "/v1/chat/completions", b"", {}, "chat", "openai.chat")
COST = 350_000  # 100 tokens in at $2.50 and 10 out at $10 a million


class House:
    """A gateway with limits, and a scripted provider behind it."""

    def __init__(self, tmp_path, config=CONFIG):
        self.path = tmp_path
        self.app = make_app(tmp_path, config)
        self.client = ScriptedClient()
        self.app.runtime.clients.update(http=self.client, https=self.client)

    async def __aenter__(self):
        await self.app.open()
        return self

    async def __aexit__(self, *_):
        await self.app.stop()

    async def post(self, key, *answers, body=ASK, headers=(), path="/v1/chat/completions", line=None):
        self.client.answers += answers or [ScriptedExchange(200, json.dumps(REPLY).encode())]
        auth = ("authorization", f"Bearer {key}-key-0123456789-abcdef")
        answer = await ask_soon(self.app.gateway, "POST", path, body=body, headers=[auth, *headers], line=line)
        self.client.answers.clear()
        return answer

    @property
    def record(self):
        return records(self.path)[-1]


def failing(status=500, body=b'{"error": {"message": "no"}}'):
    return ScriptedExchange(status, body)


def run(tmp_path, scenario, config=CONFIG):
    """A scenario with a house of its own; what it gives back."""

    async def all_of_it():
        async with House(tmp_path, config) as house:
            return await scenario(house)

    return asyncio.run(all_of_it())


def balances(tmp_path):
    """(spent, reserved, overage) by budget, after the gateway has ended."""
    with sqlite3.connect(tmp_path / "data" / "ledger.db") as db:
        return {row[0]: row[1:] for row in db.execute("SELECT budget, spent, reserved, overage FROM ledger_balance")}


def error(answer):
    return answer.json["error"]


def test_a_request_is_charged_what_it_cost(tmp_path):
    answer = run(tmp_path, lambda house: house.post("rich"))
    assert answer.status == 200
    assert records(tmp_path)[-1].cost_nusd == COST
    assert balances(tmp_path) == {"key:config:rich:cost:monthly": (COST, 0, 0)}


@pytest.mark.parametrize(
    ("mode", "again", "status"), [("simple", WORDS, "HIT"), ("semantic", WORDS.capitalize() + "?", "SEMANTIC HIT")]
)
def test_an_answer_that_was_bounded_by_a_budget_is_found_again(tmp_path, mode, again, status):
    """The bound is ours, and no part of what was asked."""
    asked = {name: value for name, value in ASK.items() if name != "max_tokens"}
    bodies = [{**asked, "messages": [{"role": "user", "content": words}]} for words in (WORDS, again)]
    config = {"provider": "@openai", "override_params": {"model": "gpt-4o"}, "upstream_api": "chat", "cache": mode}
    headers = [("x-lockgate-config", json.dumps(config))]

    async def scenario(house):
        house.app.runtime.cache = MemoryCache(1 << 20)
        answers = [await house.post("tight", body=body, headers=headers) for body in bodies]
        return answers, [json.loads(outgoing.body) for _, outgoing in house.client.sent]

    answers, sent = run(tmp_path, scenario)
    assert [each.headers["x-lockgate-cache-status"].removeprefix("SEMANTIC ") for each in answers] == ["MISS", "HIT"]
    assert answers[1].headers["x-lockgate-cache-status"] == status
    assert len(sent) == 1
    assert {"max_tokens", "max_completion_tokens"} & sent[0].keys(), "it was bounded"


def test_what_is_left_stands_in_the_headers(tmp_path):
    async def scenario(house):
        await house.post("rich")
        return await house.post("rich"), await house.post("rated")

    second, rated = run(tmp_path, scenario)
    assert float(second.headers["x-lockgate-budget-remaining-cost"]) < 1
    assert rated.headers["x-ratelimit-limit-requests"] == "2"
    assert rated.headers["x-ratelimit-remaining-requests"] == "1"


def test_a_budget_that_is_too_small_sends_nothing(tmp_path):
    async def scenario(house):
        return await house.post("poor"), house.client.sent

    answer, sent = run(tmp_path, scenario)
    assert (answer.status, error(answer)["code"], sent) == (412, "budget_exhausted", [])
    assert records(tmp_path)[-1].error_code == "budget_exhausted"
    assert sum(spent + reserved for spent, reserved, _ in balances(tmp_path).values()) == 0


def test_a_soft_budget_refuses_nobody(tmp_path):
    answer = run(tmp_path, lambda house: house.post("soft"))
    assert answer.status == 200
    assert balances(tmp_path) == {"key:config:soft:cost:lifetime": (COST, 0, 0)}


def test_an_answer_is_held_to_what_there_is_room_for(tmp_path):
    async def scenario(house):
        body = {name: value for name, value in ASK.items() if name != "max_tokens"}
        return await house.post("tight", body=body), house.client.body

    answer, sent = run(tmp_path, scenario)
    assert answer.status == 200
    assert 256 <= sent["max_completion_tokens"] < 2_000


def test_what_nobody_can_bound_is_refused(tmp_path):
    async def scenario(house):
        unknown = await house.post("rich", body={**ASK, "model": "@openai/never-heard-of"})
        searching = await house.post("rich", body={**ASK, "web_search_options": {}})
        return unknown, searching, house.client.sent

    unknown, searching, sent = run(tmp_path, scenario)
    assert [(each.status, error(each)["code"]) for each in (unknown, searching)] == [(400, "budget_unbounded")] * 2
    assert sent == []


@pytest.mark.parametrize(
    ("last", "charged"),
    [
        (failing(500), False),
        (failing(400), False),
        (Failure("connect", 502, "refused"), False),
        (Failure("timeout", 504, "too slow"), True),
        (Failure("cut", 502, "closed without an answer"), True),
    ],
)
def test_an_attempt_that_failed_is_charged_where_nobody_says_that_it_cost_nothing(tmp_path, last, charged):
    answer = run(tmp_path, lambda house: house.post("rich", last))
    assert answer.status >= 400
    spent, reserved, _ = balances(tmp_path)["key:config:rich:cost:monthly"]
    assert (spent > 0, reserved) == (charged, 0)
    assert (records(tmp_path)[-1].cost_nusd is not None) == charged


def test_each_attempt_has_its_own_reservation(tmp_path):
    config = {"retry": {"attempts": 1, "on_status_codes": [500]}, "provider": "@openai"}
    answer = run(
        tmp_path,
        lambda house: house.post(
            "rich",
            failing(),
            ScriptedExchange(200, json.dumps(REPLY).encode()),
            headers=[("x-portkey-config", json.dumps(config))],
        ),
    )
    assert answer.status == 200
    assert balances(tmp_path) == {"key:config:rich:cost:monthly": (COST, 0, 0)}


def test_a_target_without_budget_is_passed_over(tmp_path):
    async def scenario(house):
        answer = await house.post("team", headers=[("x-portkey-config", "pc-cheap")])
        return answer, house.client.body

    answer, sent = run(tmp_path, scenario)
    assert (answer.status, sent["model"]) == (200, "gpt-4o-mini")
    assert "is used up" in next(each.why for each in records(tmp_path)[-1].decisions if each.what == "skipped")


def test_a_stream_is_charged_by_its_usage(tmp_path):
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o"}
    script = events(
        {**chunk, "choices": [{"index": 0, "delta": {"content": "pong"}}]},
        {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {**chunk, "choices": [], "usage": REPLY["usage"]},
        b"data: [DONE]\n\n",
    )
    answer = run(tmp_path, lambda house: house.post("rich", script, body={**ASK, "stream": True}))
    assert answer.status == 200
    assert "x-lockgate-budget-remaining-cost" in answer.headers
    assert balances(tmp_path) == {"key:config:rich:cost:monthly": (COST, 0, 0)}


def test_a_stream_that_breaks_is_charged_by_estimate(tmp_path):
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o"}
    script = events(
        {**chunk, "choices": [{"index": 0, "delta": {"content": "pong " * 50}}]}, Failure("cut", 502, "It broke off.")
    )
    run(tmp_path, lambda house: house.post("rich", script, body={**ASK, "stream": True}))
    record = records(tmp_path)[-1]
    spent, reserved, _ = balances(tmp_path)["key:config:rich:cost:monthly"]
    assert record.outcome == "broken"
    assert record.cost_nusd < spent <= record.cost_nusd * 11 // 10 + 1
    assert reserved == 0


def test_a_caller_who_leaves_before_an_answer_is_charged(tmp_path):
    line = Line()

    class Leaving(ScriptedClient):
        async def send(self, destination, outgoing, deadlines, slot=None):
            line.lost = True
            line.when_lost()
            return Failure("cut", 502, "The request to the upstream was broken off.")

    async def scenario(house):
        house.app.runtime.clients["https"] = Leaving()
        return await house.post("rich", line=line)

    run(tmp_path, scenario)
    record = records(tmp_path)[-1]
    assert record.outcome == "client_left"
    assert record.cost_nusd > 0
    assert balances(tmp_path)["key:config:rich:cost:monthly"][:2] == (-(-record.cost_nusd * 11 // 10), 0)


def test_counting_tokens_is_free(tmp_path):
    async def scenario(house):
        return await house.post("poor", path="/v1/messages/count_tokens")

    assert run(tmp_path, scenario).status == 200


def test_requests_over_the_rate_are_refused(tmp_path):
    async def scenario(house):
        return [await house.post("rated") for _ in range(3)], len(house.client.sent)

    answers, sent = run(tmp_path, scenario)
    assert [each.status for each in answers] == [200, 200, 429]
    assert answers[2].headers["retry-after"] == "30"
    assert error(answers[2])["code"] == "api_key_rate_limit_error"
    assert sent == 2


def test_tokens_over_the_rate_are_refused(tmp_path):
    async def scenario(house):
        return [await house.post("wordy") for _ in range(3)]

    answers = run(tmp_path, scenario)
    assert [each.status for each in answers] == [200, 429, 429]
    assert "tokens" in error(answers[1])["message"]


def test_what_runs_at_once_is_limited_and_given_back(tmp_path):
    async def scenario(house):
        hanging = events(b": ping\n\n", hang=True)
        house.client.answers = [hanging]
        auth = ("authorization", "Bearer alone-key-0123456789-abcdef")
        body = {**ASK, "stream": True}
        first = asyncio.create_task(ask_soon(house.app.gateway, "POST", "/v1/chat/completions", body=body, headers=[auth]))
        for _ in range(1000):
            if house.client.sent:
                break
            await asyncio.sleep(0)
        (running,) = house.app.runtime.running
        running.renew()
        second = await house.post("alone")
        hanging.close()
        await first
        return second, await house.post("alone"), house.app.runtime.running

    second, third, running = run(tmp_path, scenario)
    assert (second.status, third.status, running) == (429, 200, set())


def test_a_providers_own_rate_sends_a_fallback_on(tmp_path):
    config = {"strategy": {"mode": "fallback"}, "targets": [{"provider": "@slow"}, {"provider": "@openai"}]}

    async def scenario(house):
        said = [("x-portkey-config", json.dumps(config))]
        body = {**ASK, "model": "gpt-4o"}
        return [(await house.post("team", body=body, headers=said)).status for _ in range(2)]

    assert run(tmp_path, scenario) == [200, 200]
    assert [record.provider for record in records(tmp_path)] == ["slow", "openai"]


def test_a_policy_counts_each_group_apart(tmp_path):
    async def scenario(house):
        def post(team):
            return house.post("team", headers=[("x-lockgate-metadata", json.dumps({"team": team, "n": 1}))])

        return [(await post(team)).status for team in ("red", "blue", "red")] + [(await house.post("team")).status]

    config = CONFIG.replace("usage: {type: requests, credit_limit: 1}", "usage: {type: requests, credit_limit: 9}")
    assert run(tmp_path, scenario, config) == [200, 200, 429, 200]


def test_a_policy_of_models_counts_attempts(tmp_path):
    async def scenario(house):
        models = ("@openai/gpt-4o", "@openai/gpt-4o-mini", "@openai/gpt-4o")
        return [await house.post("team", body={**ASK, "model": model}) for model in models]

    answers = run(tmp_path, scenario)
    assert [each.status for each in answers] == [200, 200, 412]
    assert "policy models (model=@openai/gpt-4o)" in error(answers[2])["message"]


def test_a_policy_may_deny(tmp_path):
    answer = run(tmp_path, lambda house: house.post("barred"))
    assert (answer.status, error(answer)["code"]) == (403, "denied_by_policy")


def test_a_cheaper_model_is_asked_when_a_budget_is_so_far_used(tmp_path):
    async def scenario(house):
        answer = await house.post("thrifty")
        return answer, house.client.body

    answer, sent = run(tmp_path, scenario)
    assert answer.status == 200
    assert answer.headers["x-lockgate-downgraded"] == "gpt-4o-mini"
    assert sent["model"] == "gpt-4o-mini"
    record = records(tmp_path)[-1]
    assert (record.model_asked, record.downgraded) == ("@openai/gpt-4o", "gpt-4o-mini")


def test_who_is_not_limited_pays_for_nothing(tmp_path):
    app = make_app(tmp_path, "providers: {openai: {api_key: sk-openai-secret-1234567890}}")
    assert app.world.snapshot.allowances is None


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("keys: [{name: a, key: 'a-key-0123456789-abcdefgh', usage_limits: {credit_limit: -1}}]", "keys[0].usage_limits"),
        ("workspace: {rate_limits: [{type: requests, value: 0}]}", "workspace"),
        ("policies: [{name: a}]", "policies[0]"),
        ("policies: [{name: a, deny: true, conditions: [{key: nothing, value: x}]}]", "policies[0]"),
        ("policies: [{name: a, usage: {credit_limit: 1, periodic_reset: daily, time_zone: Nowhere}}]", "policies[0]"),
    ],
)
def test_limits_that_make_no_sense_are_told_with_their_path(tmp_path, text, path):
    with pytest.raises(BadConfig) as caught:
        make_app(tmp_path, text)
    assert path in [mistake.path for mistake in caught.value.mistakes]


def test_a_token_says_itself_what_it_may_use(tmp_path):
    said = Principal(
        "token:a",
        "a",
        until_us=1,
        usage_limits=(UsageLimit("cost", 5),),
        rate_limits=(RateLimit("requests", 3), RateLimit("tokens", 9)),
    )
    allowances = Allowances({}, [], Tenant("org"), of_token)
    assert allowances.limited
    assert allowances.budgeted
    own = allowances.caller(CALL, said)
    assert (own.counts[0].value, own.tokens[0].value, own.budgets[0].cap) == (3, 9, 5)
    assert allowances.caller(CALL, Principal("b", "b")) == NOTHING
    wrong = Principal("token:c", "c", rate_limits=(RateLimit("requests", 0),))
    with pytest.raises(Refusal, match="make no sense"):
        allowances.caller(CALL, wrong)


def test_a_bug_in_settling_is_answered(tmp_path, monkeypatch):
    def fail(self, nusd, tokens):
        raise ZeroDivisionError

    monkeypatch.setattr("lockgate.pipeline.hold.Hold.settle", fail)
    answer = run(tmp_path, lambda house: house.post("rich"))
    assert (answer.status, error(answer)["code"]) == (500, "internal_error")


def test_a_condition_may_ask_what_is_left_of_a_budget(tmp_path):
    condition = {"query": {"budget.remaining": {"$lt": 0.5}}, "then": "cheap"}
    config = {
        "strategy": {"mode": "conditional", "conditions": [condition], "default": "dear"},
        "targets": [
            {"name": "cheap", "provider": "@openai", "override_params": {"model": "gpt-4o-mini"}},
            {"name": "dear", "provider": "@openai", "override_params": {"model": "gpt-4o"}},
        ],
    }

    async def scenario(house):
        said = [("x-portkey-config", json.dumps(config))]
        found = []
        for key in ("rich", "tight", "team"):
            await house.post(key, headers=said)
            found.append(house.client.body["model"])
        return found

    assert run(tmp_path, scenario) == ["gpt-4o", "gpt-4o-mini", "gpt-4o"]


def test_what_passes_through_is_held_to_budgets_too(tmp_path):
    async def scenario(house):
        path = "/proxy/openai/v1/chat/completions"
        found = []
        for key, body in (("rich", {**ASK, "model": "gpt-4o"}), ("poor", {**ASK, "model": "gpt-4o"})):
            found.append(await house.post(key, body=body, path=path))
        found.append(await house.post("rich", path="/proxy/openai/v1/unknown"))
        return [(each.status, each.json.get("error", {}).get("code")) for each in found], len(house.client.sent)

    config = CONFIG.replace('abcdef",', 'abcdef", scopes: [proxy.write],')
    found, sent = run(tmp_path, scenario, config)
    assert found == [(200, None), (412, "budget_exhausted"), (400, "budget_unbounded")]
    assert sent == 1
    assert balances(tmp_path)["key:config:rich:cost:monthly"] == (COST, 0, 0)


def test_reading_at_a_provider_is_free(tmp_path):
    async def scenario(house):
        auth = ("authorization", "Bearer poor-key-0123456789-abcdef")
        house.client.answers = [ScriptedExchange(200, b'{"data": []}')]
        return await ask_soon(house.app.gateway, "GET", "/proxy/openai/v1/files", headers=[auth])

    assert run(tmp_path, scenario, CONFIG.replace('abcdef",', 'abcdef", scopes: [proxy.write],')).status == 200


def test_a_policy_that_denies_is_asked_of_each_target(tmp_path):
    config = CONFIG + '  - {name: only, conditions: [{key: model, value: ["*mini"], excludes: true}], deny: true}\n'
    answer = run(tmp_path, lambda house: house.post("team", headers=[("x-portkey-config", "pc-cheap")]), config)
    assert answer.status == 200
    assert [each.model for each in records(tmp_path)[-1].attempts] == ["gpt-4o-mini"]


def test_no_value_of_a_group_stands_for_another_key():
    def fits(**metadata):
        call = Call("id", "id", 0, 0.0, "POST", "/", b"", {}, "chat", "openai.chat", metadata=metadata)
        return rule.group(Asked(call, Principal("k", "k"), Tenant("org")))

    rule = Rule("p", "p", Tenant("org"), (), ("metadata.a", "metadata.b"), of_target=False)
    assert fits(a="x", b="y") == "metadata.a=x, metadata.b=y"
    assert fits(a="x, metadata.b=y") != fits(a="x", b="y, metadata.b=")
    assert fits(a="x%2C") != fits(a="x,")
