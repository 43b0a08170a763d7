"""Converse: requests written for each family of models and read from callers, answers and errors."""

import base64
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.core.content import Citation, Declined, Media, Native, Text, Thinking, Tool, ToolCall, ToolResult, Turn
from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import raw
from lockgate.core.outcome import Outcome
from lockgate.core.reply import Choice, Finish, Reply, Usage
from lockgate.core.request import Format, Reasoning, Request, Sampling, ToolChoice
from lockgate.core.sheet import Sheet
from lockgate.dialects.bedrock.converse import CODEC
from lockgate.dialects.codec import Voice
from support.aws import parsed_answer, request_errors
from support.canonical import GOLDEN, shape
from support.mutation import mutated

FOLDER = GOLDEN / "bedrock_converse"
VOICE = Voice("01JX", 1767225600, Request("asked-model"))
NAME = "bedrock.converse"

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
OLD_CLAUDE = "anthropic.claude-3-haiku-20240307-v1:0"
NEW_CLAUDE = "global.anthropic.claude-opus-4-7"
NOVA = "us.amazon.nova-pro-v1:0"
NOVA_2 = "us.amazon.nova-2-lite-v1:0"
LLAMA = "us.meta.llama4-maverick-17b-instruct-v1:0"
MISTRAL = "us.mistral.pixtral-large-2502-v1:0"
WRITER = "us.writer.palmyra-x5-v1:0"
GPT = "openai.gpt-oss-120b-1:0"
QWEN = "qwen.qwen3-32b-v1:0"
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/mi1dadi0g15f"
MODELS = (CLAUDE, OLD_CLAUDE, NEW_CLAUDE, NOVA, NOVA_2, LLAMA, MISTRAL, WRITER, GPT, QWEN, PROFILE)

PNG, JPEG, PDF = "iVBORw0KGgo=", "/9j/4AA=", "JVBERi0xLjQK"
SCHEMA = raw({"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"], "additionalProperties": False})
LOOK = Tool("look", "Looks.", SCHEMA)
CALL = ToolCall("call_1", "look", '{"at": "sky"}')


def user(*parts, name=""):
    return Turn("user", [Text(part) if isinstance(part, str) else part for part in parts], name)


def model(*parts):
    return Turn("assistant", [Text(part) if isinstance(part, str) else part for part in parts])


def system(*parts):
    return Turn("system", list(parts))


def written(*turns, to=CLAUDE, **more):
    """The body, checked by botocore's model of the service, and the request with its losses."""
    request = Request(to, list(turns) or [user("Hi")], **more)
    body = json.loads(CODEC.write_request(request).bytes())
    assert request_errors(body) == ""
    for message in body["messages"]:
        assert message["content"]
        assert all(block.get("text", "x").strip() for block in message["content"])
    assert all(a["role"] != b["role"] for a, b in zip(body["messages"], body["messages"][1:], strict=False))
    return body, request


def contents(body):
    return [(message["role"], message["content"]) for message in body["messages"]]


class TestMessages:
    def test_a_conversation_alternates_and_says_nothing_blank(self):
        body, _ = written(user("a"), user(" \n"), user("b"), model("", "c"), user("d"))
        assert contents(body) == [
            ("user", [{"text": "a"}, {"text": "b"}]),
            ("assistant", [{"text": "c"}]),
            ("user", [{"text": "d"}]),
        ]

    def test_the_system_speaks_apart_wherever_it_stands(self):
        body, _ = written(system(Text("One.")), user("a"), Turn("developer", [Text("Two.")]))
        assert body["system"] == [{"text": "One."}, {"text": "Two."}]
        assert contents(body) == [("user", [{"text": "a"}])]

    def test_a_system_alone_gets_a_user(self):
        assert contents(written(system(Text("Speak.")))[0]) == [("user", [{"text": "Begin."}])]

    def test_an_empty_conversation_is_refused(self):
        with pytest.raises(Refusal) as caught:
            CODEC.write_request(Request(CLAUDE, []))
        assert caught.value.status == 400

    @pytest.mark.parametrize(("to", "roles"), [(CLAUDE, ["assistant", "user"]), (NOVA, ["user", "assistant", "user"])])
    def test_a_model_that_needs_it_is_spoken_to_first(self, to, roles):
        assert [role for role, _ in contents(written(model("a"), user("b"), to=to)[0])] == roles

    def test_claude_s_own_words_do_not_end_in_white_space(self):
        assert contents(written(user("a"), model("It is "))[0])[-1] == ("assistant", [{"text": "It is"}])

    def test_names_of_speakers_are_lost(self):
        assert written(user("a", name="ann"))[1].losses == ["messages.name"]

    def test_declined_words_are_words(self):
        assert contents(written(user("a"), model(Declined("No.")), user("b"))[0])[1] == ("assistant", [{"text": "No."}])

    def test_blocks_of_its_own_come_back_and_foreign_ones_do_not(self):
        own, foreign = raw({"guardContent": {"text": {"text": "x"}}}), raw({"type": "web_search_call"})
        body, request = written(user(Native(NAME, "guardContent", own), Native("openai.responses", "web_search_call", foreign)))
        assert contents(body) == [("user", [json.loads(bytes(own))])]
        assert request.losses == ["web_search_call"]


