"""Two attempts at once: who wins, what becomes of the other, and what is on record. Time passes when a test says so."""

import asyncio
import json

import pytest

from lockgate.core.failure import Failure, Refusal
from support.house import make_app
from support.scripted import event
from support.stage import ASK, REPLY, Stage, quiet, scene

CONFIG = """
providers:
  openai: {api_key: sk-openai-secret-1234567890}
  claude: {provider: anthropic, api_key: sk-ant-secret-1234567890}
  second: {provider: openai, api_key: sk-second-secret-1234567890}
prices:
  openai/gpt-a: {input: 2.0, output: 8.0}
  second/gpt-b: {input: 1.0, output: 4.0}
"""
TOLD = 104  # its tokens, by estimate
SERVER = {"error": {"message": "The server had an error", "type": "server_error", "param": None, "code": None}}
ROLE = {
    "id": "c1",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "gpt-x",
    "choices": [{"index": 0, "delta": {"role": "assistant"}, "finish_reason": None}],
}
DONE = b"data: [DONE]\n\n"


def word(text):
    return {**ROLE, "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}


LAST = {**ROLE, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": REPLY["usage"]}


@pytest.fixture
def stage(tmp_path):
    return Stage(make_app(tmp_path, CONFIG), tmp_path)


FIRST, SECOND = "targets[0]", "targets[1]"
SOON = {"after": 750, "max_percentage": 100}
STREAM = {**ASK, "stream": True}


def two(mode="fallback", hedge=SOON, first=None, second=None, strategy=None, **more):
    return {
        "strategy": {"mode": mode, **(strategy or {})},
        "hedge": hedge,
        "targets": [
            {"provider": "@openai", "override_params": {"model": "gpt-a"}, **(first or {})},
            {"provider": "@second", "override_params": {"model": "gpt-b"}, **(second or {})},
        ],
        **more,
    }


def one(**more):
    return {"provider": "@openai", "override_params": {"model": "gpt-a"}, "hedge": {**SOON, "to": "same"}, **more}


@scene
async def test_a_quick_answer_is_not_hedged(stage):
    asked = await stage.asks(two())
    await stage.passes(0.7)
    stage.tries[0].answers()
    assert (await asked).status == 200
    await stage.passes(9.0)
    assert [each.model for each in stage.tries] == ["gpt-a"]
    assert stage.timers[0].cancelled
    assert stage.attempts == [(FIRST, 200, "")]
    assert (stage.record.cost_nusd, stage.record.cost_note) == (100 * 2000 + 10 * 8000, "")


@scene
async def test_a_slow_one_is_and_the_faster_answer_is_the_caller_s(stage):
    asked = await stage.asks(two())
    await stage.passes(0.75)
    assert [each.model for each in stage.tries] == ["gpt-a", "gpt-b"]
    await stage.passes(0.25)
    stage.tries[1].answers()
    answered = await asked
    assert answered.json["choices"][0]["message"]["content"] == "pong"
    assert answered.headers["x-portkey-provider"] == "second"
    assert answered.headers["x-portkey-last-used-option-index"] == "config.targets[1]"
    assert answered.headers["x-portkey-retry-attempt-count"] == "0"
    assert stage.tries[0].closed
    assert stage.attempts == [(FIRST, 0, "hedged"), (SECOND, 200, "")]
    assert stage.went == [
        (FIRST, "chosen", ""),
        (FIRST, "hedged", "no answer after 0.75 s"),
        (SECOND, "chosen", ""),
        (FIRST, "left", "the one beside it was faster"),
    ]
    first, second = stage.record.attempts
    assert (first.start_us, first.duration_us, second.start_us, second.duration_us) == (0, 1_000_000, 750_000, 250_000)
    assert (stage.record.provider, stage.record.target, stage.record.outcome) == ("second", "config.targets[1]", "ok")
    assert (stage.record.ttft_us, stage.record.gateway_us) == (1_000_000, 0)


@scene
async def test_both_are_paid_for(stage):
    asked = await stage.asks(two())
    await stage.passes(0.75)
    stage.tries[1].answers()
    await asked
    kept = stage.record
    lost, won = kept.attempts
    assert (lost.input, lost.output, lost.cost_nusd) == (TOLD, 0, TOLD * 2000)
    assert (won.input, won.output, won.cost_nusd) == (100, 10, 100 * 1000 + 10 * 4000)
    assert kept.cost_nusd == lost.cost_nusd + won.cost_nusd
    assert (kept.usage.input, kept.usage.output) == (100 + TOLD, 10)
    assert (kept.usage_source, kept.cost_note) == ("provider", "estimated in part")
    assert json.loads(bytes(kept.usage.raw)) == REPLY["usage"]


@scene
async def test_a_sum_with_an_unknown_part_is_unknown(stage):
    asked = await stage.asks(two(second={"override_params": {"model": "nobody-knows"}}))
    await stage.passes(0.75)
    stage.tries[0].answers()
    await asked
    assert (stage.record.cost_nusd, stage.record.cost_note) == (None, "unknown price")
    assert [each.cost_nusd for each in stage.record.attempts] == [None, 100 * 2000 + 10 * 8000]


@scene
async def test_the_first_may_still_be_faster(stage):
    asked = await stage.asks(two())
    await stage.passes(0.75)
    stage.tries[0].answers()
    answered = await asked
    assert answered.headers["x-portkey-provider"] == "openai"
    assert stage.tries[1].closed
    assert stage.attempts == [(SECOND, 0, "hedged"), (FIRST, 200, "")]
    assert stage.went[-1] == (SECOND, "left", "the one beside it was faster")


@scene
async def test_of_two_that_begin_at_once_one_is_taken(stage):
    asked = await stage.asks(two())
    await stage.passes(0.75)
    stage.tries[1].answers()
    stage.tries[0].answers()
    assert (await asked).status == 200
    await quiet()
    assert sorted(kind for _, _, kind in stage.attempts) == ["", "hedged"]
    assert all(each.closed for each in stage.tries)


@scene
async def test_nobody_is_in_flight_afterwards(stage):
    asked = await stage.asks(two())
    await stage.passes(0.75)
    assert [stage.pulse("openai", "gpt-a").in_flight, stage.pulse("second", "gpt-b").in_flight] == [1, 1]
    stage.tries[1].answers()
    await asked
    await quiet()
    assert [stage.pulse("openai", "gpt-a").in_flight, stage.pulse("second", "gpt-b").in_flight] == [0, 0]
    assert stage.pulse("openai", "gpt-a").latency_s == pytest.approx(0.75)  # at least: a balance learns of it


@scene
async def test_the_hedge_may_go_to_the_same_target(stage):
    asked = await stage.asks(one())
    await stage.passes(0.75)
    assert [each.model for each in stage.tries] == ["gpt-a", "gpt-a"]
    stage.tries[1].answers()
    answered = await asked
    assert answered.headers["x-portkey-retry-attempt-count"] == "0"
    assert [(each.target, each.kind) for each in stage.record.attempts] == [("config", "hedged"), ("config", "")]
    assert stage.pulse("openai", "gpt-a").in_flight == 0


@scene
async def test_without_a_next_target_there_is_none(stage):
    config = two(first={"name": "a"}, second={"name": "b"})
    config["strategy"] = {"mode": "conditional", "conditions": [{"query": {}, "then": "a"}]}
    asked = await stage.asks(config)
    await stage.passes(5.0)
    assert len(stage.tries) == 1
    stage.tries[0].answers()
    assert (await asked).status == 200


@scene
async def test_where_no_condition_leads_to_a_next_one_there_is_none(stage):
    choice = {"strategy": {"mode": "conditional", "conditions": [{"query": {"model": "other"}, "then": "b"}]}}
    config = two()
    config["targets"][1] = {**choice, "targets": [{**config["targets"][1], "name": "b"}]}
    asked = await stage.asks(config)
    await stage.passes(5.0)
    stage.tries[0].answers()
    assert (await asked).status == 200
    assert stage.went[-1][1] == "hedged"
    assert "no condition holds" in stage.went[-1][2]


@scene
async def test_one_that_another_request_is_probing_is_passed_over(stage):
    begin = stage.app.runtime.health.begin
    stage.app.runtime.health.begin = lambda key, *more: key[0] != "second" and begin(key, *more)
    asked = await stage.asks(two())
    await stage.passes(0.75)
    assert len(stage.tries) == 1
    stage.tries[0].answers()
    assert (await asked).status == 200
    assert stage.went[-1] == (SECOND, "skipped", "its circuit is half open, and another request is probing it")


@scene
async def test_a_balance_draws_another_one(stage):
    asked = await stage.asks(two("loadbalance"))
    await stage.passes(0.75)
    assert sorted(each.model for each in stage.tries) == ["gpt-a", "gpt-b"]
    stage.tries[1].answers()
    assert (await asked).status == 200


@scene
async def test_a_target_that_cannot_be_asked_is_passed_over(stage):
    config = two()
    config["targets"].insert(1, {"provider": "@claude", "strict": True, "override_params": {"model": "claude-x"}})
    asked = await stage.asks(config, {**ASK, "logit_bias": {"1": 2}})
    await stage.passes(0.75)
    assert [each.model for each in stage.tries] == ["gpt-a", "gpt-b"]
    stage.tries[1].answers()
    await asked
    assert [what for _, what, _ in stage.went] == ["chosen", "hedged", "chosen", "skipped", "chosen", "left"]


@scene
async def test_the_dialect_of_each_is_its_own(stage):
    asked = await stage.asks(two(second={"provider": "@claude", "override_params": {"model": "claude-x"}}))
    await stage.passes(0.75)
    usage = {"input_tokens": 5, "output_tokens": 1}
    text = [{"type": "text", "text": "pong"}]
    stage.tries[1].answers(
        {
            "id": "m",
            "type": "message",
            "role": "assistant",
            "model": "c",
            "content": text,
            "stop_reason": "end_turn",
            "usage": usage,
        }
    )
    assert (await asked).json["choices"][0]["message"]["content"] == "pong"
    assert (stage.record.gear, stage.record.dialect_out) == ("translate", "anthropic.messages")


class TestFailures:
    @pytest.mark.parametrize(
        "fails", [lambda each: each.fails(), lambda each: each.answers(SERVER, 500)], ids=["network", "500"]
    )
    def test_the_second_s_leaves_the_first_alone(self, stage, fails):
        async def play():
            asked = await stage.asks(two())
            await stage.passes(0.75)
            fails(stage.tries[1])
            await stage.passes(3.0)
            stage.tries[0].answers()
            assert (await asked).headers["x-portkey-provider"] == "openai"

        asyncio.run(play())
        assert [(target, kind != "") for target, _, kind in stage.attempts] == [(SECOND, True), (FIRST, False)]
        assert (stage.record.cost_note, stage.record.ttft_us) == ("", 3_750_000)

    @pytest.mark.parametrize(
        "fails", [lambda each: each.fails(), lambda each: each.answers(SERVER, 500)], ids=["network", "500"]
    )
    def test_the_first_s_leaves_the_second_alone(self, stage, fails):
        async def play():
            asked = await stage.asks(two())
            await stage.passes(0.75)
            fails(stage.tries[0])
            await stage.passes(3.0)
            stage.tries[1].answers()
            assert (await asked).headers["x-portkey-provider"] == "second"

        asyncio.run(play())
        assert [(target, kind != "") for target, _, kind in stage.attempts] == [(FIRST, True), (SECOND, False)]
        assert stage.record.gateway_us == 0

    def test_the_first_s_before_the_wait_is_over_is_an_ordinary_one(self, stage):
        async def play():
            asked = await stage.asks(two())
            await stage.passes(0.25)
            stage.tries[0].answers(SERVER, 500)
            await quiet()
            assert [each.model for each in stage.tries] == ["gpt-a", "gpt-b"]
            await stage.passes(5.0)
            assert len(stage.tries) == 2  # the fallback is not hedged
            stage.tries[1].answers()
            assert (await asked).status == 200

        asyncio.run(play())
        assert stage.went == [(FIRST, "chosen", ""), (FIRST, "left", "server (500)"), (SECOND, "chosen", "")]

    def test_both_send_the_request_on(self, stage):
        async def play():
            config = two()
            config["targets"].append({"provider": "@openai", "override_params": {"model": "gpt-c"}})
            asked = await stage.asks(config)
            await stage.passes(0.75)
            stage.tries[1].fails()
            await quiet()
            stage.tries[0].answers(SERVER, 500)
            await quiet()
            stage.tries[2].answers()
            assert (await asked).status == 200

        asyncio.run(play())
        assert [each.model for each in stage.tries] == ["gpt-a", "gpt-b", "gpt-c"]
        assert stage.attempts == [(SECOND, 0, "connect"), (FIRST, 500, "server"), ("targets[2]", 200, "")]
        assert stage.went[2:] == [
            (SECOND, "chosen", ""),
            (FIRST, "left", "server (500)"),
            (SECOND, "left", "connect (502)"),
            ("targets[2]", "chosen", ""),
        ]

    def test_the_last_word_is_the_second_s(self, stage):
        async def play():
            asked = await stage.asks(two())
            await stage.passes(0.75)
            stage.tries[1].answers(SERVER, 503)
            stage.tries[0].fails()
            answered = await asked
            assert (answered.status, answered.headers["x-portkey-last-used-option-index"]) == (503, "config.targets[1]")

        asyncio.run(play())
        assert (stage.record.outcome, stage.record.target, stage.record.provider) == ("failed", "config.targets[1]", "second")

    def test_a_hedge_to_the_same_target_that_fails_twice_is_retried(self, stage):
        async def play():
            stage.app.runtime.pause = lambda seconds, caller: asyncio.sleep(0)
            asked = await stage.asks(one(retry={"attempts": 2}))
            await stage.passes(0.75)
            for each in stage.tries[:2]:
                each.answers(SERVER, 500)
            await quiet()
            assert len(stage.tries) == 3
            stage.tries[2].answers()
            assert (await asked).headers["x-portkey-retry-attempt-count"] == "2"

        asyncio.run(play())

    def test_an_answer_that_turns_out_to_be_none_sends_it_to_the_one_that_was_broken_off(self, stage):
        async def play():
            asked = await stage.asks(two())
            await stage.passes(0.75)
            stage.tries[0].answers(SERVER)  # a 200 that carries an error
            await quiet()
            assert stage.tries[1].closed
            assert stage.tries[2].model == "gpt-b"
            stage.tries[2].answers()
            assert (await asked).status == 200

        asyncio.run(play())
        assert [kind for _, _, kind in stage.attempts] == ["hedged", "server", ""]

    @pytest.mark.parametrize(("refused", "asked"), [("gpt-a", "second"), ("gpt-b", "openai")])
    def test_our_own_no_to_one_leaves_the_other_alone(self, stage, refused, asked):
        async def play():
            going = await stage.asks(two())
            await stage.passes(0.75)
            stage.tries[refused == "gpt-b"].fails(Refusal(403, "no", "not this one"))
            await quiet()
            stage.tries[refused == "gpt-a"].answers()
            assert (await going).headers["x-portkey-provider"] == asked

        asyncio.run(play())
        assert "not this one" in [why for _, what, why in stage.went if what == "skipped"]
        assert len(stage.record.attempts) == 1

    def test_our_own_no_to_the_only_one_is_the_answer(self, stage):
        async def play():
            going = await stage.asks(two())
            stage.tries[0].fails(Refusal(403, "no", "not this one"))
            answered = await going
            assert (answered.status, answered.json["error"]["code"]) == (403, "no")

        asyncio.run(play())
        assert stage.record.outcome == "refused"

    def test_a_bug_is_no_answer(self, stage):
        async def play():
            asked = await stage.asks(two())
            stage.tries[0].says(b"x").head(kind=None)  # what no transport gives
            answered = await asked
            assert answered.status == 500

        asyncio.run(play())
        assert stage.pulse("openai", "gpt-a").in_flight == 0


class TestTheCaller:
    def test_leaving_breaks_off_both(self, stage):
        async def play():
            asked = await stage.asks(two())
            await stage.passes(0.75)
            stage.line.lost = True
            stage.line.when_lost()
            await asked

        asyncio.run(play())
        assert [each.closed for each in stage.tries] == [True, True]
        assert stage.record.outcome == "client_left"
        assert sorted(stage.attempts) == [(FIRST, 0, "cut"), (SECOND, 0, "cut")]
        assert [stage.pulse("openai", "gpt-a").in_flight, stage.pulse("second", "gpt-b").in_flight] == [0, 0]

    def test_who_has_left_is_not_hedged_for(self, stage):
        async def play():
            asked = await stage.asks(two())
            stage.line.lost = True
            stage.line.when_lost()
            await stage.passes(0.75)
            await asked

        asyncio.run(play())
        assert len(stage.tries) == 1

    def test_leaving_the_winner_breaks_it_off(self, stage):
        async def play():
            asked = await stage.asks(two(), STREAM)
            await stage.passes(0.75)
            stage.tries[1].streams(ROLE, word("po"))
            await quiet()
            stage.line.lost = True
            stage.line.when_lost()
            await asked

        asyncio.run(play())
        assert stage.tries[1].closed
        assert (stage.record.outcome, stage.record.provider) == ("client_left", "second")

    def test_a_request_that_is_ended_ends_both(self, stage):
        async def play():
            asked = await stage.asks(two())
            await stage.passes(0.75)
            asked.cancel()
            await quiet()

        asyncio.run(play())
        assert [each.closed for each in stage.tries] == [True, True]
        assert [stage.pulse("openai", "gpt-a").in_flight, stage.pulse("second", "gpt-b").in_flight] == [0, 0]

    def test_a_race_whose_attempt_is_ended_from_outside_ends(self, stage):
        async def play():
            asked = await stage.asks(two())
            for task in asyncio.all_tasks():
                if task.get_coro().__name__ == "_run":
                    task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked

        asyncio.run(play())
        assert stage.pulse("openai", "gpt-a").in_flight == 0


class TestStreams:
    def test_headers_and_a_role_begin_nothing(self, stage):
        async def play():
            asked = await stage.asks(two(), STREAM)
            stage.tries[0].streams(b": waiting\n\n", ROLE)
            await stage.passes(0.75)
            assert len(stage.tries) == 2
            assert stage.line.status == 0
            stage.tries[1].streams(ROLE, word("po"), word("ng"), LAST, DONE).ends()
            return await asked

        answered = asyncio.run(play())
        assert answered.body == b"".join(map(event, [ROLE, word("po"), word("ng"), LAST])) + DONE
        assert stage.tries[0].closed
        assert stage.attempts == [(FIRST, 200, "hedged"), (SECOND, 200, "")]

    def test_the_first_real_event_wins_and_nothing_of_the_other_is_heard(self, stage):
        async def play():
            asked = await stage.asks(two(), STREAM)
            stage.tries[0].streams(ROLE)
            await stage.passes(0.75)
            stage.tries[1].streams(ROLE)
            stage.tries[0].says(word("first"))
            await quiet()
            stage.tries[1].says(word("second"))
            stage.tries[0].says(LAST, DONE).ends()
            return await asked

        answered = asyncio.run(play())
        assert answered.body == b"".join(map(event, [ROLE, word("first"), LAST])) + DONE
        assert stage.record.stream
        assert stage.record.usage.input == 100 + TOLD

    def test_one_that_fails_before_it_begins_leaves_the_other_alone(self, stage):
        async def play():
            asked = await stage.asks(two(), STREAM)
            await stage.passes(0.75)
            stage.tries[1].streams(ROLE, {"error": {"message": "no", "type": "server_error", "code": None}})
            await quiet()
            stage.tries[0].streams(ROLE, word("pong"), LAST, DONE).ends()
            return await asked

        assert b"pong" in asyncio.run(play()).body
        assert [(target, kind) for target, _, kind in stage.attempts] == [(SECOND, "server"), (FIRST, "")]

    def test_one_that_ends_before_it_begins_too(self, stage):
        async def play():
            asked = await stage.asks(two(), STREAM)
            await stage.passes(0.75)
            stage.tries[0].streams(ROLE).ends()
            await quiet()
            stage.tries[1].streams(ROLE, word("pong"), LAST, DONE).ends()
            return await asked

        assert b"pong" in asyncio.run(play()).body
        assert stage.record.attempts[0].message == "The provider's stream ended before it had begun."

    def test_what_breaks_after_it_has_begun_is_the_winner_s(self, stage):
        async def play():
            asked = await stage.asks(two(), STREAM)
            await stage.passes(0.75)
            stage.tries[1].streams(ROLE, word("po"))
            await quiet()
            stage.tries[1].fails(Failure("cut", 502, "cut"))
            return await asked

        answered = asyncio.run(play())
        assert b"po" in answered.body
        assert b'"error"' in answered.body
        assert len(stage.tries) == 2
        assert (stage.record.outcome, stage.record.usage_source) == ("broken", "estimated")
        assert stage.record.attempts[0].input == TOLD  # not what the winner said

    def test_a_translated_stream_is_watched_in_its_own_dialect(self, stage):
        async def play():
            asked = await stage.asks(two(second={"provider": "@claude", "override_params": {"model": "claude-x"}}), STREAM)
            await stage.passes(0.75)
            message = {
                "id": "m",
                "type": "message",
                "role": "assistant",
                "model": "c",
                "content": [],
                "usage": {"input_tokens": 5},
            }
            stage.tries[1].streams(("message_start", {"type": "message_start", "message": message}))
            await quiet()
            assert not stage.tries[0].closed
            block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
            delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "pong"}}
            stage.tries[1].says(("content_block_start", block), ("content_block_delta", delta))
            await quiet()
            assert stage.tries[0].closed
            stop = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}}
            stage.tries[1].says(
                ("content_block_stop", {"type": "content_block_stop", "index": 0}),
                ("message_delta", stop),
                ("message_stop", {"type": "message_stop"}),
            ).ends()
            return await asked

        assert b"pong" in asyncio.run(play()).body


