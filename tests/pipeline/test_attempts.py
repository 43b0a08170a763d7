"""Routes at work: a scripted upstream behind, and what the caller, the providers and the record see."""

import asyncio
import json
import threading

import pytest

from lockgate.core.failure import Failure
from lockgate.pipeline.attempts import MOST_TRIES
from lockgate.pipeline.branches import INLINE_BYTES
from lockgate.policy.breaker import LocalCell
from support.asgi import Line, ask, ask_soon
from support.house import AUTH, KEY, make_app, records
from support.scripted import ScriptedClient, ScriptedExchange, events

CONFIG = """
providers:
  openai: {api_key: sk-openai-secret-1234567890}
  claude: {provider: anthropic, api_key: sk-ant-secret-1234567890}
  second: {provider: openai, api_key: sk-second-secret-1234567890}
  groq: {api_key: gsk-secret-1234567890}
keys:
  - {name: routed, key: "routed-key-0123456789-abcdef", config: pc-both}
  - {name: fixed, key: "fixed-key-0123456789-abcdefg", config: pc-both, allow_config_override: false}
  - {name: narrow, key: "narrow-key-0123456789-abcdef", models: ["@second/*"]}
aliases:
  smart: {config: pc-both}
configs:
  pc-both:
    strategy: {mode: fallback}
    targets:
      - {provider: "@openai", override_params: {model: gpt-a}}
      - {provider: "@second", override_params: {model: gpt-b}}
  pc-example:
    strategy: {mode: fallback, on_status_codes: [500, 502, 503, 529]}
    targets:
      - {provider: "@claude", override_params: {model: claude-opus-4-1}}
      - strategy: {mode: fallback, on_failures: [rate_limit]}
        targets:
          - {provider: "@openai", override_params: {model: gpt-5}}
          - {provider: "@claude", override_params: {model: claude-sonnet-4-5}}
"""
ASK = {"model": "m", "messages": [{"role": "user", "content": "ping"}]}
REPLY = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-x",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "pong"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
}
CLAUDE_REPLY = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5",
    "content": [{"type": "text", "text": "pong"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 5, "output_tokens": 1},
}
#: Errors as the providers send them.
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "req_1"}
LIMITED = {
    "error": {
        "message": "Rate limit reached for gpt-5 in organization org-x on tokens per min (TPM): Limit 30000, Used 29000.",
        "type": "tokens",
        "param": None,
        "code": "rate_limit_exceeded",
    }
}
QUOTA = {
    "error": {
        "message": "You exceeded your current quota, please check your plan and billing details.",
        "type": "insufficient_quota",
        "param": None,
        "code": "insufficient_quota",
    }
}
SERVER = {"error": {"message": "The server had an error", "type": "server_error", "param": None, "code": None}}
BAD_KEY = {"error": {"message": "Incorrect API key provided", "type": "invalid_request_error", "code": "invalid_api_key"}}
CHUNK = {
    "id": "c1",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "gpt-x",
    "choices": [{"index": 0, "delta": {"content": "pong"}, "finish_reason": None}],
}
LAST = {**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": REPLY["usage"]}


def answer(status, body, *headers):
    return ScriptedExchange(status, json.dumps(body).encode(), headers)


def good(body=REPLY):
    return answer(200, body)


def refused():
    return Failure("connect", 502, "Connection refused.")


class Clock:
    """Time that passes when a test says so; pauses are noted and pass at once."""

    def __init__(self, runtime):
        self.now = 1000.0
        self.pauses = []
        runtime.clock = lambda: self.now
        runtime.pause = self.pause
        runtime.chance = lambda: 0.5
        self.on_pause = None

    async def pause(self, seconds, caller):
        self.pauses.append(seconds)
        self.now += seconds
        if self.on_pause is not None:
            self.on_pause(caller)


@pytest.fixture
def app(tmp_path):
    app = make_app(tmp_path, CONFIG)
    app.tmp = tmp_path
    app.clock = Clock(app.runtime)
    return app


def chat(app, config, *answers, body=ASK, headers=(), auth=AUTH):
    client = app.runtime.clients["https"] = ScriptedClient(*answers)
    said = [("x-portkey-config", config if isinstance(config, str) else json.dumps(config))] if config else []
    return ask(app.gateway, "POST", "/v1/chat/completions", body=body, headers=[*auth, *said, *headers]), client


def record(app):
    return records(app.tmp)[-1]


def went(app):
    return [(each.at, each.what, each.why) for each in record(app).decisions]


def hosts(client):
    return [destination.host for destination, _ in client.sent]


def single(**more):
    return {"provider": "@openai", "override_params": {"model": "gpt-a"}, **more}


def two(mode="fallback", *, strategy=None, first=None, second=None, **more):
    return {
        "strategy": {"mode": mode, **(strategy or {})},
        "targets": [
            {"provider": "@openai", "override_params": {"model": "gpt-a"}, **(first or {})},
            {"provider": "@second", "override_params": {"model": "gpt-b"}, **(second or {})},
        ],
        **more,
    }


class TestFallback:
    def test_the_next_target_answers_when_the_first_fails(self, app):
        answered, client = chat(app, "pc-both", answer(500, SERVER), good())
        assert answered.status == 200
        assert [dict(out.headers)[b"authorization"] for _, out in client.sent] == [
            b"Bearer sk-openai-secret-1234567890",
            b"Bearer sk-second-secret-1234567890",
        ]
        assert [json.loads(out.body)["model"] for _, out in client.sent] == ["gpt-a", "gpt-b"]
        assert answered.headers["x-portkey-last-used-option-index"] == "config.targets[1]"
        assert answered.headers["x-portkey-retry-attempt-count"] == "0"
        assert answered.headers["x-portkey-provider"] == "second"

    def test_the_record_says_why_each_target_was_chosen_or_left(self, app):
        chat(app, "pc-both", answer(500, SERVER), good())
        made = record(app)
        assert went(app) == [
            ("config.targets[0]", "chosen", ""),
            ("config.targets[0]", "left", "server (500)"),
            ("config.targets[1]", "chosen", ""),
        ]
        assert [(each.target, each.status, each.kind) for each in made.attempts] == [
            ("config.targets[0]", 500, "server"),
            ("config.targets[1]", 200, ""),
        ]
        assert (made.route, made.target, made.provider, made.outcome) == ("pc-both", "config.targets[1]", "second", "ok")

    @pytest.mark.parametrize(
        "trouble",
        [
            refused(),
            Failure("timeout", 504, "Too slow."),
            answer(401, BAD_KEY),
            answer(429, QUOTA),
            answer(200, SERVER),
            ScriptedExchange(200, b"<html>"),
            ScriptedExchange(200, [b'{"id": "x', Failure("cut", 502, "cut")]),
            answer(302, {}, (b"location", b"https://elsewhere.example/")),
        ],
        ids=lambda trouble: repr(trouble)[:40],
    )
    def test_whatever_goes_wrong_before_an_answer_is_a_reason(self, app, trouble):
        answered, client = chat(app, "pc-both", trouble, good())
        assert answered.status == 200
        assert len(client.sent) == 2

    @pytest.mark.parametrize(
        "trouble",
        [
            events({"error": {"message": "The server is overloaded", "type": "server_error", "code": "overloaded"}}),
            events(),
            answer(200, SERVER),
            events({**CHUNK, "choices": []}, Failure("cut", 502, "cut")),
        ],
        ids=["an error as the first event", "no event", "a whole error", "cut before an event"],
    )
    def test_a_stream_that_fails_before_its_first_event_too(self, app, trouble):
        answered, client = chat(app, "pc-both", trouble, events(CHUNK, LAST, b"data: [DONE]\n\n"), body={**ASK, "stream": True})
        assert answered.status == 200
        assert b"pong" in answered.body
        assert b"error" not in answered.body
        assert len(client.sent) == 2

    def test_what_has_begun_is_this_target_s_alone(self, app):
        stream = events(CHUNK, Failure("cut", 502, "cut"))
        answered, client = chat(app, "pc-both", stream, good(), body={**ASK, "stream": True})
        assert len(client.sent) == 1
        assert b'"error"' in answered.body
        assert b"[DONE]" not in answered.body
        assert record(app).outcome == "broken"

    def test_the_last_failure_is_the_answer_when_nobody_answers(self, app):
        answered, _ = chat(app, "pc-both", refused(), answer(500, SERVER))
        assert answered.status == 500
        assert answered.json["error"]["message"] == "The server had an error"
        assert record(app).outcome == "failed"
        assert len(record(app).attempts) == 2

    def test_a_status_that_is_not_listed_stays(self, app):
        answered, client = chat(app, two(strategy={"on_status_codes": [429]}), answer(500, SERVER))
        assert (answered.status, len(client.sent)) == (500, 1)
        assert went(app)[-1] == ("config", "stopped", "server (500) is none of its reasons to go on")

    @pytest.mark.parametrize("codes", [[408], [504]])
    def test_a_timeout_of_ours_is_what_both_call_it(self, app, codes):
        answered, client = chat(app, two(strategy={"on_status_codes": codes}), Failure("timeout", 504, "Too slow."), good())
        assert (answered.status, len(client.sent)) == (200, 2)

    def test_the_dialect_of_each_target_is_spoken(self, app):
        config = {
            "strategy": {"mode": "fallback"},
            "targets": [single(), {"provider": "@claude", "override_params": {"model": "claude-x"}}],
        }
        answered, client = chat(app, config, answer(503, SERVER), good(CLAUDE_REPLY))
        assert answered.json["choices"][0]["message"]["content"] == "pong"
        assert client.body["model"] == "claude-x"
        assert record(app).gear == "translate"

    @pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/moderations"])
    def test_other_operations_fall_back_as_well(self, app, path):
        client = app.runtime.clients["https"] = ScriptedClient(answer(500, SERVER), good({"data": [], "model": "x"}))
        answered = ask(
            app.gateway, "POST", path, body={"model": "m", "input": "x"}, headers=[*AUTH, ("x-lockgate-config", "pc-both")]
        )
        assert (answered.status, len(client.sent)) == (200, 2)
        assert answered.headers["x-lockgate-last-used-option-index"] == "config.targets[1]"


class TestTheExample:
    """Opus, fall back to GPT on 5xx, then Sonnet on a rate limit; with the errors as those providers send them."""

    def test_opus_answers(self, app):
        _, client = chat(app, "pc-example", good(CLAUDE_REPLY))
        assert client.body["model"] == "claude-opus-4-1"

    def test_an_overloaded_opus_is_followed_by_gpt(self, app):
        answered, client = chat(app, "pc-example", answer(529, OVERLOADED), good())
        assert (answered.status, client.body["model"]) == (200, "gpt-5")

    def test_a_rate_limited_gpt_by_sonnet(self, app):
        answered, client = chat(app, "pc-example", answer(529, OVERLOADED), answer(429, LIMITED), good(CLAUDE_REPLY))
        assert (answered.status, client.body["model"]) == (200, "claude-sonnet-4-5")
        assert answered.headers["x-portkey-last-used-option-index"] == "config.targets[1].targets[1]"

    def test_a_rate_limited_opus_by_nobody(self, app):
        limited = {"type": "error", "error": {"type": "rate_limit_error", "message": "Number of request tokens has exceeded"}}
        answered, client = chat(app, "pc-example", answer(429, limited))
        assert (answered.status, len(client.sent)) == (429, 1)

    def test_a_failing_gpt_by_nobody(self, app):
        answered, client = chat(app, "pc-example", answer(500, OVERLOADED), answer(500, SERVER))
        assert (answered.status, len(client.sent)) == (500, 2)


class TestRetry:
    def test_the_same_target_is_tried_again(self, app):
        answered, client = chat(app, single(retry={"attempts": 3}), answer(500, SERVER), answer(503, SERVER), good())
        assert (answered.status, len(client.sent)) == (200, 3)
        assert app.clock.pauses == [0.5, 1.0]
        assert answered.headers["x-portkey-retry-attempt-count"] == "2"
        assert [what for _, what, _ in went(app)] == ["chosen", "again", "again"]

    def test_attempts_that_are_used_up_say_so(self, app):
        answered, client = chat(app, single(retry={"attempts": 1}), answer(500, SERVER), answer(500, SERVER))
        assert (answered.status, len(client.sent)) == (500, 2)
        assert answered.headers["x-portkey-retry-attempt-count"] == "-1"

    def test_a_failure_without_a_retry_is_attempt_0(self, app):
        answered, _ = chat(app, single(), answer(500, SERVER))
        assert answered.headers["x-portkey-retry-attempt-count"] == "0"

    def test_the_provider_s_word_is_waited_for(self, app):
        limited = answer(429, LIMITED, (b"retry-after-ms", b"3000"))
        chat(app, single(retry={"attempts": 1}), limited, good())
        assert 3.0 <= app.clock.pauses[0] <= 3.5

    @pytest.mark.parametrize("spelling", ["use_retry_after_header", "use_retry_after_headers", "useRetryAfterHeader"])
    def test_unless_the_route_does_not_care(self, app, spelling):
        limited = answer(429, LIMITED, (b"retry-after", b"30"))
        chat(app, single(retry={"attempts": 1, spelling: False}), limited, good())
        assert app.clock.pauses == [0.5]

    def test_what_is_not_worth_it_is_not_tried_again(self, app):
        _, client = chat(app, single(retry={"attempts": 3}), answer(429, QUOTA))
        assert len(client.sent) == 1

    def test_then_the_next_target_is_tried(self, app):
        config = two(retry={"attempts": 1})
        answered, client = chat(app, config, answer(500, SERVER), answer(500, SERVER), answer(500, SERVER), good())
        assert (answered.status, len(client.sent)) == (200, 4)
        assert answered.headers["x-portkey-retry-attempt-count"] == "1"

    def test_a_retry_of_the_child_replaces_the_parent_s_whole(self, app):
        config = two(retry={"attempts": 3}, first={"retry": {"attempts": 0}})
        _, client = chat(app, config, answer(500, SERVER), good())
        assert len(client.sent) == 2

    def test_no_retry_outlasts_the_deadline(self, app):
        _, client = chat(app, single(retry={"attempts": 1}), answer(429, LIMITED, (b"retry-after", b"50")), good())
        assert len(client.sent) == 2
        app.clock.pauses.clear()
        client = app.runtime.clients["https"] = Late(app.clock, 590.0, answer(500, SERVER), answer(500, SERVER), good())
        ask(
            app.gateway,
            "POST",
            "/v1/chat/completions",
            body=ASK,
            headers=[*AUTH, ("x-portkey-config", json.dumps(two(retry={"attempts": 5, "base_ms": 60000})))],
        )
        assert app.clock.pauses == []

    def test_a_second_target_has_what_the_first_has_left_of_the_time(self, app):
        client = app.runtime.clients["https"] = Late(app.clock, 400.0, answer(500, SERVER), good())
        answered = ask(app.gateway, "POST", "/v1/chat/completions", body=ASK, headers=[*AUTH, ("x-portkey-config", "pc-both")])
        assert answered.status == 200
        assert [round(each) for each in client.totals] == [600, 200]

    def test_nobody_is_tried_when_the_time_is_up(self, app):
        client = app.runtime.clients["https"] = Late(app.clock, 601.0, answer(500, SERVER), good())
        answered = ask(app.gateway, "POST", "/v1/chat/completions", body=ASK, headers=[*AUTH, ("x-portkey-config", "pc-both")])
        assert (answered.status, len(client.sent)) == (500, 1)

    def test_a_caller_who_leaves_is_not_tried_for(self, app):
        app.clock.on_pause = lambda caller: setattr(caller, "left", True)
        client = app.runtime.clients["https"] = ScriptedClient(answer(500, SERVER), good())
        headers = [*AUTH, ("x-portkey-config", json.dumps(two(retry={"attempts": 2})))]
        ask(app.gateway, "POST", "/v1/chat/completions", body=ASK, headers=headers, line=Line())
        assert len(client.sent) == 1
        assert record(app).outcome == "client_left"

    def test_retries_of_a_provider_that_is_down_are_few(self, app):
        app.clock.now = 0.0
        config = json.dumps(single(retry={"attempts": 3, "base_ms": 1}))
        sent = 0
        for _ in range(400):
            _, client = chat(app, config, *(answer(500, SERVER) for _ in range(4)))
            sent += len(client.sent)
            app.clock.now += 0.02
        assert sent <= 400 * 1.2
        assert "may be burdened" in went(app)[-1][2] or went(app)[-1][1] == "left"


class Late(ScriptedClient):
    """A client whose answers take long."""

    def __init__(self, clock, seconds, *answers):
        super().__init__(*answers)
        self.clock, self.seconds, self.totals = clock, seconds, []

    async def send(self, destination, outgoing, deadlines, slot=None):
        self.totals.append(deadlines.total)
        self.clock.now += self.seconds
        return await super().send(destination, outgoing, deadlines, slot)


class TestHealth:
    def test_a_dead_primary_is_left_alone_after_five_failures(self, app):
        calls = []
        for _ in range(50):
            client = app.runtime.clients["https"] = Dead("gpt-a")
            assert ask(app.gateway, "POST", "/v1/chat/completions", body=ASK, headers=BOTH).status == 200
            calls.append(len(client.sent))
            app.clock.now += 0.1
        assert calls == [2] * 5 + [1] * 45
        assert went(app)[0] == ("config.targets[0]", "skipped", "circuit open")

    def test_after_the_cool_down_one_request_probes_it(self, app):
        for _ in range(6):
            chat(app, "pc-both", refused(), good())
        app.clock.now += 40.0
        _, client = chat(app, "pc-both", refused(), good())
        assert len(client.sent) == 2
        _, client = chat(app, "pc-both", good())
        assert len(client.sent) == 1  # it failed, and is left alone again
        app.clock.now += 40.0
        _, client = chat(app, "pc-both", good())
        assert client.body["model"] == "gpt-a"
        _, client = chat(app, "pc-both", good())
        assert client.body["model"] == "gpt-a"

    def test_a_second_request_does_not_probe_beside_the_first(self, app):
        for _ in range(6):
            chat(app, "pc-both", refused(), good())
        app.clock.now += 40.0
        client = app.runtime.clients["https"] = Held(good(), good())

        async def two_at_once():
            first = asyncio.ensure_future(ask_soon(app.gateway, "POST", "/v1/chat/completions", body=ASK, headers=BOTH))
            await client.asked.wait()
            second = await ask_soon(app.gateway, "POST", "/v1/chat/completions", body=ASK, headers=BOTH)
            client.go.set()
            return await first, second

        first, second = asyncio.run(two_at_once())
        assert [first.headers["x-portkey-provider"], second.headers["x-portkey-provider"]] == ["openai", "second"]

    def test_when_all_are_out_they_are_tried_all_the_same(self, app):
        for _ in range(6):
            chat(app, "pc-both", refused(), refused())
        answered, client = chat(app, "pc-both", good())
        assert (answered.status, len(client.sent)) == (200, 1)

    def test_failures_of_the_request_open_nothing(self, app):
        bad = {"error": {"message": "no", "type": "invalid_request_error", "param": None, "code": None}}
        for _ in range(20):
            _, client = chat(app, "pc-both", answer(400, bad), good())
            assert len(client.sent) == 2

    def test_the_operator_can_do_without(self, app):
        for _ in range(20):
            _, client = chat(app, two(strategy={"cb_config": False}), refused(), good())
            assert len(client.sent) == 2

    def test_a_config_says_when(self, app):
        config = two(strategy={"cb_config": {"failure_threshold": 2, "cooldown_interval": 60000}})
        calls = [len(chat(app, config, refused(), good())[1].sent) for _ in range(4)]
        assert calls == [2, 2, 1, 1]
        app.clock.now += 50.0
        assert len(chat(app, config, good())[1].sent) == 1

    def test_a_rate_limited_key_is_parked_alone(self, app):
        limited = answer(429, LIMITED, (b"retry-after", b"20"))
        chat(app, "pc-both", limited, good())
        _, client = chat(app, "pc-both", good())
        assert client.body["model"] == "gpt-b"
        assert went(app)[0] == ("config.targets[0]", "skipped", "rate limited")
        app.clock.now += 21.0
        _, client = chat(app, "pc-both", good())
        assert client.body["model"] == "gpt-a"

    def test_a_dead_key_is_parked_with_all_its_models(self, app):
        chat(app, "pc-both", answer(401, BAD_KEY), good())
        config = two(first={"override_params": {"model": "another"}})
        _, client = chat(app, config, good())
        assert client.body["model"] == "gpt-b"

    def test_a_sole_target_is_asked_whatever_is_known_of_it(self, app):
        for _ in range(10):
            _, client = chat(app, single(), refused())
            assert len(client.sent) == 1

    def test_the_least_busy_and_the_fastest_are_found(self, app):
        client = app.runtime.clients["https"] = Slowly(app.clock, {"gpt-a": 5.0, "gpt-b": 0.5})
        config = [("x-portkey-config", json.dumps(two("loadbalance", strategy={"method": "latency"})))]
        for _ in range(12):
            app.runtime.chance = iter([0.0, 0.9] * 3).__next__
            ask(app.gateway, "POST", "/v1/chat/completions", body=ASK, headers=[*AUTH, *config])
        assert client.models[-8:] == ["gpt-b"] * 8

    def test_the_cheapest_is_found(self, app):
        config = {
            "strategy": {"mode": "loadbalance", "method": "cost"},
            "targets": [
                {"provider": "@openai", "override_params": {"model": "gpt-4.1"}},
                {"provider": "@second", "override_params": {"model": "gpt-4.1-nano"}},
                {"provider": "@second", "override_params": {"model": "nobody-knows"}},
            ],
        }
        _, client = chat(app, config, good())
        assert client.body["model"] == "gpt-4.1-nano"

    def test_the_one_with_quota_left_is_found(self, app):
        config = two("loadbalance", strategy={"method": "quota"})
        for left in (b"1", b"99"):
            app.runtime.chance = iter([0.0 if left == b"1" else 0.9, 0.0]).__next__
            headers = [(b"x-ratelimit-limit-requests", b"100"), (b"x-ratelimit-remaining-requests", left)]
            chat(app, config, ScriptedExchange(200, json.dumps(REPLY).encode(), headers))
        app.runtime.chance = iter([0.0, 0.9]).__next__
        _, client = chat(app, config, good())
        assert client.body["model"] == "gpt-b"


BOTH = [*AUTH, ("x-portkey-config", "pc-both")]


class Dead(ScriptedClient):
    """A client that cannot reach one model."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    async def send(self, destination, outgoing, deadlines, slot=None):
        self.answers.append(refused() if json.loads(outgoing.body)["model"] == self.model else good())
        return await super().send(destination, outgoing, deadlines, slot)


class Held(ScriptedClient):
    """A client whose first answer waits."""

    def __init__(self, *answers):
        super().__init__(*answers)
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    async def send(self, *args, **more):
        if not self.sent:
            self.sent.append(None)
            self.asked.set()
            await self.go.wait()
        return await super().send(*args, **more)


class Slowly(ScriptedClient):
    """A client that takes its time, model by model."""

    def __init__(self, clock, seconds):
        super().__init__()
        self.clock, self.seconds, self.models = clock, seconds, []

    async def send(self, destination, outgoing, deadlines, slot=None):
        model = json.loads(outgoing.body)["model"]
        self.models.append(model)
        self.clock.now += self.seconds[model]
        self.answers.append(good())
        return await super().send(destination, outgoing, deadlines, slot)


class TestParams:
    def test_defaults_overrides_and_drops_in_this_order(self, app):
        config = single(
            default_params={"temperature": 0.5, "top_p": 0.9, "seed": 3},
            override_params={"model": "gpt-a", "top_p": 0.1},
            drop_params=["user", "messages[*].name", "seed"],
        )
        body = {
            "model": "m",
            "temperature": 1,
            "user": "u",
            "messages": [{"role": "user", "content": "a", "name": "x"}, {"role": "user", "content": "b"}],
        }
        _, client = chat(app, config, good(), body=body)
        assert client.body == {
            "model": "gpt-a",
            "temperature": 1,
            "top_p": 0.1,
            "messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
        }

    def test_children_inherit_parameter_by_parameter(self, app):
        config = {
            "override_params": {"temperature": 0, "seed": 1},
            "strategy": {"mode": "single"},
            "targets": [{"provider": "@openai", "override_params": {"model": "gpt-a", "seed": 2}}],
        }
        _, client = chat(app, config, good())
        assert (client.body["temperature"], client.body["seed"], client.body["model"]) == (0, 2, "gpt-a")

    def test_what_is_edited_for_one_target_does_not_reach_the_next(self, app):
        config = two(first={"override_params": {"model": "gpt-a", "seed": 1}})
        _, client = chat(app, config, answer(500, SERVER), good())
        assert [json.loads(out.body).get("seed") for _, out in client.sent] == [1, None]

    def test_passthrough_leaves_the_body_alone(self, app):
        body = b'{ "model": "own",  "messages": [] , "stream": true}'
        _, client = chat(
            app, {"provider": "@openai", "passthrough": True, "override_params": {"seed": 1}}, events(CHUNK, LAST), body=body
        )
        assert client.sent[0][1].body == body

    def test_passthrough_needs_the_same_dialect(self, app):
        answered, _ = chat(app, {"provider": "@claude", "passthrough": True})
        assert (answered.status, answered.json["error"]["code"]) == (400, "passthrough_impossible")

    def test_headers_of_the_caller_go_along(self, app):
        config = single(forward_headers=["X-Tenant", "x-absent", "user-agent"])
        _, client = chat(app, config, good(), headers=[("x-tenant", "acme"), ("x-other", "no"), ("user-agent", "me")])
        assert client.headers[b"x-tenant"] == b"acme"
        assert b"x-other" not in client.headers
        assert client.headers[b"user-agent"].startswith(b"lockgate/")  # the operator's stay the operator's

    def test_the_caller_s_own_list_of_headers_comes_first(self, app):
        config = single(forward_headers=["x-tenant"])
        headers = [("x-tenant", "acme"), ("x-other", "yes"), ("x-portkey-forward-headers", "x-other")]
        _, client = chat(app, config, good(), headers=headers)
        assert (client.headers[b"x-other"], b"x-tenant" in client.headers) == (b"yes", False)

    def test_a_loss_is_an_error_where_the_route_is_strict(self, app):
        config = {"provider": "@claude", "override_params": {"model": "claude-x"}, "strict": True}
        answered, client = chat(app, config, body={**ASK, "logit_bias": {"1": 2}})
        assert (answered.status, answered.json["error"]["code"]) == (400, "not_expressible")
        assert "logit_bias" in answered.json["error"]["message"]
        assert client.sent == []

    def test_a_strict_route_goes_to_who_can_be_told(self, app):
        config = {
            "strict": True,
            "strategy": {"mode": "fallback", "on_status_codes": [429]},
            "targets": [{"provider": "@claude", "override_params": {"model": "claude-x"}}, single()],
        }
        answered, client = chat(app, config, good(), body={**ASK, "logit_bias": {"1": 2}})
        assert (answered.status, client.body["model"]) == (200, "gpt-a")
        assert went(app)[1][1] == "skipped"


class TestAccess:
    def test_a_target_that_the_key_may_not_use_is_passed_over(self, app):
        answered, client = chat(app, "pc-both", good(), auth=[("authorization", "Bearer narrow-key-0123456789-abcdef")])
        assert (answered.status, client.body["model"]) == (200, "gpt-b")

    def test_a_fallback_target_is_checked_like_the_first(self, app):
        config = {
            "strategy": {"mode": "fallback"},
            "targets": [{"provider": "@second", "override_params": {"model": "b"}}, single()],
        }
        answered, client = chat(
            app, config, answer(500, SERVER), auth=[("authorization", "Bearer narrow-key-0123456789-abcdef")]
        )
        assert (answered.status, len(client.sent)) == (500, 1)

    def test_when_none_may_be_used_the_first_no_is_the_answer(self, app):
        config = {
            "strategy": {"mode": "fallback"},
            "targets": [single(), {"provider": "@claude", "override_params": {"model": "c"}}],
        }
        answered, _ = chat(app, config, auth=[("authorization", "Bearer narrow-key-0123456789-abcdef")])
        assert answered.status == 403
        assert "@openai/gpt-a" in answered.json["error"]["message"]

    def test_a_key_has_a_config_of_its_own(self, app):
        _, client = chat(
            app, None, answer(500, SERVER), good(), auth=[("authorization", "Bearer routed-key-0123456789-abcdef")]
        )
        assert [json.loads(out.body)["model"] for _, out in client.sent] == ["gpt-a", "gpt-b"]

    def test_which_a_request_may_replace(self, app):
        _, client = chat(app, single(), good(), auth=[("authorization", "Bearer routed-key-0123456789-abcdef")])
        assert client.body["model"] == "gpt-a"

    def test_unless_it_is_fixed(self, app):
        auth = [("authorization", "Bearer fixed-key-0123456789-abcdefg")]
        answered, _ = chat(app, single(), auth=auth)
        assert (answered.status, answered.json["error"]["code"]) == (400, "config_fixed")
        assert "Cannot override default config set for this API key" in answered.json["error"]["message"]
        assert chat(app, "pc-both", good(), auth=auth)[0].status == 200

    def test_a_model_s_name_may_stand_for_a_config(self, app):
        answered, client = chat(app, None, answer(500, SERVER), good(), body={**ASK, "model": "smart"})
        assert (answered.status, client.body["model"]) == (200, "gpt-b")
        assert record(app).route == "pc-both"

    def test_the_key_that_a_caller_brings_goes_to_one_provider(self, app):
        config = {
            "strategy": {"mode": "fallback"},
            "targets": [{"provider": "openai"}, {"provider": "groq", "override_params": {"model": "x"}}],
        }
        headers = [("x-portkey-api-key", KEY)]
        auth = [("authorization", "Bearer sk-of-the-caller")]
        _, client = chat(app, config, answer(500, SERVER), good(), headers=headers, auth=auth)
        assert [dict(out.headers)[b"authorization"] for _, out in client.sent] == [
            b"Bearer sk-openai-secret-1234567890",
            b"Bearer gsk-secret-1234567890",
        ]
        _, client = chat(app, {"provider": "openai"}, good(), headers=headers, auth=auth)
        assert client.headers[b"authorization"] == b"Bearer sk-of-the-caller"


class TestChoice:
    CONFIG = {
        "strategy": {
            "mode": "conditional",
            "conditions": [
                {"query": {"metadata.plan": {"$eq": "paid"}}, "then": "good"},
                {"query": {"params.max_tokens": {"$gt": 1000}}, "then": "good"},
            ],
            "default": "cheap",
        },
        "targets": [
            {"name": "good", **single()},
            {"name": "cheap", "provider": "@second", "override_params": {"model": "gpt-b"}},
        ],
    }

    @pytest.mark.parametrize(
        ("metadata", "body", "model"),
        [('{"plan": "paid"}', {}, "gpt-a"), ('{"plan": "free"}', {}, "gpt-b"), ("{}", {"max_tokens": 2000}, "gpt-a")],
    )
    def test_the_condition_that_holds_decides(self, app, metadata, body, model):
        _, client = chat(app, self.CONFIG, good(), body={**ASK, **body}, headers=[("x-portkey-metadata", metadata)])
        assert client.body["model"] == model

    def test_the_record_says_which(self, app):
        chat(app, self.CONFIG, good(), headers=[("x-portkey-metadata", '{"plan": "paid"}')])
        assert went(app)[0][:2] == ("config.targets[0]", "matched")
        assert "metadata.plan" in went(app)[0][2]

    def test_no_way_is_a_400_that_says_so(self, app):
        config = {**self.CONFIG, "strategy": {**self.CONFIG["strategy"], "default": ""}}
        answered, _ = chat(app, config)
        assert (answered.status, answered.json["error"]["code"]) == (400, "no_target")


def test_an_inline_config_is_compiled_once(app, monkeypatch):
    from lockgate.pipeline import plan

    seen = []
    compiled = plan.compile_inline
    monkeypatch.setattr(plan, "compile_inline", lambda text, **said: (seen.append(text), compiled(text, **said))[1])
    for _ in range(3):
        chat(app, single(), good())
    assert len(seen) == 1


def test_what_is_passed_through_goes_to_one_place(app):
    answered = ask(app.gateway, "GET", "/v1/files", headers=[*AUTH, ("x-portkey-config", "pc-both")])
    assert (answered.status, answered.json["error"]["code"]) == (400, "several_targets")


def test_a_count_is_taken_at_the_first_target(app):
    body = {"model": "m", "messages": [{"role": "user", "content": "ping"}]}
    headers = [*AUTH, ("x-lockgate-config", "pc-both")]
    answered = ask(app.gateway, "POST", "/v1/messages/count_tokens", body=body, headers=headers)
    assert answered.status == 200
    assert record(app).route == "pc-both"


class TestCompliance:
    REASONED = {**CLAUDE_REPLY, "content": [{"type": "thinking", "thinking": "hm", "signature": "s"}, *CLAUDE_REPLY["content"]]}

    def message(self, app, *, headers=(), **config):
        target = {"provider": "@claude", "override_params": {"model": "claude-x"}, **config}
        answered, _ = chat(app, target, good(self.REASONED), headers=headers)
        return answered.json["choices"][0]["message"]

    def test_an_extended_answer_has_the_blocks(self, app):
        assert "content_blocks" in self.message(app, strict_open_ai_compliance=False)
        assert "content_blocks" in self.message(app, headers=[("x-portkey-strict-open-ai-compliance", "false")])

    def test_a_strict_one_has_what_openai_s_have(self, app):
        for message in (
            self.message(app, strict_open_ai_compliance=True),
            self.message(app, headers=[("x-portkey-strict-open-ai-compliance", "true")]),
        ):
            assert not {"content_blocks", "reasoning_content"} & message.keys()

    def test_the_route_s_word_comes_before_the_caller_s(self, app):
        headers = [("x-portkey-strict-open-ai-compliance", "true")]
        assert "content_blocks" in self.message(app, headers=headers, strict_open_ai_compliance=False)


def test_a_large_body_is_worked_on_beside_the_loop(app, monkeypatch):
    from lockgate.pipeline import attempts

    threads = []
    ready = attempts.ready
    monkeypatch.setattr(attempts, "ready", lambda *more: (threads.append(threading.current_thread()), ready(*more))[1])
    for size in (10, 2_000_000):
        body = {"model": "m", "messages": [{"role": "user", "content": "x" * size}]}
        answered, client = chat(app, single(), good(), body=body)
        assert answered.status == 200
        assert len(client.body["messages"][0]["content"]) == size
    assert [each is threading.main_thread() for each in threads] == [True, False]


def test_what_is_wrong_with_a_large_body_is_said_as_with_a_small_one(app):
    answered, _ = chat(app, single(), body=b'{"model": "m", "x": "' + b"y" * 2_000_000)
    assert (answered.status, answered.json["error"]["code"]) == (400, "invalid_json")


def test_streams_that_always_break_open_the_circuit(app):
    config = two(strategy={"cb_config": {"failure_threshold_percentage": 60, "minimum_requests": 4}})
    body = {**ASK, "stream": True}
    for _ in range(4):
        chat(app, config, events(CHUNK, Failure("cut", 502, "cut")), body=body)
    _, client = chat(app, config, events(CHUNK, LAST, b"data: [DONE]\n\n"), body=body)
    assert client.body["model"] == "gpt-b"


def test_a_probe_s_stream_closes_the_circuit_when_it_begins(app):
    for _ in range(6):
        chat(app, "pc-both", refused(), good())
    app.clock.now += 40.0
    seen = []

    class Watched(ScriptedExchange):
        async def chunk(self):
            piece = await super().chunk()
            (breaker,) = [each for (key, _), each in app.runtime.health._breakers.items() if key[1] == "gpt-a"]
            seen.append(breaker.state(app.clock.now))
            return piece

    stream = events(CHUNK, LAST, b"data: [DONE]\n\n")
    stream.__class__ = Watched
    chat(app, "pc-both", stream, body={**ASK, "stream": True})
    assert seen == ["half-open", "closed", "closed", "closed"]


def test_when_every_target_is_being_probed_by_somebody_else_the_caller_is_answered_all_the_same(app, monkeypatch):
    for _ in range(6):
        chat(app, "pc-both", refused(), refused())
    app.clock.now += 40.0
    monkeypatch.setattr(LocalCell, "swap", lambda *more: False)  # somebody was quicker
    answered, client = chat(app, "pc-both", good())
    assert answered.status == 200
    assert client.body["model"] == "gpt-a"


class TestHostile:
    def test_a_request_tries_so_often_and_no_more(self, app):
        config = {"strategy": {"mode": "fallback", "cb_config": False}, "targets": [single() for _ in range(200)]}
        answered, client = chat(app, config, *(answer(500, SERVER) for _ in range(200)))
        assert (answered.status, len(client.sent)) == (500, MOST_TRIES)
        assert went(app)[-1][2].startswith("100 tries")

    def test_configs_that_callers_bring_are_kept_within_bounds(self, app):
        routes = app.world.snapshot.inline_routes
        for n in range(40):
            chat(app, single(override_params={"model": "gpt-a", "user": "x" * 30_000, "seed": n}), good())
        assert sum(map(len, routes)) <= INLINE_BYTES
        assert app.world.snapshot.targets == {}  # nor do they leave anything behind

    def test_a_host_of_the_caller_s_is_never_left_out_in_silence(self, app):
        for config, headers in (
            ({"custom_host": "https://own.example/v1"}, ()),
            (None, [("x-portkey-custom-host", "https://own.example/v1")]),
        ):
            for model in ("@openai/gpt-a", "gpt-4.1"):
                answered, client = chat(app, config, good(), body={**ASK, "model": model}, headers=headers)
                assert (answered.status, answered.json["error"]["code"]) == (400, "custom_host_with_stored_key")
                assert client.sent == []

    def test_one_bare_name_more_forgets_no_target(self, app):
        for model in ("gpt-4.1", "gpt-4.1-mini"):
            chat(app, None, good(), body={**ASK, "model": model})
        assert len(app.world.snapshot.targets) == 2