class TestTools:
    def turns(self, *results, after=("And?",)):
        return user("Look."), model("Yes.", CALL), user(*results, *after)

    def test_calls_and_results(self):
        body, _ = written(*self.turns(ToolResult("call_1", [Text("blue")])), tools=[LOOK])
        assert contents(body)[1:] == [
            ("assistant", [{"text": "Yes."}, {"toolUse": {"toolUseId": "call_1", "name": "look", "input": {"at": "sky"}}}]),
            ("user", [{"toolResult": {"toolUseId": "call_1", "content": [{"text": "blue"}]}}, {"text": "And?"}]),
        ]
        assert body["toolConfig"]["tools"] == [
            {"toolSpec": {"name": "look", "description": "Looks.", "inputSchema": {"json": json.loads(bytes(SCHEMA))}}}
        ]

    def test_an_error_is_said_and_an_empty_result_is_an_object(self):
        body, _ = written(*self.turns(ToolResult("call_1", [], is_error=True)), tools=[LOOK])
        assert contents(body)[2][1][0] == {"toolResult": {"toolUseId": "call_1", "content": [{"json": {}}], "status": "error"}}

    def test_a_call_without_an_answer_gets_one(self):
        body, _ = written(user("Look."), model(CALL), user("Well?"), tools=[LOOK])
        assert contents(body)[2][1][0]["toolResult"]["content"] == [{"text": "(no result)"}]

    def test_ids_and_names_are_in_the_api_s_letters_and_no_two_ids_alike(self):
        calls = model(ToolCall("a b", "my.tool", "{}"), ToolCall("a b", "my.tool", "{}"))
        results = user(ToolResult("a b", [Text("1")]), ToolResult("a b", [Text("2")]))
        body, _ = written(user("x"), calls, results, tools=[Tool("my.tool")])
        used = [block["toolUse"] for block in contents(body)[1][1]]
        assert [use["toolUseId"] for use in used] == ["a_b", "a_b_2"]
        assert {use["name"] for use in used} == {"my_tool"}
        assert [block["toolResult"]["toolUseId"] for block in contents(body)[2][1]] == ["a_b", "a_b_2"]

    def test_kimi_s_ids_stay_as_they_are(self):
        kimi = user("x"), model(ToolCall("functions.look:0", "look", "{}")), user(ToolResult("functions.look:0", [Text("1")]))
        body, _ = written(*kimi, to="moonshot.kimi-k2-thinking")
        assert contents(body)[1][1][0]["toolUse"]["toolUseId"] == "functions.look:0"
        assert contents(body)[2][1][0]["toolResult"]["toolUseId"] == "functions.look:0"

    def test_tools_that_were_used_are_there_even_when_none_are_offered(self):
        body, _ = written(*self.turns(ToolResult("call_1", [Text("blue")])))
        assert [each["toolSpec"]["name"] for each in body["toolConfig"]["tools"]] == ["look"]

    @pytest.mark.parametrize("to", [LLAMA, MISTRAL, WRITER])
    def test_results_stand_alone_where_the_model_wants_it(self, to):
        body, _ = written(*self.turns(ToolResult("call_1", [Text("blue")])), tools=[LOOK], to=to)
        assert [role for role, _ in contents(body)] == ["user", "assistant", "user", "assistant", "user"]
        assert [next(iter(block)) for block in contents(body)[2][1]] == ["toolResult"]
        assert contents(body)[3:] == [("assistant", [{"text": "."}]), ("user", [{"text": "And?"}])]

    def test_results_are_objects_where_the_model_wants_it(self):
        results = ToolResult("call_1", [Text("blue"), Text('{"a": 1}')])
        body, _ = written(*self.turns(results, after=()), tools=[LOOK], to=MISTRAL)
        assert contents(body)[2][1][0]["toolResult"]["content"] == [{"json": {"result": "blue"}}, {"json": {"a": 1}}]

    def test_a_status_is_lost_where_the_model_takes_none(self):
        body, request = written(
            *self.turns(ToolResult("call_1", [Text("x")], is_error=True), after=()), tools=[LOOK], to=WRITER
        )
        assert "status" not in contents(body)[2][1][0]["toolResult"]
        assert request.losses == ["is_error"]

    @pytest.mark.parametrize(("to", "inside"), [(CLAUDE, ["image", "document"]), (NOVA, ["image"]), (QWEN, [])])
    def test_media_stand_in_a_result_or_beside_it(self, to, inside):
        media = [Media("image", data=PNG, mime="image/png"), Media("file", data=PDF, mime="application/pdf")]
        body, _ = written(*self.turns(ToolResult("call_1", [Text("see"), *media]), after=()), tools=[LOOK], to=to)
        result, *beside = contents(body)[2][1]
        kinds = [next(iter(block)) for block in result["toolResult"]["content"]]
        assert kinds == ["text", *inside]
        left = {"image", "document"} - set(inside)
        assert {next(iter(block)) for block in beside} - {"text"} == left

    @pytest.mark.parametrize(
        ("choice", "said"),
        [
            (ToolChoice("auto"), {"auto": {}}),
            (ToolChoice("required"), {"any": {}}),
            (ToolChoice("required", ["look"]), {"tool": {"name": "look"}}),
        ],
    )
    def test_a_choice_of_tools(self, choice, said):
        assert written(tools=[LOOK], tool_choice=choice)[0]["toolConfig"]["toolChoice"] == said
        body, request = written(tools=[LOOK, Tool("list")], tool_choice=choice, to=LLAMA)
        assert "toolChoice" not in body["toolConfig"]
        assert request.losses == ([] if choice.mode == "auto" else ["tool_choice"])
        assert len(body["toolConfig"]["tools"]) == (1 if choice.names else 2)

    def test_a_choice_among_some_offers_only_those(self):
        body, _ = written(tools=[LOOK, Tool("a"), Tool("b")], tool_choice=ToolChoice("required", ["a", "look"]))
        assert [each["toolSpec"]["name"] for each in body["toolConfig"]["tools"]] == ["look", "a"]
        assert body["toolConfig"]["toolChoice"] == {"any": {}}

    def test_no_tool_is_no_offer_unless_tools_were_used(self):
        assert "toolConfig" not in written(tools=[LOOK], tool_choice=ToolChoice("none"))[0]
        turns = self.turns(ToolResult("call_1", [Text("blue")]))
        body, request = written(*turns, tools=[LOOK], tool_choice=ToolChoice("none"))
        assert body["additionalModelRequestFields"] == {"tool_choice": {"type": "none"}}
        assert "toolChoice" not in body["toolConfig"] and not request.losses
        body, request = written(*turns, tools=[LOOK], tool_choice=ToolChoice("none"), to=NOVA)
        assert "additionalModelRequestFields" not in body
        assert request.losses == ["tool_choice"]

    def test_one_call_at_a_time_is_said_in_claude_s_words(self):
        body, request = written(tools=[LOOK], parallel_tools=False)
        assert body["additionalModelRequestFields"] == {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}
        assert "toolChoice" not in body["toolConfig"] and not request.losses
        for to, choice in ((CLAUDE, ToolChoice("required")), (OLD_CLAUDE, None), (NOVA, None)):
            body, request = written(tools=[LOOK], parallel_tools=False, tool_choice=choice, to=to)
            assert "additionalModelRequestFields" not in body
            assert request.losses == ["parallel_tool_calls"]

    def test_strict_tools_where_the_model_has_them(self):
        strict = Tool("look", "", SCHEMA, strict=True)
        assert written(tools=[strict])[0]["toolConfig"]["tools"][0]["toolSpec"]["strict"] is True
        body, request = written(tools=[strict], to=NOVA)
        assert "strict" not in body["toolConfig"]["tools"][0]["toolSpec"]
        assert request.losses == ["tools.strict"]

    def test_tools_of_other_providers_are_lost_and_free_text_tools_are_functions(self):
        own = Tool("nova_grounding", dialect=NAME, native=raw({"systemTool": {"name": "nova_grounding"}}))
        foreign = Tool("web_search", dialect="openai.responses", native=raw({"type": "web_search"}))
        body, request = written(tools=[own, foreign, Tool("shell", "Runs.", custom=True)])
        assert body["toolConfig"]["tools"][0] == {"systemTool": {"name": "nova_grounding"}}
        assert body["toolConfig"]["tools"][1]["toolSpec"]["inputSchema"]["json"]["required"] == ["input"]
        assert request.losses == ["tools.web_search"]

    def test_a_schema_says_that_it_is_an_object_s(self):
        body, _ = written(tools=[Tool("a"), Tool("b", schema=raw({"properties": {"x": {}}}))])
        assert [each["toolSpec"]["inputSchema"]["json"]["type"] for each in body["toolConfig"]["tools"]] == ["object", "object"]