class TestWhatElseAnswers:
    def test_blanks_begin_no_answer(self, stage):
        async def play():
            asked = await stage.asks(two())
            stage.tries[0].head().says(b"\n", b"  \n")
            await stage.passes(0.75)
            assert len(stage.tries) == 2
            stage.tries[0].says(json.dumps(REPLY).encode()).ends()
            answered = await asked
            assert answered.json["id"] == "chatcmpl-1"

        asyncio.run(play())

    def test_sound_begins_with_its_first_bytes(self, stage):
        async def play():
            speech = {"model": "m", "input": "hello", "voice": "alloy"}
            asked = await stage.asks(two(), speech, "/v1/audio/speech")
            stage.tries[0].head(kind=b"audio/mpeg")
            await stage.passes(0.75)
            stage.tries[1].head(kind=b"audio/mpeg").says(b"ID3", b"sound").ends()
            return await asked

        answered = asyncio.run(play())
        assert answered.body == b"ID3sound"
        assert stage.tries[0].closed

    def test_an_empty_body_is_taken_as_it_is(self, stage):
        async def play():
            asked = await stage.asks(two(), {"model": "m", "input": "x", "voice": "a"}, "/v1/audio/speech")
            stage.tries[0].head(kind=b"audio/mpeg").ends()
            return await asked

        assert asyncio.run(play()).body == b""

    def test_a_reader_who_is_slow_gets_all(self, stage):
        async def play():
            asked = await stage.asks(two(), STREAM)
            stage.line.slow = True
            stage.tries[0].streams(ROLE, word("po"), word("ng"), LAST, DONE).ends()
            return await asked

        assert asyncio.run(play()).body.endswith(DONE)
        assert stage.line.drained >= 1


