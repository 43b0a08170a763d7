"""generateContent requests and whole answers, both directions, and what is refused."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.core.content import Declined, Media, Native, Text, Thinking, Tool, ToolCall, ToolResult, Turn
from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import as_any, raw
from lockgate.core.outcome import Outcome
from lockgate.core.reply import Choice, Finish, Reply, Usage
from lockgate.core.request import Format, Reasoning, Request, Sampling, ToolChoice
from lockgate.core.sheet import Sheet
from lockgate.dialects.codec import Voice
from lockgate.dialects.gemini.generate import CODEC
from support.canonical import GOLDEN, shape
from support.mutation import mutated

FOLDER = GOLDEN / "gemini_generate"
REQUEST = json.loads((FOLDER / "request.json").read_text())
ANSWERS = {path.stem: path.read_bytes() for path in sorted(FOLDER.glob("*.json")) if path.stem not in ("request", "error")}
VOICE = Voice("01JX", 1767225600, Request("asked-model"))
NAME = "gemini.generate"
FLASH, NEWEST = "gemini-2.5-flash", "gemini-3-flash-preview"


def read(body):
    return CODEC.read_request(Sheet.open(json.dumps(body).encode()))


def written(request):
    return json.loads(CODEC.write_request(request).bytes())


def contents(*turns, model=FLASH, tools=()):
    return written(Request(model, list(turns), list(tools)))["contents"]


def user(*parts):
    return Turn("user", list(parts) or [Text("Hi")])


def model(*parts):
    return Turn("assistant", list(parts))


class TestWriteRequest:
    def test_model_and_stream_stand_in_the_url_alone(self):
        assert written(Request(FLASH, [user()], stream=True)) == {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}

    def test_all_that_the_system_says_is_one_instruction(self):
        turns = [Turn("system", [Text("A")]), user(), Turn("developer", [Text("B")]), user(Text("Go"))]
        body = written(Request(FLASH, turns))
        assert body["systemInstruction"] == {"parts": [{"text": "A"}, {"text": "B"}]}
        assert body["contents"] == [{"role": "user", "parts": [{"text": "Hi"}, {"text": "Go"}]}]

    def test_a_signature_goes_back_onto_the_part_it_stood_before(self):
        turn = model(
            Thinking("I think.", dialect=NAME),
            Thinking(signature="VGV4dA==", dialect=NAME),
            Text("Hm."),
            Thinking(signature="Q2FsbA==", dialect=NAME),
            ToolCall("c1", "f", '{"a":1}'),
            ToolCall("c2", "g"),
        )
        _, said, _ = contents(user(), turn, user(ToolResult("c1", [Text("1")]), ToolResult("c2", [Text("2")])), model=NEWEST)
        assert said["parts"] == [
            {"text": "I think.", "thought": True},
            {"text": "Hm.", "thoughtSignature": "VGV4dA=="},
            {"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}, "thoughtSignature": "Q2FsbA=="},
            {"functionCall": {"id": "c2", "name": "g", "args": {}}},
        ]

    def test_a_signature_behind_the_last_text_gets_an_empty_text(self):
        said = contents(user(), model(Text("Hm."), Thinking(signature="VGV4dA==", dialect=NAME)), user())[1]
        assert said["parts"] == [{"text": "Hm."}, {"text": "", "thoughtSignature": "VGV4dA=="}]

    def test_anothers_reasoning_stays_behind(self):
        said = contents(user(), model(Thinking("x", "Eo/sig", dialect="anthropic.messages"), Text("Hm.")), user())[1]
        assert said["parts"] == [{"text": "Hm."}]

    @pytest.mark.parametrize(("name", "signed"), [(NEWEST, True), (FLASH, False)])
    def test_calls_of_another_model_pass_the_check_of_signatures(self, name, signed):
        turns = user(), model(ToolCall("a", "f"), ToolCall("b", "f")), user(ToolResult("a"), ToolResult("b"))
        first, second = contents(*turns, model=name)[1]["parts"]
        assert ("thoughtSignature" in first) is signed and "thoughtSignature" not in second

    def test_results_are_objects_named_after_their_tool(self):
        calls = model(*(ToolCall(f"c{n}", f"f{n}") for n in range(4)))
        results = user(
            ToolResult("c0", [Text("plain")]),
            ToolResult("c1", [Text('{"a": [1]}')]),
            ToolResult("c2", [Text("boom")], is_error=True),
            ToolResult("c3", []),
            Text("Well?"),
        )
        *answers, said = contents(user(), calls, results)[2]["parts"]
        assert [answer["functionResponse"]["name"] for answer in answers] == ["f0", "f1", "f2", "f3"]
        assert [answer["functionResponse"]["response"] for answer in answers] == [
            {"output": "plain"},
            {"a": [1]},
            {"error": "boom"},
            {},
        ]
        assert said == {"text": "Well?"}

    @pytest.mark.parametrize(("name", "inside"), [(NEWEST, True), (FLASH, False)])
    def test_an_image_in_a_result_stands_where_the_model_takes_it(self, name, inside):
        result = ToolResult("c", [Text("see"), Media("image", data="iVBO", mime="image/png")])
        first, *rest = contents(user(), model(ToolCall("c", "f")), user(result), model=name)[2]["parts"]
        image = {"inlineData": {"mimeType": "image/png", "data": "iVBO"}}
        assert first["functionResponse"].get("parts") == ([image] if inside else None)
        assert rest == ([] if inside else [image])

    def test_media_are_inline_or_linked(self):
        turn = user(
            Media("image", url="https://x.org/cat"),
            Media("file", url="https://x.org/a.pdf?x=1"),
            Media("video", url="https://youtu.be/1"),
            Media("audio", data="UklG", mime="audio/wav"),
            Media("file", text="a,b"),
        )
        assert contents(turn)[0]["parts"] == [
            {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://x.org/cat"}},
            {"fileData": {"mimeType": "application/pdf", "fileUri": "https://x.org/a.pdf?x=1"}},
            {"fileData": {"mimeType": "video/mp4", "fileUri": "https://youtu.be/1"}},
            {"inlineData": {"mimeType": "audio/wav", "data": "UklG"}},
            {"inlineData": {"mimeType": "text/plain", "data": "YSxi"}},
        ]

    def test_tools_keep_their_json_schema(self):
        schema = {"$defs": {"P": {"type": ["string", "null"]}}, "type": "object", "properties": {"p": {"$ref": "#/$defs/P"}}}
        native = Tool("googleSearch", dialect=NAME, native=raw({"googleSearch": {}}))
        tools = [Tool("f", "Do it.", raw(schema)), Tool("draw", custom=True), native]
        declared, search = written(Request(FLASH, [user()], tools))["tools"]
        function, drawing = declared["functionDeclarations"]
        assert function == {"name": "f", "description": "Do it.", "parametersJsonSchema": schema}
        assert drawing["parametersJsonSchema"]["required"] == ["input"] and search == {"googleSearch": {}}

    def test_a_free_text_call_is_a_call_with_one_text(self):
        turns = [
            user(),
            model(ToolCall("c", "draw", 'a "circle"', custom=True)),
            user(ToolResult("c", [Text("ok")], custom=True)),
        ]
        body = written(Request(FLASH, turns, [Tool("draw", custom=True)]))
        assert body["contents"][1]["parts"][0]["functionCall"]["args"] == {"input": 'a "circle"'}

    @pytest.mark.parametrize(
        ("choice", "calling"),
        [
            (ToolChoice("auto"), {"mode": "AUTO"}),
            (ToolChoice("none"), {"mode": "NONE"}),
            (ToolChoice("required"), {"mode": "ANY"}),
            (ToolChoice("required", ["f"]), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
            (ToolChoice("auto", ["f"]), {"mode": "VALIDATED", "allowedFunctionNames": ["f"]}),
        ],
    )
    def test_the_choice_of_tools_is_a_calling_mode(self, choice, calling):
        body = written(Request(FLASH, [user()], [Tool("f")], choice))
        assert body["toolConfig"] == {"functionCallingConfig": calling}

    def test_a_choice_without_tools_is_not_said(self):
        assert "toolConfig" not in written(Request(FLASH, [user()], tool_choice=ToolChoice("required")))

    def test_sampling_and_format_are_the_generation_config(self):
        sampling = Sampling(100, 0.5, 0.9, 40, ["END"], 7, 2, 0.1, 0.2, None, True, 3)
        schema = {"type": "object", "properties": {"a": {"type": "string"}}}
        config = written(Request(FLASH, [user()], sampling=sampling, format=Format("schema", raw(schema))))["generationConfig"]
        assert config == {
            "maxOutputTokens": 100,
            "temperature": 0.5,
            "topP": 0.9,
            "topK": 40,
            "stopSequences": ["END"],
            "seed": 7,
            "candidateCount": 2,
            "presencePenalty": 0.1,
            "frequencyPenalty": 0.2,
            "responseLogprobs": True,
            "logprobs": 3,
            "responseMimeType": "application/json",
            "responseJsonSchema": schema,
        }

    @pytest.mark.parametrize(
        ("name", "wanted", "config"),
        [
            (FLASH, Reasoning("none"), {"thinkingBudget": 0}),
            (FLASH, Reasoning("low"), {"thinkingBudget": 1024, "includeThoughts": True}),
            (FLASH, Reasoning(budget=50000, shown="none"), {"thinkingBudget": 24576, "includeThoughts": False}),
            (FLASH, Reasoning(adaptive=True), {"thinkingBudget": -1, "includeThoughts": True}),
            ("gemini-2.5-pro", Reasoning("none"), {"thinkingBudget": 128}),
            ("gemini-2.5-pro", Reasoning("max"), {"thinkingBudget": 32768, "includeThoughts": True}),
            ("gemini-2.5-flash-lite", Reasoning(budget=100), {"thinkingBudget": 512, "includeThoughts": True}),
            (NEWEST, Reasoning("none"), {"thinkingLevel": "minimal"}),
            (NEWEST, Reasoning("medium"), {"thinkingLevel": "medium", "includeThoughts": True}),
            (NEWEST, Reasoning(budget=4000), {"thinkingLevel": "medium", "includeThoughts": True}),
            (NEWEST, Reasoning(budget=30000), {"thinkingLevel": "high", "includeThoughts": True}),
            (NEWEST, Reasoning(adaptive=True), {"includeThoughts": True}),
            ("gemini-3-pro-preview", Reasoning("medium"), {"thinkingLevel": "high", "includeThoughts": True}),
            ("gemini-3.1-pro", Reasoning("medium"), {"thinkingLevel": "medium", "includeThoughts": True}),
            ("gemini-3.1-pro", Reasoning("minimal"), {"thinkingLevel": "low", "includeThoughts": True}),
            ("gemini-flash-latest", Reasoning("high"), {"thinkingBudget": 24576, "includeThoughts": True}),
        ],
    )
    def test_thinking_is_asked_for_as_the_family_wants_it(self, name, wanted, config):
        assert written(Request(name, [user()], reasoning=wanted))["generationConfig"]["thinkingConfig"] == config

    def test_a_model_that_does_not_think_is_not_asked_to(self):
        request = Request("gemini-2.0-flash", [user()], reasoning=Reasoning("high"))
        assert "generationConfig" not in written(request) and request.losses == ["reasoning"]

    def test_a_callers_own_members_pass_and_its_config_is_merged(self):
        extra = {"safetySettings": raw([{"category": "X"}]), "generationConfig": raw({"mediaResolution": "LOW", "topP": 0.1})}
        body = written(Request(FLASH, [user()], sampling=Sampling(temperature=1, top_p=0.9), extra=extra))
        assert body["safetySettings"] == [{"category": "X"}]
        assert body["generationConfig"] == {"temperature": 1, "topP": 0.1, "mediaResolution": "LOW"}

    def test_what_cannot_be_said_is_named(self):
        request = Request(
            FLASH,
            [
                user(
                    Text("Hi", cache="1h"),
                    Media("image", file_id="file-1"),
                    Native("openai.responses", "web_search_call", raw({})),
                )
            ],
            [Tool("web_search", dialect="openai.responses", native=raw({}))],
            sampling=Sampling(logit_bias={"1": 2}),
            parallel_tools=False,
            user="u",
            metadata={"a": "b"},
            store=True,
            verbosity="low",
        )
        written(request)
        assert set(request.losses) == {
            "cache_control",
            "image by file id",
            "web_search_call",
            "tools.web_search",
            "logit_bias",
            "parallel_tool_calls",
            "user",
            "metadata",
            "store",
            "verbosity",
        }

    def test_an_empty_conversation_is_refused_but_silence_is_a_turn(self):
        with pytest.raises(Refusal):
            CODEC.write_request(Request(FLASH))
        assert contents(Turn("system", [Text("Write.")]), user(Text(""))) == [{"role": "user", "parts": [{"text": ""}]}]


class TestReadRequest:
    def test_the_golden_request_keeps_its_meaning(self):
        request = read(REQUEST)
        system, question, calls, results, answer, last = request.turns
        assert (system.role, system.parts) == ("system", [Text("Be brief.")])
        assert question.parts[1:] == [
            Media("image", data="iVBORw0KGgo+/w==", mime="image/png"),
            Media("file", url="https://example.org/report.pdf", mime="application/pdf"),
        ]
        thought, proof, first, second = calls.parts
        assert thought == Thinking("I zoom.", dialect=NAME) and proof == Thinking(signature="U2lnbmVk", dialect=NAME)
        assert (first.id, second.id, first.arguments) == ("call_1", "call_2", '{"factor":2}')
        assert results.parts == [
            ToolResult("call_1", [Text("zoomed"), Media("image", data="/9j/", mime="image/jpeg")], name="zoom"),
            ToolResult("call_2", [Text("too far")], name="zoom", is_error=True),
            Text("Go on."),
        ]
        assert answer.parts == [Thinking(signature="VGV4dA==", dialect=NAME), Text("A cat.")]
        assert last.parts == [Text("Sure?")]
        assert request.sampling == Sampling(2000, 0.2, 0.9, 40, ["END"], 7, 1, 0.1, 0.2, None, True, 3)
        assert request.tool_choice == ToolChoice("required", ["zoom"])
        assert request.reasoning == Reasoning(budget=2048, shown="auto")
        assert request.metadata == {"run": "7"} and request.losses == ["safetySettings"]

    def test_schemas_of_the_dialects_own_language_become_json_schema(self):
        zoom, search = read(REQUEST).tools
        assert as_any(zoom.schema) == {
            "type": "object",
            "properties": {"factor": {"type": ["number", "null"]}, "mode": {"type": "string", "enum": ["a", "b"]}},
            "required": ["factor"],
        }
        assert (search.dialect, as_any(search.native)) == (NAME, {"googleSearch": {}})

    def test_snake_case_is_read_as_well(self):
        body = {
            "contents": [{"parts": [{"function_call": {"name": "f", "args": {"snake_key": 1}}}], "role": "model"}],
            "system_instruction": {"parts": [{"text": "Be brief."}]},
            "generation_config": {"max_output_tokens": 5, "response_mime_type": "application/json"},
            "tools": [{"function_declarations": [{"name": "f", "parameters_json_schema": {"type": "object", "x_y": 1}}]}],
        }
        request = read(body)
        assert request.turns[1].parts[0].arguments == '{"snake_key":1}'
        assert request.sampling.max_tokens == 5 and request.format == Format("json")
        assert as_any(request.tools[0].schema) == {"type": "object", "x_y": 1}

    def test_it_survives_being_written_again(self):
        request = read(REQUEST)
        request.model = NEWEST
        again = read(written(request))
        assert shape(again.turns) == shape(request.turns) and shape(again.tools) == shape(request.tools)
        assert again.sampling.stop == ["END"] and shape(again.format) == shape(request.format)

    def test_a_wrapped_signature_is_its_writers_again(self):
        for thought in (
            Thinking("", "Eo/sig", dialect="anthropic.messages"),
            Thinking("", redacted="secret", dialect="anthropic.messages"),
            Thinking("", "gAAA", dialect="openai.responses", id="rs_1"),
        ):
            reply = Reply(choices=[Choice([thought, Text("Hi")], Finish("stop"))])
            content = json.loads(CODEC.write_reply(reply, VOICE))["candidates"][0]["content"]
            assert read({"contents": [content]}).turns[0].parts == [thought, Text("Hi")]

    @pytest.mark.parametrize(
        ("change", "param"),
        [
            ({"contents": 5}, "contents"),
            ({"contents": [{"role": "king", "parts": []}]}, "contents[0].role"),
            ({"contents": [{"parts": [5]}]}, "contents[0].parts[0]"),
            ({"contents": [{"parts": [{}]}]}, "contents[0].parts[0]"),
            ({"contents": [{"parts": [{"text": 5}]}]}, "contents[0].parts[0].text"),
            ({"contents": [{"parts": [{"functionCall": {}}]}]}, "contents[0].parts[0].functionCall"),
            ({"contents": [{"parts": [{"fileData": {"fileUri": "x"}}]}]}, "contents[0].parts[0].fileData.fileUri"),
            ({"tools": [{"functionDeclarations": [{}]}]}, "tools[0].functionDeclarations[0]"),
            ({"toolConfig": {"functionCallingConfig": {"mode": "SOME"}}}, "toolConfig.functionCallingConfig.mode"),
            ({"generationConfig": {"temperature": "warm"}}, "generationConfig.temperature"),
            ({"cachedContent": "cachedContents/1"}, "cachedContent"),
        ],
    )
    def test_what_is_wrong_is_named_with_its_path(self, change, param):
        with pytest.raises(Refusal) as caught:
            read({"contents": [{"parts": [{"text": "Hi"}]}]} | change)
        assert (caught.value.status, caught.value.param) == (400, param)

    @settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.data())
    def test_a_mutated_request_is_read_or_refused(self, data):
        body = mutated(REQUEST, data)
        try:
            request = read(body)
            request.model = data.draw(st.sampled_from((FLASH, NEWEST)))
            CODEC.write_request(request)
        except Refusal as refusal:
            assert refusal.status == 400


class TestReadReply:
    def test_parts_and_their_signatures_are_read(self):
        thought, proof, text = CODEC.read_reply(ANSWERS["text"]).choices[0].parts
        assert thought.text.startswith("**Greeting**") and text.text.startswith("Grüße")
        assert proof == Thinking(signature="EjQKMgEMOdb3sig+text/A==", dialect=NAME)

    def test_a_call_without_an_id_has_the_same_one_whenever_it_is_read(self):
        first, second = (CODEC.read_reply(ANSWERS["tools"]).choices[0].parts for _ in range(2))
        ids = [part.id for part in first if isinstance(part, ToolCall)]
        assert ids == [part.id for part in second if isinstance(part, ToolCall)] and len(set(ids)) == 3 and all(ids)

    def test_code_stays_native_and_an_image_is_media(self):
        code, result, text, image = CODEC.read_reply(ANSWERS["code"]).choices[0].parts
        assert (code.kind, result.kind, text.text) == ("executableCode", "codeExecutionResult", "It is 42.")
        assert image == Media("image", data="iVBORw0KGgo+/w==", mime="image/png")

    def test_grounding_is_cited_in_characters(self):
        reply = CODEC.read_reply(ANSWERS["grounded"])
        text = reply.choices[0].parts[-1]
        assert [text.text[cited.start : cited.end] for cited in text.citations][-1] == "Schön ist’s."
        assert reply.usage.searches == 1

    def test_a_blocked_prompt_is_a_filtered_answer(self):
        reply = CODEC.read_reply(ANSWERS["blocked"])
        assert reply.choices[0].finish == Finish("content_filter", "PROHIBITED_CONTENT") and reply.usage.input == 7

    @pytest.mark.parametrize(
        ("raw_reason", "reason"),
        [
            ("STOP", "stop"),
            ("MAX_TOKENS", "length"),
            ("SAFETY", "content_filter"),
            ("RECITATION", "content_filter"),
            ("SPII", "content_filter"),
            ("MODEL_ARMOR", "content_filter"),
            ("MALFORMED_FUNCTION_CALL", "unknown"),
            ("SOMETHING_NEW", "unknown"),
        ],
    )
    def test_the_end_is_told_in_the_common_word(self, raw_reason, reason):
        body = {"candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": raw_reason}]}
        assert CODEC.read_reply(json.dumps(body).encode()).choices[0].finish == Finish(reason, raw_reason)

    def test_audio_and_tool_tokens_are_counted(self):
        usage = {
            "promptTokenCount": 10,
            "toolUsePromptTokenCount": 5,
            "candidatesTokenCount": 3,
            "thoughtsTokenCount": 4,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 4}, {"modality": "AUDIO", "tokenCount": 6}],
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 3}],
            "serviceTier": "flex",
        }
        told = CODEC.read_reply(json.dumps({"candidates": [{}], "usageMetadata": usage}).encode()).usage
        assert (told.input, told.output, told.reasoning, told.audio_input, told.image_output) == (15, 7, 4, 6, 3)
        assert told.service_tier == "flex"

    def test_an_odd_member_spoils_nothing_else(self):
        odd = {"content": {"parts": [{"text": "Hi", "thought": "no"}]}, "finishReason": "STOP", "groundingMetadata": 5}
        body = {"candidates": [odd], "usageMetadata": {"promptTokenCount": "7", "candidatesTokenCount": {}}, "modelVersion": 3}
        reply = CODEC.read_reply(json.dumps(body).encode())
        assert reply.choices[0].parts == [Text("Hi")] and reply.choices[0].finish.reason == "stop" and reply.usage.input == 7

    @pytest.mark.parametrize("name", ANSWERS)
    def test_an_observer_sees_what_a_reader_reads(self, name):
        assert shape(CODEC.observe(ANSWERS[name])) == shape(Outcome.of(CODEC.read_reply(ANSWERS[name])))

    @pytest.mark.parametrize("body", [b"", b"<html>", b"5", b"{}", b'{"candidates": 5}', b'{"candidates": [5]}'])
    def test_what_cannot_be_read_is_malformed(self, body):
        failure = CODEC.read_reply(body)
        assert isinstance(failure, Failure) and failure.kind == "malformed"

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
    def test_what_is_read_is_written_again(self, name):
        reply = CODEC.read_reply(ANSWERS[name])
        again = CODEC.read_reply(CODEC.write_reply(reply, VOICE))
        assert shape(again.choices) == shape(reply.choices)
        assert (again.id, again.model, again.usage.input, again.usage.output, again.usage.reasoning) == (
            reply.id,
            reply.model,
            reply.usage.input,
            reply.usage.output,
            reply.usage.reasoning,
        )

    def test_another_dialects_answer_is_said(self):
        parts = [Declined("No."), ToolCall("", "f", "not json"), Media("image", url="https://x.org/a.png", mime="image/png")]
        reply = Reply(choices=[Choice(parts, Finish("content_filter"))], usage=Usage(input=1, output=2))
        (candidate,) = json.loads(CODEC.write_reply(reply, VOICE))["candidates"]
        refusal, call, image = candidate["content"]["parts"]
        assert refusal == {"text": "No."} and image["fileData"]["fileUri"] == "https://x.org/a.png"
        assert call["functionCall"]["args"] == {"input": "not json"} and call["functionCall"]["id"]
        assert candidate["finishReason"] == "SAFETY"


class TestErrors:
    def test_a_list_with_retry_info_is_read(self):
        failure = CODEC.read_error(429, (FOLDER / "error.json").read_bytes())
        assert (failure.kind, failure.retry_after, failure.type) == ("rate_limit", 13.5, "RESOURCE_EXHAUSTED")

    @pytest.mark.parametrize(
        ("status", "word"),
        [
            (400, "INVALID_ARGUMENT"),
            (401, "UNAUTHENTICATED"),
            (403, "PERMISSION_DENIED"),
            (404, "NOT_FOUND"),
            (429, "RESOURCE_EXHAUSTED"),
            (500, "INTERNAL"),
            (503, "UNAVAILABLE"),
            (504, "DEADLINE_EXCEEDED"),
        ],
    )
    def test_an_error_is_one_of_googles(self, status, word):
        body = CODEC.write_error(Failure("server", status, "No."))
        assert CODEC.native_error(body) and json.loads(body)["error"] == {"code": status, "message": "No.", "status": word}
        assert CODEC.read_error(status, body).message == "No."

    def test_another_apis_error_is_not(self):
        assert not CODEC.native_error(b'{"error": {"message": "No.", "type": "x"}}') and not CODEC.native_error(b"<html>")