class TestMedia:
    def blocks(self, *media, to=CLAUDE):
        body, request = written(user("See.", *media), to=to)
        return contents(body)[0][1][1:], request.losses

    def test_images_by_what_their_bytes_say(self):
        blocks, _ = self.blocks(Media("image", data=JPEG, mime="image/png"), Media("image", data="R0lGODdh"))
        assert [block["image"]["format"] for block in blocks] == ["jpeg", "gif"]
        assert blocks[0]["image"]["source"] == {"bytes": JPEG}

    @pytest.mark.parametrize(
        ("mime", "name", "format"),
        [
            ("application/pdf", "", "pdf"),
            ("", "a.docx", "docx"),
            ("text/csv", "", "csv"),
            ("text/x-python", "", "txt"),
            ("application/json", "", "txt"),
            ("text/markdown", "", "md"),
        ],
    )
    def test_documents_by_their_type_or_name(self, mime, name, format):
        blocks, _ = self.blocks(Media("file", data="YQ==", mime=mime, name=name))
        assert blocks[0]["document"]["format"] == format

    def test_names_of_documents_are_in_the_api_s_letters_and_no_two_alike(self):
        names = ["a/b/Über_report  (final).v2.pdf", "x.pdf", "x.pdf", "", ""]
        blocks, _ = self.blocks(*(Media("file", data=PDF, name=name) for name in names))
        assert [block["document"]["name"] for block in blocks] == [
            "ber report (final) v2",
            "x",
            "x 2",
            "Document",
            "Document 2",
        ]

    def test_a_document_stands_beside_words(self):
        body, _ = written(user(Media("file", data=PDF)))
        assert [next(iter(block)) for block in contents(body)[0][1]] == ["text", "document"]

    def test_text_films_and_sounds(self):
        blocks, losses = self.blocks(
            Media("file", text="plain words"),
            Media("video", data="AAAA", mime="video/quicktime"),
            Media("audio", data="AAAA", mime="audio/wav"),
        )
        assert blocks[0]["document"]["source"] == {"bytes": base64.b64encode(b"plain words").decode()}
        assert blocks[1]["video"]["format"] == "mov"
        assert blocks[2]["audio"]["format"] == "wav"
        assert not losses

    def test_what_lies_in_s3_is_named_and_other_addresses_are_lost(self):
        blocks, losses = self.blocks(
            Media("image", url="s3://bucket/a.png"),
            Media("image", url="https://example.com/a.png"),
            Media("file", file_id="file_1"),
            Media("file", data="AAAA", mime="application/zip"),
        )
        assert blocks == [{"image": {"format": "png", "source": {"s3Location": {"uri": "s3://bucket/a.png"}}}}]
        assert losses == ["image by URL", "file by id", "application/zip input"]


