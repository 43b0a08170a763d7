"""Responses requests and whole answers, both directions, and what is refused."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai.types.responses import Response
from pydantic import TypeAdapter

from lockgate.core.content import Citation, Declined, Media, Native, Text, Thinking, Tool, ToolCall, ToolResult, Turn
from lockgate.core.events import Finished, PartDelta, PartEnded, PartStarted, Signed, Started
from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import as_any, raw
from lockgate.core.outcome import Outcome
from lockgate.core.reply import Choice, Finish, Reply, Usage
from lockgate.core.request import Format, Reasoning, Request, Sampling, ToolChoice
from lockgate.core.sheet import Sheet
from lockgate.dialects.codec import Voice
from lockgate.dialects.openai.responses import CODEC
from lockgate.dialects.signature import wrap
from support.canonical import GOLDEN, shape
from support.mutation import mutated

FOLDER = GOLDEN / "openai_responses"
REQUEST = json.loads((FOLDER / "request.json").read_text())
ANSWERS = {path.stem: path.read_bytes() for path in sorted(FOLDER.glob("*.json")) if path.stem != "request"}
VOICE = Voice("01JX", 1767225600, Request("asked-model"))


def read(body):
    return CODEC.read_request(Sheet.open(json.dumps(body).encode()))


def read_input(*items):
    return read({"model": "m", "input": list(items)}).turns


def written(request):
    return json.loads(CODEC.write_request(request).bytes())


def user(text="Hi"):
    return Turn("user", [Text(text)])


def refused(body) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(body)
    assert caught.value.status == 400 and len(str(caught.value)) > 20
    return caught.value


class TestReadRequest:
    def test_a_text_is_what_the_user_says(self):
        assert read({"model": "m", "input": "Hi", "instructions": "Be brief."}).turns == [
            Turn("system", [Text("Be brief.")]),
            user(),
        ]

    def test_the_golden_request_keeps_its_meaning(self):
        request = read(REQUEST)
        _system, _developer, question, calls, _results, answer, last = request.turns
        assert [turn.role for turn in request.turns] == [
            "system",
            "developer",
            "user",
            "assistant",
            "user",
            "assistant",
            "user",
        ]
        assert question.parts == [
            Text("What is on these?"),
            Media("image", data="iVBORw0KGgo=", mime="image/png", detail="low"),
            Media("image", url="https://example.org/cat.jpg", detail="auto"),
            Media("file", data="JVBERi0xLjQ=", mime="application/pdf", name="report.pdf"),
            Media("file", url="https://example.org/table.csv", mime="text/csv"),
        ]
        assert calls.parts == [
            Thinking("I look closer.", "gAAAAsecret", dialect="openai.responses", id="rs_1"),
            ToolCall("call_1", "zoom", '{"factor": 2}'),
            ToolCall("call_2", "sketch", "circle 1 2", custom=True),
            ToolCall("call_3", "lab__weigh", "{}"),
        ]
        assert answer.parts == [Text("A cat.")] and last.parts == [Text("Are you sure?")]
        assert request.tool_choice == ToolChoice("required", ["zoom"])
        assert request.sampling == Sampling(max_tokens=2000, temperature=0.2, top_p=0.9, logprobs=True, top_logprobs=2)
        assert request.reasoning == Reasoning("high", shown="auto")
        assert (request.parallel_tools, request.verbosity, request.service_tier) == (False, "low", "flex")
        assert (request.user, request.cache_key, request.store, request.metadata) == ("u-1", "k-1", False, {"run": "7"})
        assert request.stream and shape(request.extra) == {"x_vendor": {"a": 1}}
        assert request.losses == ["max_tool_calls"]

    def test_results_stand_before_what_the_user_says_meanwhile(self):
        results = read(REQUEST).turns[4]
        assert [type(part) for part in results.parts] == [ToolResult, ToolResult, ToolResult, Text]
        first, second, third, said = results.parts
        assert (first.call_id, first.name) == ("call_1", "zoom")
        assert first.content == [Text("zoomed"), Media("image", data="/9j/", mime="image/jpeg", detail="auto")]
        assert second.custom and second.content == [Text("drawn")]
        assert (third.name, said.text) == ("lab__weigh", "Go on.")

    def test_tools_of_all_kinds_are_read(self):
        zoom, sketch, weigh, search = read(REQUEST).tools
        assert zoom.strict and as_any(zoom.schema)["required"] == ["factor"]
        assert sketch.custom and as_any(sketch.grammar)["syntax"] == "lark"
        assert (weigh.name, weigh.namespace, weigh.strict) == ("lab__weigh", "lab", False)
        assert (search.name, search.dialect, as_any(search.native)) == (
            "web_search",
            "openai.responses",
            {"type": "web_search"},
        )

    def test_a_searched_tools_namespace_is_not_taken_for_a_declared_one(self):
        (turn,) = read_input({"type": "function_call", "call_id": "c", "name": "f", "namespace": "f", "arguments": "{}"})
        assert turn.parts[0].name == "f"

    def test_items_of_built_in_tools_stay_as_they_are(self):
        item = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
        (turn,) = read_input(item)
        assert turn.role == "assistant" and shape(turn.parts[0].raw) == item

    def test_a_wrapped_signature_is_its_writers_again(self):
        carried = wrap("Eo/sig", "anthropic.messages")
        (turn,) = read_input({"type": "reasoning", "id": "rs_9", "summary": [], "encrypted_content": carried})
        assert turn.parts == [Thinking("", "Eo/sig", dialect="anthropic.messages")]

    @pytest.mark.parametrize(
        "thought",
        [
            Thinking("One.", "c2ln", dialect="anthropic.messages"),
            Thinking(redacted="secret", dialect="anthropic.messages"),
            Thinking(signature="U2ln", dialect="gemini.generate"),
            Thinking("**Plan**", "gAAA", dialect="openai.responses", id="rs_1"),
            Thinking("Raw.", dialect="openai.chat", id="reasoning_content", summary=False),
            Thinking("Hm.", "YmVk", dialect="bedrock.converse"),
        ],
        ids=lambda thought: f"{thought.dialect}{'-redacted' * bool(thought.redacted)}",
    )
    def test_reasoning_of_any_model_comes_back_to_it_as_it_was(self, thought):
        reply = Reply(choices=[Choice([thought, ToolCall("c", "f", "{}")], Finish("tool_calls"))])
        whole = json.loads(CODEC.write_reply(reply, VOICE))["output"]
        writer = CODEC.writer(VOICE)
        bare = Thinking(redacted=thought.redacted, dialect=thought.dialect, id=thought.id, summary=thought.summary)
        events = [Started(), PartStarted(0, bare), PartDelta(0, thought.text[:2]), PartDelta(0, thought.text[2:])]
        events += [Signed(0, thought.signature, thought.dialect)] if thought.signature else []
        data = writer.feed([*events, PartEnded(0), Finished(Finish("stop"))]) + writer.end()
        streamed = json.loads(data.decode().split("data: ")[-1])["response"]["output"]
        for output in (whole, streamed):
            assert read_input(*output)[0].parts[0] == thought

    @pytest.mark.parametrize("member", ["previous_response_id", "conversation", "prompt"])
    def test_state_that_one_provider_keeps_is_refused(self, member):
        refusal = refused({"model": "m", "input": "Hi", member: "x_1"})
        assert refusal.param == member and member in refusal.message

    def test_background_is_refused_and_its_absence_is_not(self):
        assert refused({"model": "m", "input": "Hi", "background": True}).param == "background"
        assert not read({"model": "m", "input": "Hi", "background": False, "previous_response_id": None}).losses

    @pytest.mark.parametrize(
        ("change", "param"),
        [
            ({"input": 5}, "input"),
            ({"input": None}, "input"),
            ({"input": [5]}, "input[0]"),
            ({"input": [{}]}, "input[0].type"),
            ({"input": [{"type": "massage", "content": "x"}]}, "input[0].type"),
            ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0]"),
            ({"input": [{"role": "king", "content": "x"}]}, "input[0].role"),
            ({"input": [{"role": "user"}]}, "input[0]"),
            ({"input": [{"role": "user", "content": 7}]}, "input[0].content"),
            ({"input": [{"role": "user", "content": [{"type": "input_txt", "text": "x"}]}]}, "input[0].content[0].type"),
            ({"input": [{"role": "user", "content": [{"text": "x"}]}]}, "input[0].content[0].type"),
            ({"input": [{"role": "user", "content": [{"type": "input_text", "text": 1}]}]}, "input[0].content[0].text"),
            ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content[0]"),
            (
                {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "cat.png"}]}]},
                "input[0].content[0].image_url",
            ),
            ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, "input[0].content[0]"),
            ({"input": [{"type": "function_call", "name": "f"}]}, "input[0]"),
            ({"input": [{"type": "function_call_output", "call_id": "c", "output": 3}]}, "input[0].output"),
            ({"tools": [{}]}, "tools[0].type"),
            ({"tools": [{"type": "function"}]}, "tools[0]"),
            ({"tools": [{"type": "function", "name": "f", "parameters": []}]}, "tools[0].parameters"),
            ({"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "function"}]}]}, "tools[0].tools[0]"),
            ({"tool_choice": "any"}, "tool_choice"),
            ({"tool_choice": {"type": "function"}}, "tool_choice.name"),
            ({"text": {"format": {"type": "yaml"}}}, "text.format.type"),
            ({"text": {"format": {"type": "json_schema"}}}, "text.format"),
            ({"reasoning": {"effort": "gigantic"}}, "reasoning.effort"),
            ({"temperature": "warm"}, "temperature"),
            ({"max_output_tokens": 1.5}, "max_output_tokens"),
            ({"metadata": {"a": 1}}, "metadata[...]"),
        ],
    )
    def test_what_is_wrong_is_named_with_its_path(self, change, param):
        assert refused({"model": "m", "input": "Hi"} | change).param == param

    def test_deep_nesting_is_refused(self):
        deep = b'{"model":"m","input":"Hi","reasoning":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}"
        with pytest.raises(Refusal):
            CODEC.read_request(Sheet.open(deep))

    @settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.data())
    def test_a_mutated_request_is_read_or_refused(self, data):
        body = mutated(REQUEST, data)
        try:
            request = read(body)
            CODEC.write_request(request)
        except Refusal as refusal:
            assert refusal.status == 400


class TestWriteRequest:
    def test_the_golden_request_survives(self):
        request = read(REQUEST)
        body = written(request)
        for name in (
            "instructions",
            "tool_choice",
            "parallel_tool_calls",
            "max_output_tokens",
            "temperature",
            "top_p",
            "top_logprobs",
            "text",
            "reasoning",
            "metadata",
            "prompt_cache_key",
            "service_tier",
            "store",
            "stream",
            "x_vendor",
        ):
            assert body[name] == REQUEST[name], name
        assert shape(read(body).turns) == shape(request.turns)
        assert shape(read(body).tools) == shape(request.tools)

    def test_own_reasoning_goes_back_and_others_does_not(self):
        own = Thinking("Short.", "gAAA", dialect="openai.responses", id="rs_1")
        foreign = Thinking("Mine.", "Eo/sig", dialect="anthropic.messages")
        unproven = Thinking("Mine.", dialect="openai.responses", id="rs_2")
        body = written(Request("gpt-5", [user(), Turn("assistant", [own, foreign, unproven, Text("Yes.")]), user()]))
        assert [item.get("type") for item in body["input"]] == ["message", "reasoning", "message", "message"]
        assert body["input"][1] == {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "Short."}],
            "encrypted_content": "gAAA",
        }

    @pytest.mark.parametrize(
        ("model", "asked"),
        [("gpt-5.4", True), ("openai.gpt-5.5", True), ("o3", True), ("gpt-4o", False), ("openai/gpt-oss-120b", False)],
    )
    def test_models_that_encrypt_their_reasoning_are_asked_for_it(self, model, asked):
        assert ("reasoning.encrypted_content" in written(Request(model, [user()])).get("include", [])) is asked

    def test_a_call_and_its_result_stand_together(self):
        turns = [
            user(),
            Turn("assistant", [ToolCall("c1", "f", ""), ToolCall("c2", "draw", "x", custom=True)]),
            Turn("user", [ToolResult("c1", [Text("1"), Media("image", data="iVBO", mime="image/png")]), Text("Well?")]),
            Turn("user", [ToolResult("c2", [Text("2")])]),
        ]
        body = written(Request("m", turns, [Tool("f"), Tool("draw", custom=True)]))
        call, custom, result, drawn, said = body["input"][1:]
        assert (call["type"], call["arguments"]) == ("function_call", "{}")
        assert (custom["type"], custom["input"]) == ("custom_tool_call", "x")
        assert [part["type"] for part in result["output"]] == ["input_text", "input_image"]
        assert (drawn["type"], drawn["output"]) == ("custom_tool_call_output", "2")
        assert said["content"] == "Well?"

    def test_media_take_the_forms_that_the_api_has(self):
        parts = [
            Media("image", url="https://x.org/a.png"),
            Media("image", file_id="file-1"),
            Media("file", data="JVBE", mime="application/pdf"),
            Media("file", text="a,b", mime="text/csv", name="t.csv"),
            Media("file", url="https://x.org/a.pdf"),
            Media("audio", data="UklG", mime="audio/wav"),
        ]
        request = Request("m", [Turn("user", [*parts])])
        content = written(request)["input"][0]["content"]
        assert content == [
            {"type": "input_image", "detail": "auto", "image_url": "https://x.org/a.png"},
            {"type": "input_image", "detail": "auto", "file_id": "file-1"},
            {"type": "input_file", "filename": "file.pdf", "file_data": "data:application/pdf;base64,JVBE"},
            {"type": "input_file", "filename": "t.csv", "file_data": "data:text/csv;base64,YSxi"},
            {"type": "input_file", "file_url": "https://x.org/a.pdf"},
        ]
        assert request.losses == ["audio input"]

    def test_what_cannot_be_said_is_named(self):
        sampling = Sampling(stop=["x"], seed=1, n=2, top_k=3, logit_bias={"1": 2}, presence_penalty=0.1, frequency_penalty=0.2)
        native = Native("anthropic.messages", "server_tool_use", raw({}))
        tool = Tool("web_search", dialect="anthropic.messages", native=raw({}))
        request = Request("m", [Turn("assistant", [native]), Turn("user", [Text("Hi", cache="")])], [tool], sampling=sampling)
        body = written(request)
        assert "tools" not in body and "stop" not in body
        assert set(request.losses) == {
            "cache_control",
            "server_tool_use",
            "tools.web_search",
            "stop",
            "seed",
            "n",
            "top_k",
            "logit_bias",
            "presence_penalty",
            "frequency_penalty",
        }

    @pytest.mark.parametrize(
        ("wanted", "told"),
        [
            (Reasoning("low"), {"effort": "low"}),
            (Reasoning(budget=1024), {"effort": "low"}),
            (Reasoning(budget=8000, shown="auto"), {"effort": "medium", "summary": "auto"}),
            (Reasoning(budget=32000), {"effort": "high"}),
            (Reasoning(adaptive=True), {"effort": "medium"}),
            (Reasoning("none", shown="none"), {"effort": "none"}),
            (Reasoning(budget=0), None),
        ],
    )
    def test_reasoning_is_asked_for_as_an_effort(self, wanted, told):
        assert written(Request("m", [user()], reasoning=wanted)).get("reasoning") == told

    def test_a_function_is_not_strict_unless_it_says_so(self):
        assert written(Request("m", [user()], [Tool("f", schema=raw({"type": "object"}))]))["tools"][0]["strict"] is False

    def test_several_allowed_tools_are_listed(self):
        request = Request("m", [user()], [Tool("f"), Tool("g")], ToolChoice("auto", ["f", "g"]))
        choice = written(request)["tool_choice"]
        assert (choice["type"], choice["mode"], [tool["name"] for tool in choice["tools"]]) == (
            "allowed_tools",
            "auto",
            ["f", "g"],
        )

    def test_any_json_is_asked_for(self):
        assert written(Request("m", [user()], format=Format("json")))["text"] == {"format": {"type": "json_object"}}

    def test_an_empty_conversation_is_refused(self):
        with pytest.raises(Refusal):
            CODEC.write_request(Request("m"))

    def test_a_turn_without_words_is_still_a_turn(self):
        assert written(read({"model": "m", "input": [{"role": "user", "content": ""}], "instructions": "Write."}))["input"]


class TestReadReply:
    def test_calls_and_reasoning_are_read(self):
        reply = CODEC.read_reply(ANSWERS["tools"])
        thought, weather, clock, patch = reply.choices[0].parts
        assert thought.signature.endswith("==") and thought.id == "rs_1111aaaa"
        assert (weather.id, clock.arguments, patch.custom) == ("call_weather", "{}", True)
        assert reply.choices[0].finish.reason == "tool_calls"
        usage = reply.usage
        assert (usage.input, usage.output, usage.cached, usage.reasoning) == (210, 88, 128, 40)

    def test_a_search_is_native_cited_and_charged_for(self):
        reply = CODEC.read_reply(ANSWERS["search"])
        native, text = reply.choices[0].parts
        assert native.kind == "web_search_call" and reply.usage.searches == 1
        assert (text.citations[0].url, text.citations[0].end) == ("https://example.org/zugspitze", 28)

    def test_words_of_refusal_and_a_length_stop_are_told(self):
        assert CODEC.read_reply(ANSWERS["declined"]).choices[0].parts == [Declined("I'm sorry, I can't help with that.")]
        short = CODEC.read_reply(ANSWERS["cut_short"]).choices[0]
        assert short.finish == Finish("length", "max_output_tokens") and len(short.logprobs) == 2

    @pytest.mark.parametrize("name", ANSWERS)
    def test_an_observer_sees_what_a_reader_reads(self, name):
        assert shape(CODEC.observe(ANSWERS[name])) == shape(Outcome.of(CODEC.read_reply(ANSWERS[name])))

    def test_a_failure_inside_a_good_status_is_a_failure(self):
        body = {"id": "r", "status": "failed", "output": [], "error": {"code": "rate_limit_exceeded", "message": "Slow down."}}
        for failure in (CODEC.read_reply(json.dumps(body).encode()), CODEC.observe(json.dumps(body).encode()).failure):
            assert (failure.kind, failure.message) == ("rate_limit", "Slow down.")

    @pytest.mark.parametrize(
        "body", [b"", b"<html>", b"[]", b"{}", b'{"output": 5}', b'{"output": [5], "status": "completed"}']
    )
    def test_what_cannot_be_read_is_malformed(self, body):
        failure = CODEC.read_reply(body)
        assert isinstance(failure, Failure) and (failure.kind, failure.status) == ("malformed", 502)

    def test_a_host_that_wraps_its_own_reasoning_is_not_believed(self):
        carried = wrap("x", "anthropic.messages")
        item = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": carried}
        reply = CODEC.read_reply(json.dumps({"status": "completed", "output": [item]}).encode())
        assert reply.choices[0].parts == [Thinking("", carried, dialect="openai.responses", id="rs_1")]

    @settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.data())
    def test_a_mutated_answer_is_read_or_is_a_failure(self, data):
        whole = json.loads(ANSWERS[data.draw(st.sampled_from(sorted(ANSWERS)))])
        body = json.dumps(mutated(whole, data)).encode()
        reply = CODEC.read_reply(body)
        assert isinstance(reply, (Reply, Failure)) and isinstance(CODEC.observe(body), Outcome)
        if isinstance(reply, Reply):
            CODEC.write_reply(reply, VOICE)


class TestWriteReply:
    @pytest.mark.parametrize("name", ANSWERS)
    def test_it_is_a_response_of_the_official_type_that_says_the_same(self, name):
        reply = CODEC.read_reply(ANSWERS[name])
        body = CODEC.write_reply(reply, VOICE)
        TypeAdapter(Response).validate_python(json.loads(body))
        again = CODEC.read_reply(body)
        assert shape(again.choices[0].parts) == shape(reply.choices[0].parts)
        assert again.choices[0].finish.reason == reply.choices[0].finish.reason
        assert (again.model, again.created) == (reply.model, reply.created)

    def test_the_request_is_repeated(self):
        request = read(REQUEST)
        reply = Reply(model="m", choices=[Choice([Text("Hi")], Finish("stop"))], usage=Usage(input=1, output=2))
        body = json.loads(CODEC.write_reply(reply, Voice("01JX", 9, request)))
        assert body["text"]["format"]["name"] == "finding" and body["tool_choice"] == {"type": "function", "name": "zoom"}
        assert [tool["type"] for tool in body["tools"]] == ["function", "custom", "namespace", "web_search"]
        assert (body["temperature"], body["max_output_tokens"], body["metadata"]) == (0.2, 2000, {"run": "7"})
        assert body["reasoning"] == {"effort": "high", "summary": "auto"} and body["parallel_tool_calls"] is False
        assert (body["created_at"], body["service_tier"], body["id"]) == (9, "flex", "resp_01JX")

    def test_ids_are_made_where_a_provider_gives_none(self):
        choice = Choice([ToolCall("", "f", "{}"), ToolCall("", "f", "{}")], Finish("tool_calls"))
        output = json.loads(CODEC.write_reply(Reply(choices=[choice]), VOICE))["output"]
        assert all(item["call_id"] for item in output) and output[0]["call_id"] != output[1]["call_id"]

    def test_a_citation_without_offsets_covers_the_text(self):
        choice = Choice([Text("Hello", citations=[Citation("https://x.org"), Citation(title="book")])], Finish("stop"))
        (part,) = json.loads(CODEC.write_reply(Reply(choices=[choice]), VOICE))["output"][0]["content"]
        assert [(note["start_index"], note["end_index"]) for note in part["annotations"]] == [(0, 5)]

    def test_a_free_text_tool_gets_its_text(self):
        voice = Voice("01JX", 1, Request("m", tools=[Tool("draw", custom=True)]))
        choice = Choice([ToolCall("c", "draw", '{"input": "circle"}')], Finish("tool_calls"))
        (item,) = json.loads(CODEC.write_reply(Reply(choices=[choice]), voice))["output"]
        assert (item["type"], item["input"]) == ("custom_tool_call", "circle")


class TestErrors:
    def test_an_error_is_one_of_openais(self):
        body = CODEC.write_error(Refusal(400, "invalid_type", "Bad.", param="input"))
        assert CODEC.native_error(body)
        assert json.loads(body)["error"]["param"] == "input"

    def test_the_stream_error_is_one_event(self):
        event = CODEC.stream_error(Failure("cut", 502, "The answer broke off."))
        assert event.startswith(b"event: error\ndata: {") and event.endswith(b"}\n\n")
        assert json.loads(event.split(b"data: ")[1])["message"] == "The answer broke off."
