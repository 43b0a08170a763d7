"""Cohere's chat: requests and whole answers, both directions, and what is refused."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.core.content import Citation, Declined, Media, Native, Text, Thinking, Tool, ToolCall, ToolResult, Turn
from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import as_any, raw
from lockgate.core.outcome import Outcome
from lockgate.core.reply import Choice, Finish, Reply, Usage
from lockgate.core.request import Format, Reasoning, Request, Sampling, ToolChoice
from lockgate.core.sheet import Sheet
from lockgate.dialects.codec import Voice
from lockgate.dialects.cohere.chat import CODEC
from support.canonical import GOLDEN, RECORDINGS, shape
from support.mutation import mutated

FOLDER = GOLDEN / "cohere_chat"
REQUEST = json.loads((FOLDER / "request.json").read_text())
ANSWERS = {path.stem: path.read_bytes() for path in sorted(FOLDER.glob("*.json")) if path.stem not in ("request", "error")}
VOICE = Voice("01JX", 1767225600, Request("asked-model"))
NAME = "cohere.chat"
PLAIN, REASONS = "command-r7b-12-2024", "command-a-reasoning-08-2025"


def read(body):
    return CODEC.read_request(Sheet.open(json.dumps(body).encode()))


def written(request):
    return json.loads(CODEC.write_request(request).bytes())


def messages(*turns, model=PLAIN):
    return written(Request(model, list(turns)))["messages"]


def user(*parts):
    return Turn("user", list(parts) or [Text("Hi")])


def model(*parts):
    return Turn("assistant", list(parts))


def lost(request):
    CODEC.write_request(request)
    return request.losses


class TestWriteRequest:
    def test_the_smallest_request(self):
        assert written(Request(PLAIN, [user()], stream=True)) == {
            "model": PLAIN,
            "messages": [{"role": "user", "content": "Hi"}],
            "stream": True,
        }

    def test_instructions_stay_where_they_stand(self):
        said = messages(Turn("system", [Text("A"), Text("B")]), user(), Turn("developer", [Text("C")]), user(Text("Go")))
        assert [(message["role"], message["content"]) for message in said] == [
            ("system", "A\n\nB"),
            ("user", "Hi"),
            ("system", "C"),
            ("user", "Go"),
        ]

    def test_a_call_its_answer_and_the_plan(self):
        turns = user(), model(Thinking("I will look.", dialect=NAME, id="tool_plan"), ToolCall("c1", "look", ' {"at": 1} '))
        said = messages(*turns, user(ToolResult("c1", [Text("sky")], "look"), Text("And?")))
        assert said[1:] == [
            {
                "role": "assistant",
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}],
                "tool_plan": "I will look.",
            },
            {"role": "tool", "tool_call_id": "c1", "content": "sky"},
            {"role": "user", "content": "And?"},
        ]

    def test_several_texts_of_an_answer_are_documents(self):
        result = ToolResult("c1", [Text('{"jars": 7}'), Text("{dusty"), Text("")])
        content = messages(user(), model(ToolCall("c1", "f")), user(result))[2]["content"]
        assert content == [
            {"type": "document", "document": {"data": {"jars": 7}}},
            {"type": "document", "document": {"data": {"content": "{dusty"}}},
        ]

    def test_a_tools_error_is_told_as_one(self):
        content = messages(user(), model(ToolCall("c1", "f")), user(ToolResult("c1", [Text("boom")], is_error=True)))[2][
            "content"
        ]
        assert json.loads(content) == {"error": "boom"}

    def test_a_picture_of_a_tool_is_shown_by_the_user(self):
        result = ToolResult("c1", [Text("see"), Media("image", data="iVBO", mime="image/png", detail="low")])
        tool, shown = messages(user(), model(ToolCall("c1", "f")), user(result))[2:]
        assert tool["content"] == "see"
        assert shown["content"] == [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO", "detail": "low"}}]

    def test_text_files_are_told_and_other_files_are_losses(self):
        request = Request(
            PLAIN,
            [
                user(
                    Media("file", text="a,b", name="t.csv"),
                    Media("file", data="JVBE", mime="application/pdf"),
                    Media("audio", data="UklG", mime="audio/wav"),
                    Media("image", file_id="file-1"),
                    Media("image", url="https://x.org/cat.png", detail="original"),
                )
            ],
        )
        content = written(request)["messages"][0]["content"]
        assert content == [
            {"type": "text", "text": '<document title="t.csv">\na,b\n</document>'},
            {"type": "image_url", "image_url": {"url": "https://x.org/cat.png"}},
        ]
        assert request.losses == ["file", "audio", "image by file id"]

    def test_reasoning_goes_back_to_a_model_that_thinks(self):
        turn = model(
            Thinking("Mine.", dialect=NAME),
            Thinking("Echoed.", dialect="openai.chat", id="reasoning_content"),
            Thinking("Signed.", "sig", dialect="anthropic.messages"),
            Text("Hm."),
        )
        assert messages(user(), turn, user(), model=REASONS)[1]["content"] == [
            {"type": "thinking", "thinking": "Mine."},
            {"type": "thinking", "thinking": "Echoed."},
            {"type": "text", "text": "Hm."},
        ]

    def test_an_echoed_plan_is_a_plan_again_where_the_model_knows_no_thinking(self):
        turn = model(Thinking("I will look.", dialect="openai.chat", id="reasoning_content"), ToolCall("c1", "look"))
        said = messages(user(), turn, user(ToolResult("c1", [Text("sky")])))[1]
        assert said["tool_plan"] == "I will look." and "content" not in said
        bare = messages(user(), model(Thinking("Hm.", dialect="openai.chat"), Text("Yes.")), user())[1]
        assert bare == {"role": "assistant", "content": "Yes."}

    def test_texts_that_cite_are_pieces_of_one(self):
        cited = model(Text("There are ", citations=[Citation("https://x.org")]), Text("seven."))
        assert messages(user(), cited, user())[1]["content"] == "There are seven."
        assert messages(user(), model(Declined("No."), Text("Sorry.")), user())[1]["content"] == "No.\n\nSorry."

    def test_free_text_tools_are_functions(self):
        turns = [user(), model(ToolCall("c", "draw", 'a "o"', custom=True)), user(ToolResult("c", [Text("ok")], custom=True))]
        body = written(Request(PLAIN, turns, [Tool("draw", custom=True)]))
        assert json.loads(body["messages"][1]["tool_calls"][0]["function"]["arguments"]) == {"input": 'a "o"'}
        assert body["tools"][0]["function"]["parameters"]["required"] == ["input"]

    @pytest.mark.parametrize(
        ("choice", "word", "offered"),
        [
            (ToolChoice("required"), "REQUIRED", ["f", "g"]),
            (ToolChoice("none"), "NONE", ["f", "g"]),
            (ToolChoice("none", ["f"]), "NONE", ["f", "g"]),
            (ToolChoice("auto"), None, ["f", "g"]),
            (ToolChoice("required", ["g"]), "REQUIRED", ["g"]),
            (ToolChoice("auto", ["g"]), None, ["g"]),
        ],
    )
    def test_a_choice_of_tools(self, choice, word, offered):
        body = written(Request(PLAIN, [user()], [Tool("f"), Tool("g", "G.", raw({"type": "object"}))], tool_choice=choice))
        assert body.get("tool_choice") == word
        assert [tool["function"]["name"] for tool in body["tools"]] == offered
        assert body["tools"][-1] == {
            "type": "function",
            "function": {"name": "g", "description": "G.", "parameters": {"type": "object"}},
        }

    @pytest.mark.parametrize(
        ("schemas", "stricts", "strict"),
        [
            ([{"properties": {"a": {}}, "required": ["a"]}, {}], [True, True], True),
            ([{"properties": {"a": {}}}, {}], [True, True], None),
            ([{}, {}], [True, None], None),
            ([{}, {}], [None, None], None),
        ],
    )
    def test_tools_are_strict_together_or_not_at_all(self, schemas, stricts, strict):
        tools = [Tool(f"f{n}", schema=raw(schema), strict=stricts[n]) for n, schema in enumerate(schemas)]
        request = Request(PLAIN, [user()], tools)
        assert written(request).get("strict_tools") == strict
        assert request.losses == (["tools.strict"] if any(stricts) and not strict else [])

    def test_anothers_tools_are_losses(self):
        own = Tool("search", dialect=NAME, native=raw({"type": "search"}))
        request = Request(PLAIN, [user()], [Tool("googleSearch", dialect="gemini.generate", native=raw({})), own])
        assert written(request)["tools"] == [{"type": "search"}] and request.losses == ["tools.googleSearch"]

    def test_a_schema_for_the_answer(self):
        schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
        body = written(Request(PLAIN, [user(Text("as JSON"))], format=Format("schema", raw(schema))))
        assert body["response_format"] == {"type": "json_object", "json_schema": schema}
        assert body["messages"] == [{"role": "user", "content": "as JSON"}]

    def test_a_conversation_without_a_word_of_json_is_told_to_give_it(self):
        body = written(Request(PLAIN, [Turn("system", [Text("Be kind.")]), user()], format=Format("json")))
        assert body["response_format"] == {"type": "json_object"}
        assert body["messages"][0]["content"] == "Be kind.\n\nAnswer with a single valid JSON object and nothing else."

    def test_a_format_beside_tools_is_told_to_the_model(self):
        request = Request(PLAIN, [user()], [Tool("f")], format=Format("schema", raw({"type": "object"})))
        body = written(request)
        assert "response_format" not in body and request.losses == ["response_format (told to the model)"]
        assert body["messages"][0]["role"] == "system" and body["messages"][0]["content"].endswith('{"type":"object"}')

    @pytest.mark.parametrize(
        ("wanted", "thinking"),
        [
            (Reasoning(effort="none"), {"type": "disabled"}),
            (Reasoning(budget=0), {"type": "disabled"}),
            (Reasoning(effort="low"), {"type": "enabled", "token_budget": 1024}),
            (Reasoning(effort="high"), {"type": "enabled"}),
            (Reasoning(budget=700), {"type": "enabled", "token_budget": 700}),
            (Reasoning(adaptive=True), {"type": "enabled"}),
        ],
    )
    def test_how_much_to_think(self, wanted, thinking):
        assert written(Request(REASONS, [user()], reasoning=wanted))["thinking"] == thinking
        request = Request(PLAIN, [user()], reasoning=wanted)
        assert "thinking" not in written(request)
        assert request.losses == ([] if thinking["type"] == "disabled" else ["reasoning"])

    def test_sampling_is_cut_to_what_is_taken(self):
        sampling = Sampling(
            max_tokens=5,
            temperature=1.5,
            top_p=1,
            top_k=900,
            stop=list("abcdef"),
            seed=1,
            presence_penalty=-0.5,
            frequency_penalty=1.5,
            logprobs=True,
        )
        request = Request(PLAIN, [user()], sampling=sampling)
        body = written(request)
        del body["model"], body["messages"]
        assert body == {
            "max_tokens": 5,
            "temperature": 1.5,
            "p": 0.99,
            "k": 500,
            "stop_sequences": list("abcde"),
            "seed": 1,
            "presence_penalty": 0,
            "frequency_penalty": 1,
            "logprobs": True,
        }
        assert request.losses == [
            "stop beyond 5 sequences",
            "presence_penalty outside 0 to 1",
            "frequency_penalty outside 0 to 1",
        ]

    def test_what_cannot_be_said_is_named(self):
        sampling = Sampling(n=2, logit_bias={"1": 1}, top_logprobs=3)
        request = Request(
            PLAIN,
            [user(Text("Hi", cache=""), Native("anthropic.messages", "search_result", raw({})))],
            sampling=sampling,
            parallel_tools=False,
            verbosity="low",
            user="u",
            metadata={"a": "b"},
            service_tier="flex",
            cache_key="k",
            store=True,
        )
        assert lost(request) == [
            "search_result",
            "cache_control",
            "n",
            "logit_bias",
            "top_logprobs",
            "parallel_tool_calls",
            "verbosity",
            "user",
            "metadata",
            "service_tier",
            "prompt_cache_key",
            "store",
        ]

    def test_what_only_this_provider_knows_passes(self):
        request = Request(PLAIN, [user()], extra={"documents": raw([{"data": {"a": "b"}}]), "safety_mode": raw("OFF")})
        body = written(request)
        assert body["documents"] == [{"data": {"a": "b"}}] and body["safety_mode"] == "OFF"

    def test_an_empty_conversation_is_refused(self):
        with pytest.raises(Refusal) as told:
            CODEC.write_request(Request(PLAIN))
        assert told.value.code == "empty_conversation"


class TestReadRequest:
    def test_the_golden_request_says_what_it_says(self):
        request = read(REQUEST)
        assert [turn.role for turn in request.turns] == ["system", "user", "assistant", "user"]
        assert request.turns[2].parts == [
            Thinking("Jars, then.", dialect=NAME),
            Text("One moment."),
            Thinking("I will count.", dialect=NAME, id="tool_plan"),
            ToolCall("count_1", "count_jars", '{"shelf":1}'),
        ]
        result, said = request.turns[3].parts
        assert result == ToolResult("count_1", [Text('{"jars":7}'), Text('{"content":"dusty"}')], "count_jars")
        assert said == Text("And the other shelf?")
        assert request.reasoning == Reasoning(budget=500) and request.tool_choice == ToolChoice("required")
        assert request.tools[0].strict and request.stream and request.losses == []

    def test_written_again_it_is_the_same(self):
        assert written(read(REQUEST)) == REQUEST

    def test_members_without_a_place_are_losses_and_unknown_ones_pass(self):
        request = read({"messages": [{"role": "user", "content": "Hi"}], "documents": ["x"], "safety_mode": None, "new": 1})
        assert request.losses == ["documents"] and set(request.extra) == {"new"}

    @pytest.mark.parametrize(
        ("change", "param"),
        [
            ({"messages": []}, "messages"),
            ({"messages": [{"role": "nobody", "content": "x"}]}, "messages[0].role"),
            ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
            ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content[0].image_url"),
            (
                {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "cat.png"}}]}]},
                "messages[0].content[0].image_url.url",
            ),
            (
                {"messages": [{"role": "assistant", "tool_calls": [{"id": "a"}]}]},
                "messages[0].tool_calls[0].function.name",
            ),
            ({"tool_choice": "MAYBE"}, "tool_choice"),
            ({"response_format": {"type": "xml"}}, "response_format.type"),
        ],
    )
    def test_what_is_wrong_is_named(self, change, param):
        with pytest.raises(Refusal) as told:
            read({**REQUEST, **change})
        assert told.value.status == 400 and told.value.param == param

    @given(st.data())
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_whatever_comes_is_read_or_refused(self, data):
        try:
            CODEC.write_request(read(mutated(REQUEST, data)))
        except Refusal as refusal:
            assert refusal.status == 400


class TestReadReply:
    def test_text(self):
        reply = CODEC.read_reply(ANSWERS["text"])
        assert reply.id == "3f-text" and reply.model == ""
        assert reply.choices == [Choice([Text("Zwölf Büchsen stehen da. ✨")], Finish("stop", "COMPLETE"))]

    def test_what_is_charged_is_what_was_used(self):
        usage = CODEC.read_reply(ANSWERS["text"]).usage
        assert (usage.input, usage.output, usage.cached) == (21, 9, 0)
        assert as_any(usage.raw)["cached_tokens"] == 480

    def test_without_a_charge_the_count_is(self):
        body = json.loads(ANSWERS["text"])
        body["usage"] = {"tokens": {"input_tokens": 531.0, "output_tokens": 14.0}, "cached_tokens": 480.0}
        usage = CODEC.read_reply(json.dumps(body).encode()).usage
        assert (usage.input, usage.output, usage.cached) == (531, 14, 480)

    def test_thinking_and_the_limit(self):
        choice = CODEC.read_reply(ANSWERS["thinking"]).choices[0]
        assert choice.parts == [Thinking("The user counts jars.", dialect=NAME), Text("Twelve jars")]
        assert choice.finish == Finish("length", "MAX_TOKENS")

    def test_the_plan_is_reasoning_and_arguments_stay_text(self):
        choice = CODEC.read_reply(ANSWERS["tools"]).choices[0]
        assert choice.parts == [
            Thinking("I will count both shelves.", dialect=NAME, id="tool_plan"),
            ToolCall("count_jars_8kd2", "count_jars", '{"shelf": 1, "note": "Öl"}'),
            ToolCall("count_jars_x0q7", "count_jars", "{}"),
        ]
        assert choice.finish == Finish("tool_calls", "TOOL_CALL")

    def test_each_source_of_a_text_is_a_citation(self):
        text = CODEC.read_reply(ANSWERS["cited"]).choices[0].parts[0]
        ledger, tool, bare = text.citations
        assert (ledger.url, ledger.title, ledger.quote) == ("https://pantry.example/ledger", "Pantry ledger", "seven jars")
        assert text.text[ledger.start : ledger.end] == "seven"
        assert (tool.url, tool.title) == ("", "count_jars_8kd2:0") and bare.title == "doc:2"
        assert len(as_any(ledger.native)["sources"]) == 1

    @pytest.mark.parametrize(("word", "kind", "status"), [("ERROR", "server", 502), ("TIMEOUT", "timeout", 504)])
    def test_an_answer_that_failed_is_a_failure(self, word, kind, status):
        body = json.dumps({**json.loads(ANSWERS["text"]), "finish_reason": word}).encode()
        failure = CODEC.read_reply(body)
        assert isinstance(failure, Failure) and (failure.kind, failure.status) == (kind, status)
        assert CODEC.observe(body).failure.kind == kind

    def test_log_probabilities_of_a_piece_are_added(self):
        body = json.loads(ANSWERS["text"])
        body["logprobs"] = [{"text": "Zwölf", "token_ids": [1, 2], "logprobs": [-0.25, -0.5]}]
        (token,) = CODEC.read_reply(json.dumps(body).encode()).choices[0].logprobs
        assert (token.token, token.logprob) == ("Zwölf", -0.75)

    @pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"message":null}', b"\xff", b"[" * 100_000])
    def test_what_is_no_answer_is_a_failure(self, body):
        assert isinstance(CODEC.read_reply(body), Failure)

    def test_a_message_that_is_a_sentence_is_an_error(self):
        body = b'{"message":"too many requests"}'
        assert CODEC.read_reply(body).message == CODEC.observe(body).failure.message == "too many requests"

    @pytest.mark.parametrize("name", ANSWERS)
    def test_a_passing_answer_says_the_same_of_itself(self, name):
        seen, reply = CODEC.observe(ANSWERS[name]), CODEC.read_reply(ANSWERS[name])
        assert seen == Outcome.of(reply)

    @given(st.data())
    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_odd_answers_are_answers_or_failures(self, data):
        body = json.dumps(mutated(json.loads(ANSWERS[data.draw(st.sampled_from(sorted(ANSWERS)))]), data)).encode()
        assert isinstance(CODEC.read_reply(body), (Reply, Failure))
        CODEC.observe(body)


class TestWriteReply:
    @pytest.mark.parametrize("name", ANSWERS)
    def test_read_again_it_tells_the_same(self, name):
        reply = CODEC.read_reply(ANSWERS[name])
        again = CODEC.read_reply(CODEC.write_reply(reply, VOICE))
        again.usage.raw = reply.usage.raw
        assert shape(again) == shape(reply)

    def test_what_another_provider_says(self):
        parts = [
            Thinking("Hm.", "sig", dialect="anthropic.messages"),
            Text("Look here.", citations=[Citation("https://x.org", "X", "quoted")]),
            ToolCall("", "g_", "{}"),
        ]
        voice = Voice("01JX", 0, Request("m", tools=[Tool("g.")]))
        body = json.loads(CODEC.write_reply(Reply(choices=[Choice(parts, Finish("stop"))], usage=Usage(3, 2, 1)), voice))
        assert body["id"] == "01JX" and body["finish_reason"] == "TOOL_CALL"
        assert body["message"]["tool_calls"] == [
            {"id": "call_01JX_0", "type": "function", "function": {"name": "g.", "arguments": "{}"}}
        ]
        (citation,) = body["message"]["citations"]
        assert (citation["start"], citation["end"], citation["content_index"]) == (0, 10, 1)
        assert citation["sources"][0]["document"] == {"url": "https://x.org", "title": "X", "snippet": "quoted"}
        assert body["usage"]["tokens"] == {"input_tokens": 3, "output_tokens": 2} and body["usage"]["cached_tokens"] == 1


class TestErrors:
    def test_a_providers_sentence_is_found_and_its_body_is_native(self):
        body = (FOLDER / "error.json").read_bytes()
        failure = CODEC.read_error(400, body)
        assert failure.message.startswith("invalid request:") and failure.kind == "bad_request"
        assert CODEC.native_error(body) and not CODEC.native_error(b'{"error":{"message":"x"}}')

    @pytest.mark.parametrize(("status", "kind"), [(401, "auth"), (429, "rate_limit"), (404, "not_found"), (503, "overloaded")])
    def test_the_status_tells_the_kind(self, status, kind):
        assert CODEC.read_error(status, b'{"message":"no"}').kind == kind

    def test_an_error_is_a_message(self):
        assert json.loads(CODEC.write_error(Refusal(400, "x", "Do that."))) == {"message": "Do that."}


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="no recordings beside this working copy")
def test_real_requests_read_and_written_are_the_same() -> None:
    seen = 0
    for line in (RECORDINGS / "cohere.jsonl").read_text().splitlines():
        record = json.loads(line)
        if record["path"] != "/v2/chat":
            continue
        seen += 1
        sent = {name: value for name, value in record["request"].items() if name != "stream"}
        assert written(read(sent)) == sent
        assert isinstance(CODEC.read_reply(json.dumps(record["response"]).encode()), Reply)
    assert seen