class TestCache:
    def test_marks_are_blocks_behind_what_they_mark(self):
        turns = (
            system(Text("S", cache="1h"), Text("T")),
            user(Text("a", cache=""), "b"),
            model(ToolCall("c", "look", "{}", cache="5m")),
            user(ToolResult("c", [Text("x")], cache="")),
        )
        body, request = written(*turns, tools=[Tool("look", cache="1h"), Tool("list")])
        assert body["system"] == [{"text": "S"}, {"cachePoint": {"type": "default", "ttl": "1h"}}, {"text": "T"}]
        point = {"cachePoint": {"type": "default"}}
        assert [content.index(point) for _, content in contents(body)] == [1, 1, 1]
        assert body["toolConfig"]["tools"][1] == {"cachePoint": {"type": "default", "ttl": "1h"}}
        assert not request.losses

    @pytest.mark.parametrize("to", [LLAMA, OLD_CLAUDE, GPT])
    def test_models_without_a_cache_lose_them(self, to):
        body, request = written(user(Text("a", cache="")), cache="", to=to)
        assert contents(body) == [("user", [{"text": "a"}])]
        assert request.losses == ["cache_control"]

    def test_nova_caches_no_tools_and_is_told_no_time(self):
        body, request = written(user(Text("a", cache="1h")), tools=[Tool("look", cache="")], to=NOVA)
        assert contents(body) == [("user", [{"text": "a"}, {"cachePoint": {"type": "default"}}])]
        assert len(body["toolConfig"]["tools"]) == 1
        assert request.losses == ["cache_control on tools"]

    def test_a_mark_on_a_document_stands_before_it(self):
        body, _ = written(user("a", Media("file", data=PDF, cache=""), Media("image", data=PNG, cache="")))
        kinds = [next(iter(block)) for block in contents(body)[0][1]]
        assert kinds == ["text", "cachePoint", "document", "image", "cachePoint"]

    def test_a_mark_on_the_whole_stands_at_its_end_and_only_once(self):
        assert contents(written(user("a"), model("b"), user("c"), cache="")[0])[2][1][-1] == {"cachePoint": {"type": "default"}}
        assert len(contents(written(user(Text("a", cache="")), cache="")[0])[0][1]) == 2