class TestWhen:
    def test_too_little_is_known_at_first(self, stage):
        async def play():
            for n in range(21):
                asked = await stage.asks(two(hedge={"max_percentage": 100}))
                assert len(stage.timers) == (n == 20)
                await stage.passes(1.0 if n == 7 else 0.1)
                stage.tries[-1].answers()
                await asked
            assert stage.timers[0].at == pytest.approx(stage.now - 0.1 + 0.1)  # p95 of one second and nineteen tenths

        asyncio.run(play())

    def test_streams_and_whole_answers_are_told_apart(self, stage):
        async def play():
            for _ in range(20):
                asked = await stage.asks(two(hedge=True))
                stage.tries[-1].answers()
                await asked
            asked = await stage.asks(two(hedge=True), STREAM)
            assert stage.timers == []
            stage.tries[-1].streams(ROLE, word("pong"), LAST, DONE).ends()
            await asked

        asyncio.run(play())

    def test_hedges_stay_within_their_part(self, stage):
        async def play():
            for _ in range(100):
                asked = await stage.asks(two(hedge={"after": 800, "max_percentage": 5}))
                before = len(stage.tries)
                await stage.passes(0.9)
                stage.tries[before - 1].answers()
                await asked

        asyncio.run(play())
        assert len(stage.tries) == 100 + 6  # one to begin with

    def test_a_route_without_a_hedge_has_no_timer_and_no_task(self, stage):
        async def play():
            asked = await stage.asks(two(hedge=False))
            assert (stage.timers, len(asyncio.all_tasks())) == ([], 2)  # this play and the request
            stage.tries[0].answers()
            await asked

        asyncio.run(play())

    def test_the_second_has_what_the_first_has_left_of_the_time(self, stage):
        async def play():
            asked = await stage.asks(two(timeouts={"total": 10}))
            await stage.passes(0.75)
            stage.tries[1].answers()
            await asked

        asyncio.run(play())
        assert [each.deadlines.total for each in stage.tries] == [10, pytest.approx(9.25)]