class TestReasoning:
    def fields(self, to, wanted, **more):
        body, request = written(to=to, reasoning=wanted, **more)
        return body.get("additionalModelRequestFields", {}), body.get("inferenceConfig", {}), request.losses

    def test_claude_by_a_budget_that_leaves_room(self):
        fields, config, _ = self.fields(CLAUDE, Reasoning(budget=2000), sampling=Sampling(max_tokens=5000))
        assert fields == {"thinking": {"type": "enabled", "budget_tokens": 2000}}
        assert config == {"maxTokens": 5000}
        _, config, _ = self.fields(CLAUDE, Reasoning(effort="low"))
        assert config["maxTokens"] > 1024

    def test_the_newest_claude_by_effort(self):
        fields, _, _ = self.fields(NEW_CLAUDE, Reasoning(effort="high"))
        assert fields["thinking"]["type"] == "adaptive"
        assert fields["output_config"] == {"effort": "high"}

    def test_claude_takes_no_temperature_while_it_thinks(self):
        fields, config, losses = self.fields(CLAUDE, Reasoning(effort="low"), sampling=Sampling(temperature=0.2, top_k=5))
        assert "temperature" not in config and "top_k" not in fields
        assert losses == ["temperature", "top_k"]

    @pytest.mark.parametrize(
        ("to", "wanted", "said"),
        [
            (NOVA_2, Reasoning(effort="minimal"), {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}),
            (NOVA_2, Reasoning(budget=4000), {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}}),
            (NOVA_2, Reasoning(effort="none"), {"reasoningConfig": {"type": "disabled"}}),
            (GPT, Reasoning(effort="xhigh"), {"reasoning_effort": "high"}),
            (GPT, Reasoning(effort="none"), {"reasoning_effort": "low"}),
            (QWEN, Reasoning(effort="medium"), {"reasoning_config": "high"}),
            (QWEN, Reasoning(effort="low"), {"reasoning_config": "low"}),
        ],
    )
    def test_others_in_their_own_way(self, to, wanted, said):
        assert self.fields(to, wanted) == (said, {}, [])

    def test_nova_takes_no_limits_while_it_thinks_much(self):
        fields, config, losses = self.fields(
            NOVA_2, Reasoning(effort="high"), sampling=Sampling(max_tokens=10, temperature=0.5, stop=["x"])
        )
        assert fields["reasoningConfig"]["maxReasoningEffort"] == "high"
        assert config == {"stopSequences": ["x"]}
        assert losses == ["maxTokens with high reasoning", "temperature with high reasoning"]

    @pytest.mark.parametrize("to", [NOVA, LLAMA, PROFILE])
    def test_those_that_cannot_be_asked_lose_it(self, to):
        assert self.fields(to, Reasoning(effort="high")) == ({}, {}, ["reasoning"])

    def thoughts(self, to, *parts):
        body, _ = written(user("a"), model(*parts, "b"), user("c"), to=to)
        return [block["reasoningContent"] for block in contents(body)[1][1] if "reasoningContent" in block]

    def test_reasoning_goes_back_with_its_proof(self):
        own = Thinking("Hm.", "c2ln", dialect=NAME)
        assert self.thoughts(CLAUDE, own) == [{"reasoningText": {"text": "Hm.", "signature": "c2ln"}}]
        assert self.thoughts(CLAUDE, Thinking(redacted="cmVk", dialect=NAME)) == [{"redactedContent": "cmVk"}]
        assert self.thoughts(CLAUDE, Thinking("Hm.", dialect=NAME)) == []
        assert self.thoughts(LLAMA, own) == []

    def test_claude_s_proof_holds_wherever_it_is_served(self):
        thoughts = (
            Thinking("Hm.", "c2ln", dialect="anthropic.messages"),
            Thinking(redacted="cmVk", dialect="anthropic.messages"),
        )
        assert self.thoughts(CLAUDE, *thoughts) == [
            {"reasoningText": {"text": "Hm.", "signature": "c2ln"}},
            {"redactedContent": base64.b64encode(b"cmVk").decode()},
        ]
        assert self.thoughts(NOVA_2, *thoughts) == []
        assert self.thoughts(CLAUDE, Thinking("Hm.", "c2ln", dialect="gemini.generate")) == []


class TestKnobs:
    def test_sampling(self):
        sampling = Sampling(max_tokens=9, temperature=0.5, top_p=0.9, stop=["x", ""])
        body, _ = written(sampling=sampling, to=NOVA)
        assert body["inferenceConfig"] == {"maxTokens": 9, "temperature": 0.5, "topP": 0.9, "stopSequences": ["x"]}
        assert "inferenceConfig" not in written()[0]

    def test_newer_claude_takes_one_of_two(self):
        body, request = written(sampling=Sampling(temperature=0.5, top_p=0.9))
        assert body["inferenceConfig"] == {"temperature": 0.5}
        assert request.losses == ["top_p"]

    def test_a_hot_temperature_is_cooled_and_said(self):
        for to in (CLAUDE, NOVA):
            body, request = written(sampling=Sampling(temperature=1.5), to=to)
            assert body["inferenceConfig"] == {"temperature": 1}
            assert request.losses == ["temperature above 1"]

    def test_top_k_in_each_family_s_way(self):
        assert written(sampling=Sampling(top_k=5))[0]["additionalModelRequestFields"] == {"top_k": 5}
        assert written(sampling=Sampling(top_k=5), to=NOVA)[0]["additionalModelRequestFields"] == {
            "inferenceConfig": {"topK": 5}
        }
        assert written(sampling=Sampling(top_k=5), to=LLAMA)[1].losses == ["top_k"]

    def test_claude_is_asked_which_stop_sequence_it_was(self):
        assert written(sampling=Sampling(stop=["x"]))[0]["additionalModelResponseFieldPaths"] == ["/stop_sequence"]

    @pytest.mark.parametrize("to", [CLAUDE, NOVA])
    def test_what_cannot_be_said_is_named(self, to):
        sampling = Sampling(seed=1, n=2, presence_penalty=0.5, logit_bias={"1": 1}, logprobs=True)
        _, request = written(sampling=sampling, to=to, user="ann", verbosity="low", store=True, cache_key="k")
        assert set(request.losses) == {
            *("seed", "n", "presence_penalty", "logit_bias", "logprobs"),
            *("user", "verbosity", "store", "prompt_cache_key"),
        }

    def test_formats_by_schema_where_the_model_is_bound_by_one(self):
        wanted = Format("schema", SCHEMA, "my answer", "What I want.")
        body, _ = written(format=wanted)
        made = body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]
        assert (made["name"], made["description"]) == ("my_answer", "What I want.")
        assert json.loads(made["schema"])["properties"] == {"at": {"type": "string"}}
        for to in (NEW_CLAUDE, NOVA):
            body, request = written(format=wanted, to=to)
            assert "outputConfig" not in body and '"at"' in body["system"][0]["text"]
            assert request.losses == ["response_format (told to the model)"]

    def test_any_json_is_told_once(self):
        assert "JSON" in written(format=Format("json"))[0]["system"][0]["text"]
        assert "system" not in written(user("Answer in JSON."), format=Format("json"))[0]

    def test_service_tiers(self):
        assert written(service_tier="flex")[0]["serviceTier"] == {"type": "flex"}
        assert "serviceTier" not in written(service_tier="auto")[0]
        assert written(service_tier="scale")[1].losses == ["service_tier"]

    def test_metadata_as_far_as_it_fits(self):
        body, request = written(metadata={"team": "blue", "no!": "x"})
        assert body["requestMetadata"] == {"team": "blue"}
        assert request.losses == ["metadata"]
        body, _ = written(metadata={f"k{n}": "" for n in range(20)})
        assert len(body["requestMetadata"]) == 16

    def test_what_the_caller_gives_as_it_is_goes_where_it_belongs(self):
        extra = {
            "guardrail_config": raw({"guardrailIdentifier": "abc", "guardrailVersion": "1"}),
            "performanceConfig": raw({"latency": "optimized"}),
            "additional_model_request_fields": raw({"anthropic_beta": ["x"]}),
            "top_a": raw(1),
        }
        body, _ = written(extra=extra, sampling=Sampling(top_k=3))
        assert body["guardrailConfig"] == {"guardrailIdentifier": "abc", "guardrailVersion": "1"}
        assert body["performanceConfig"] == {"latency": "optimized"}
        assert body["additionalModelRequestFields"] == {"top_k": 3, "anthropic_beta": ["x"], "top_a": 1}


class TestRequestsOfCallers:
    def read(self):
        return CODEC.read_request(Sheet.open((FOLDER / "request.json").read_bytes()))

    def test_a_request_is_read(self):
        request = self.read()
        asked, said, given = request.turns[1:]
        assert request.turns[0] == system(Text("Be brief.", cache="1h"))
        assert [part.kind for part in asked.parts[1:]] == ["image", "file", "file", "video"]
        assert asked.parts[2] == Media("file", data=PDF, mime="application/pdf", name="Report 1")
        assert asked.parts[4].url == "s3://films/a.mp4"
        assert said.parts[:2] == [Thinking("Look.", "c2ln", dialect=NAME), Thinking(redacted="cmVk", dialect=NAME)]
        assert [(part.id, json.loads(part.arguments)) for part in said.parts[3:]] == [
            ("tooluse_1", {"at": "sky", "n": 2}),
            ("tooluse_2", {}),
        ]
        assert given.parts[0].content == [Text("blue"), Media("image", data=JPEG, mime="image/jpeg")]
        assert given.parts[1].is_error and given.parts[1].cache == "" and "files" in given.parts[1].content[0].text
        assert request.sampling == Sampling(max_tokens=3000, stop=["END"])
        assert [tool.name for tool in request.tools] == ["look", "list"] and request.tools[1].cache == ""
        assert request.tool_choice == ToolChoice("auto")
        assert (request.format.kind, request.format.name) == ("schema", "answer")
        assert request.reasoning == Reasoning(budget=1024)
        assert (request.service_tier, request.metadata) == ("priority", {"team": "blue"})
        assert not request.losses and not request.extra

    def test_a_request_survives_being_read_and_written(self):
        request = self.read()
        request.model = CLAUDE
        body = json.loads(CODEC.write_request(request).bytes())
        assert request_errors(body) == ""
        again = CODEC.read_request(Sheet.open(json.dumps(body).encode()))
        again.model = CLAUDE
        assert shape(again.turns) == shape(self.read().turns)
        assert shape(again.tools) == shape(self.read().tools)
        assert (again.sampling, again.reasoning) == (request.sampling, request.reasoning)

    @pytest.mark.parametrize(
        ("fields", "wanted"),
        [
            ({"thinking": {"type": "disabled"}}, Reasoning(effort="none")),
            ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, Reasoning(effort="max", adaptive=True)),
            ({"reasoning_effort": "low"}, Reasoning(effort="low")),
            ({"reasoning_config": "high"}, Reasoning(effort="high")),
            ({"reasoning_config": {"type": "enabled", "budget_tokens": 9}}, Reasoning(budget=9)),
            ({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}, Reasoning(effort="low")),
        ],
    )
    def test_a_wish_for_reasoning_however_it_is_spelt(self, fields, wanted):
        body = {"messages": [{"role": "user", "content": [{"text": "a"}]}], "additionalModelRequestFields": fields}
        assert CODEC.read_request(Sheet.open(json.dumps(body).encode())).reasoning == wanted

    def test_what_only_bedrock_knows_is_lost(self):
        body = {
            "messages": [{"role": "user", "content": [{"text": "a"}]}],
            "guardrailConfig": {"guardrailIdentifier": "a"},
            "additionalModelRequestFields": {"anthropic_beta": ["x"], "top_k": 4},
            "toolConfig": {"tools": [{"systemTool": {"name": "nova_grounding"}}], "toolChoice": {"tool": {"name": "a"}}},
            "surprise": 1,
        }
        request = CODEC.read_request(Sheet.open(json.dumps(body).encode()))
        assert request.losses == ["additionalModelRequestFields.anthropic_beta", "guardrailConfig"]
        assert request.sampling.top_k == 4
        assert request.tools[0].dialect == NAME
        assert request.tool_choice == ToolChoice("required", ["a"])
        assert shape(request.extra) == {"surprise": 1}

    def test_server_tools_and_unknown_blocks_are_kept_whole(self):
        blocks = json.loads((FOLDER / "code.json").read_text("utf-8"))["output"]["message"]["content"][:2]
        body = {"messages": [{"role": "assistant", "content": [*blocks, {"searchResult": {"title": "t"}}]}]}
        parts = CODEC.read_request(Sheet.open(json.dumps(body).encode())).turns[0].parts
        assert [part.kind for part in parts] == ["toolUse", "toolResult", "searchResult"]

    @pytest.mark.parametrize(
        ("block", "param"),
        [
            ({}, "messages[0].content[0]"),
            ({"image": {"format": "png", "source": {}}}, "messages[0].content[0].image.source"),
            ({"text": 7}, "messages[0].content[0].text"),
            ({"toolUse": {"name": "x"}}, "messages[0].content[0].toolUse"),
        ],
    )
    def test_what_is_wrong_is_named(self, block, param):
        body = json.dumps({"messages": [{"role": "user", "content": [block]}]}).encode()
        with pytest.raises(Refusal) as caught:
            CODEC.read_request(Sheet.open(body))
        assert (caught.value.status, caught.value.param) == (400, param)

    @given(st.data())
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_a_mutated_request_is_read_or_refused(self, data):
        body = json.dumps(mutated(json.loads((FOLDER / "request.json").read_bytes()), data)).encode()
        try:
            request = CODEC.read_request(Sheet.open(body))
            for to in (CLAUDE, NOVA_2, MISTRAL):
                request.model = to
                CODEC.write_request(request)
        except Refusal as refusal:
            assert refusal.status == 400


class TestAnswers:
    def reply(self, name):
        reply = CODEC.read_reply((FOLDER / f"{name}.json").read_bytes())
        assert isinstance(reply, Reply)
        return reply

    def test_usage_counts_the_cache_as_input(self):
        usage = self.reply("text").usage
        assert (usage.input, usage.output, usage.cached, usage.cache_write, usage.cache_write_1h) == (409, 14, 300, 100, 60)
        assert (self.reply("text").service_tier, usage.service_tier) == ("flex", "flex")

    def test_reasoning_and_calls(self):
        choice = self.reply("tools").choices[0]
        assert choice.parts == [
            Thinking("Two places, two calls.", "EpQBCkYIARgCKkBs+/sig==", dialect=NAME),
            Thinking(redacted="UmVkYWN0ZWQgdGhvdWdodHM=", dialect=NAME),
            Text("I look both up."),
            ToolCall("tooluse_A-1", "weather", '{"city":"Köln","unit":"°C"}'),
            ToolCall("tooluse_B-2", "clock", "{}"),
        ]
        assert choice.finish == Finish("tool_calls", "tool_use")

    def test_what_only_bedrock_knows_citations_and_images(self):
        choice = self.reply("code").choices[0]
        call, result, text, image = choice.parts
        assert (call.kind, result.kind) == ("toolUse", "toolResult")
        assert text == Text("It is 42.", citations=[Citation("https://example.com/guide", "The Guide", "forty-two")])
        assert image == Media("image", data="iVBORw0KGgo=", mime="image/png")
        assert choice.finish == Finish("stop", "stop_sequence", "END")

    @pytest.mark.parametrize(
        ("reason", "common"),
        [
            ("guardrail_intervened", "content_filter"),
            ("content_filtered", "content_filter"),
            ("model_context_window_exceeded", "length"),
            ("malformed_tool_use", "unknown"),
        ],
    )
    def test_why_an_answer_ended(self, reason, common):
        body = {"output": {"message": {"content": []}}, "stopReason": reason}
        assert CODEC.read_reply(json.dumps(body).encode()).choices[0].finish == Finish(common, reason)

    @pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"output": {}}', b'{"output": 7}', b"\xff", b"[" * 10_000])
    def test_what_is_no_answer_is_a_failure(self, body):
        failure = CODEC.read_reply(body)
        assert isinstance(failure, Failure)
        assert (failure.kind, failure.status) == ("malformed", 502)

    def test_an_error_with_the_status_of_success_is_a_failure(self):
        failure = CODEC.read_reply(b'{"message": "Too many requests", "__type": "ThrottlingException"}')
        assert (failure.kind, failure.status, failure.message) == ("rate_limit", 429, "Too many requests")
        assert CODEC.observe(b'{"message": "no"}').failure.message == "no"

    @pytest.mark.parametrize("name", ["text", "tools", "code"])
    def test_an_answer_survives_being_read_and_written_and_botocore_reads_it(self, name):
        reply = self.reply(name)
        body = CODEC.write_reply(reply, VOICE)
        again = CODEC.read_reply(body)
        again.usage.raw = reply.usage.raw
        assert shape(again) == shape(reply)
        seen = parsed_answer(body)
        told = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
        assert seen["stopReason"] == told["stopReason"]
        for tokens in ("inputTokens", "outputTokens", "totalTokens"):
            assert seen["usage"][tokens] == told["usage"][tokens]
        assert [next(iter(block)) for block in seen["output"]["message"]["content"]] == [
            next(iter(block)) for block in told["output"]["message"]["content"]
        ]

    def test_observing_tells_what_reading_tells(self):
        for name in ("text", "tools", "code"):
            reply = self.reply(name)
            assert CODEC.observe((FOLDER / f"{name}.json").read_bytes()) == Outcome.of(reply)

    def test_answers_of_others(self):
        parts = [
            Thinking("Hm.", "c2ln", dialect="anthropic.messages"),
            Thinking(redacted="cmVk", dialect="anthropic.messages"),
            ToolCall("", "my_tool", "not json"),
            ToolCall("c", "shell", "ls", custom=True),
            Declined("No."),
            Media("image", url="https://example.com/a.png"),
            Native("anthropic.messages", "x", raw({})),
        ]
        reply = Reply("id", "m", choices=[Choice(parts, Finish("pause", "pause_turn"))], usage=Usage(10, 5, 2, 3, 3))
        voice = Voice("01JX", 1, Request("m", tools=[Tool("my.tool"), Tool("shell", custom=True)]))
        body = CODEC.write_reply(reply, voice)
        seen = parsed_answer(body)
        blocks = seen["output"]["message"]["content"]
        assert blocks[2]["toolUse"] == {
            "toolUseId": "tooluse_01JX_2",
            "name": "my.tool",
            "input": {"arguments": "not json"},
        }
        assert blocks[3]["toolUse"]["input"] == {"input": "ls"}
        assert [block["text"] for block in blocks[4:]] == ["No.", "https://example.com/a.png"]
        assert seen["stopReason"] == "end_turn"
        assert seen["usage"] == {
            "inputTokens": 5,
            "outputTokens": 5,
            "totalTokens": 15,
            "cacheReadInputTokens": 2,
            "cacheWriteInputTokens": 3,
            "cacheDetails": [{"ttl": "1h", "inputTokens": 3}],
        }
        assert CODEC.carries(body)
        content = json.loads(body)["output"]["message"]["content"]
        asked = {"messages": [{"role": "user", "content": [{"text": "a"}]}, {"role": "assistant", "content": content[:2]}]}
        assert CODEC.read_request(Sheet.open(json.dumps(asked).encode())).turns[1].parts == parts[:2]

    def test_own_reasoning_carries_nothing_foreign(self):
        assert not CODEC.carries((FOLDER / "request.json").read_bytes())


class TestErrors:
    @pytest.mark.parametrize(
        ("status", "body", "kind", "message"),
        [
            (400, b'{"message": "The provided model identifier is invalid."}', "not_found", "identifier is invalid"),
            (403, b'{"Message": "User is not authorized"}', "auth", "not authorized"),
            (429, b'{"message": "Too many tokens, please wait before trying again."}', "rate_limit", "Too many tokens"),
            (400, b'{"message": "Input is too long for requested model."}', "context_window", "too long"),
            (503, b"", "overloaded", "503"),
        ],
    )
    def test_errors_are_read(self, status, body, kind, message):
        failure = CODEC.read_error(status, body)
        assert (failure.status, failure.kind) == (status, kind)
        assert message in failure.message

    def test_errors_are_written_and_known_again(self):
        body = CODEC.write_error(Failure("rate_limit", 429, "Slow down."))
        assert json.loads(body) == {"message": "Slow down."}
        assert CODEC.native_error(body)
        assert not CODEC.native_error(b'{"message": "x", "error": {}}')
        assert not CODEC.native_error(b"<html>")


@pytest.mark.parametrize("to", MODELS)
def test_every_family_is_asked_what_botocore_allows(to):
    request = CODEC.read_request(Sheet.open((FOLDER / "request.json").read_bytes()))
    written(
        *request.turns,
        to=to,
        tools=request.tools,
        tool_choice=ToolChoice("required"),
        sampling=Sampling(max_tokens=5000, temperature=0.3, top_p=0.5, top_k=9, stop=["x"]),
        reasoning=Reasoning(effort="high"),
        format=request.format,
        metadata={"a": "b"},
        service_tier="priority",
        parallel_tools=False,
    )
