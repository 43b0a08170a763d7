"""Amazon's models, front to back: addresses, bodies, signatures by botocore's own reckoning, roles, streams in frames."""

import base64
import datetime
import json
from unittest.mock import patch

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lockgate.control.config import BadConfig
from lockgate.core.failure import Failure
from lockgate.wire import eventstream
from support.asgi import ask
from support.aws import frames, request_errors, transcripts
from support.canonical import GOLDEN
from support.house import AUTH, make_app, make_house, records
from support.scripted import ScriptedClient, ScriptedExchange

FOLDER = GOLDEN / "bedrock_converse"
STREAM = transcripts(FOLDER)["tools"]
ANSWER = (FOLDER / "text.json").read_bytes()
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
CHAT = {"messages": [{"role": "user", "content": "ping"}]}
MESSAGES = {"max_tokens": 9, "messages": [{"role": "user", "content": "ping"}], "x_unknown": [1]}
KEYS = {"aws_access_key_id": "AKIDCALLER", "aws_secret_access_key": "caller-secret-0123", "aws_region": "eu-west-1"}
INLINE = {"provider": "bedrock", **KEYS}
FRAMES = [(b"content-type", b"application/vnd.amazon.eventstream")]
STS = (
    b"<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey>"
    b"<SessionToken>role-token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
)


@pytest.fixture
def app(tmp_path):
    return house(tmp_path)


def house(tmp_path, config="", **environment):
    app = make_app(tmp_path, config, **environment)
    app.tmp = tmp_path
    return app


def post(app, path, body, *answers, config=None, headers=()):
    client = app.runtime.clients["https"] = app.runtime.clients["http"] = ScriptedClient(
        *(ScriptedExchange(200, each) if isinstance(each, bytes) else each for each in answers)
    )
    said = [("x-portkey-config", json.dumps(config))] if config else []
    key = [("x-portkey-api-key", AUTH[0][1].removeprefix("Bearer "))] if config else AUTH
    return ask(app.gateway, "POST", path, body=body, headers=[*key, *said, *headers]), client


def chat(app, *answers, model=CLAUDE, **more):
    return post(app, "/v1/chat/completions", {**CHAT, "model": model}, *answers, **more)


def place(client, number=-1):
    destination, outgoing = client.sent[number]
    return f"{destination.scheme}://{destination.host}{outgoing.target.decode()}"


def is_signed(client, keys, region, service="bedrock", number=-1):
    """Assert that botocore signs the request that was sent in the same way."""
    destination, outgoing = client.sent[number]
    sent = {name.decode(): value.decode() for name, value in outgoing.headers}
    signed = sent["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    headers = {name: sent[name] for name in signed if name not in ("host", "x-amz-date", "x-amz-security-token")}
    url = f"{destination.scheme}://{destination.host_header}{outgoing.target.decode()}"
    request = AWSRequest(method=outgoing.method, url=url, data=outgoing.body, headers=headers)
    at = datetime.datetime.strptime(sent["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
    with patch("botocore.auth.get_current_datetime", lambda **_: at):
        botocore.auth.SigV4Auth(Credentials(*keys), service, region).add_auth(request)
    assert sent["authorization"] == request.headers["Authorization"]
    assert sent.get("x-amz-security-token") == request.headers.get("X-Amz-Security-Token")


class TestConverse:
    def test_a_caller_s_keys_sign_for_the_caller_s_region(self, app):
        answer, client = chat(app, ANSWER, config=INLINE)
        assert answer.status == 200
        assert answer.json["choices"][0]["message"]["content"].startswith("Grüße")
        assert answer.json["usage"]["prompt_tokens"] == 409
        assert place(client) == (
            "https://bedrock-runtime.eu-west-1.amazonaws.com/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
        )
        assert request_errors(client.body) == ""
        is_signed(client, ("AKIDCALLER", "caller-secret-0123"), "eu-west-1")

    def test_keys_may_come_in_headers(self, app):
        headers = [(f"x-portkey-{name.replace('_', '-')}", value) for name, value in KEYS.items()]
        key = ("x-portkey-api-key", AUTH[0][1].removeprefix("Bearer "))
        client = app.runtime.clients["https"] = ScriptedClient(ScriptedExchange(200, ANSWER))
        said = [key, ("x-portkey-provider", "bedrock"), *headers, ("x-portkey-aws-session-token", "tok")]
        assert ask(app.gateway, "POST", "/v1/chat/completions", body={**CHAT, "model": CLAUDE}, headers=said).status == 200
        is_signed(client, ("AKIDCALLER", "caller-secret-0123", "tok"), "eu-west-1")

    def test_an_arn_is_one_segment_of_the_path(self, app):
        arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/mi1dadi0g15f"
        _, client = chat(app, ANSWER, model=arn, config=INLINE)
        assert place(client).endswith(
            "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fmi1dadi0g15f/converse"
        )
        is_signed(client, ("AKIDCALLER", "caller-secret-0123"), "eu-west-1")

    def test_a_stream_in_frames_is_a_stream_of_the_caller_s(self, app):
        body = {**CHAT, "model": CLAUDE, "stream": True, "stream_options": {"include_usage": True}}
        exchange = ScriptedExchange(200, [STREAM[:50], STREAM[50:700], STREAM[700:]], FRAMES)
        answer, client = post(app, "/v1/chat/completions", body, exchange, config=INLINE)
        assert place(client).endswith("/converse-stream")
        assert "stream" not in client.body
        chunks = [json.loads(line[6:]) for line in answer.body.decode().split("\n") if line.startswith("data: {")]
        calls = [call for chunk in chunks for choice in chunk["choices"] for call in choice["delta"].get("tool_calls") or []]
        assert [call["function"]["name"] for call in calls if call["function"].get("name")] == ["weather", "clock"]
        assert chunks[-1]["usage"]["completion_tokens"] == 33
        (record,) = records(app.tmp)
        assert (record.outcome, record.provider, record.gear) == ("ok", "bedrock", "translate")

    def test_an_exception_before_a_word_is_an_error_answer(self, app):
        exchange = ScriptedExchange(200, frames('messageStart {}\nthrottlingException! {"message":"Slow."}'), FRAMES)
        answer, _ = post(app, "/v1/messages", {**MESSAGES, "model": CLAUDE, "stream": True}, exchange, config=INLINE)
        assert answer.status == 429
        assert answer.json["error"] == {"type": "rate_limit_error", "message": "Slow."}

    def test_a_stream_that_is_cut_is_broken(self, app):
        exchange = ScriptedExchange(200, STREAM[: STREAM.index(b"messageStop") - 40], FRAMES)
        answer, _ = post(app, "/v1/messages", {**MESSAGES, "model": CLAUDE, "stream": True}, exchange, config=INLINE)
        assert b"event: error" in answer.body and b"message_stop" not in answer.body
        assert records(app.tmp)[0].outcome == "broken"

    def test_an_error_of_aws_s_keeps_its_status_and_sentence(self, app):
        error = ScriptedExchange(400, b'{"message":"The provided model identifier is invalid."}')
        answer, _ = chat(app, error, config=INLINE)
        assert answer.status == 400
        assert answer.json["error"]["message"] == "The provided model identifier is invalid."

    def test_reasoning_comes_back_to_its_model_through_another_dialect(self, app):
        whole = (FOLDER / "tools.json").read_bytes()
        body = {**MESSAGES, "model": CLAUDE, "tools": [{"name": "weather", "input_schema": {"type": "object"}}]}
        answer, _ = post(app, "/v1/messages", body, whole, config=INLINE)
        results = [
            {"type": "tool_result", "tool_use_id": block["id"], "content": "ok"}
            for block in answer.json["content"]
            if block["type"] == "tool_use"
        ]
        turns = [
            *MESSAGES["messages"],
            {"role": "assistant", "content": answer.json["content"]},
            {"role": "user", "content": results},
        ]
        _, client = post(app, "/v1/messages", {**body, "messages": turns}, ANSWER, config=INLINE)
        told = json.loads(whole)["output"]["message"]["content"]
        assert client.body["messages"][1]["content"] == told


class TestAccounts:
    def test_the_environment_sets_bedrock_up(self, tmp_path):
        environment = {"AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": "env-secret-01", "AWS_REGION": "us-west-2"}
        app = house(tmp_path, **environment)
        answer, client = chat(app, ANSWER, model=f"@bedrock/{CLAUDE}")
        assert answer.status == 200
        assert place(client).startswith("https://bedrock-runtime.us-west-2.amazonaws.com/")
        is_signed(client, ("AKIDENV", "env-secret-01"), "us-west-2")

    def test_keys_in_the_environment_without_a_region_set_nothing_up(self, tmp_path):
        app = house(tmp_path, AWS_ACCESS_KEY_ID="AKIDENV", AWS_SECRET_ACCESS_KEY="env-secret-01")
        answer, _ = chat(app, model=f"@bedrock/{CLAUDE}")
        assert answer.status == 404

    def test_an_api_key_is_a_bearer_token(self, tmp_path):
        app = house(tmp_path, "providers: {bedrock: {api_key: bedrock-key-01234567, aws_region: us-east-1}}")
        _, client = chat(app, ANSWER, model=f"@bedrock/{CLAUDE}")
        assert client.headers[b"authorization"] == b"Bearer bedrock-key-01234567"

    ROLE = """
providers:
  prod: {provider: bedrock, aws_region: us-east-1, aws_access_key_id: AKIDBASE, aws_secret_access_key: base-secret-01,
         aws_role_arn: "arn:aws:iam::1:role/llm", aws_external_id: ext}
"""

    def test_a_role_is_assumed_once_and_signs_with_its_keys(self, tmp_path):
        app = house(tmp_path, self.ROLE)
        answer, client = chat(app, ScriptedExchange(200, STS), ANSWER, model=f"@prod/{CLAUDE}")
        assert answer.status == 200
        assert place(client, 0) == "https://sts.us-east-1.amazonaws.com/"
        is_signed(client, ("AKIDBASE", "base-secret-01"), "us-east-1", "sts", 0)
        is_signed(client, ("ASIAROLE", "role-secret", "role-token"), "us-east-1")
        _, client = chat(app, ANSWER, model=f"@prod/{CLAUDE}")
        assert len(client.sent) == 1

    def test_a_role_that_cannot_be_assumed_names_the_setting_in_the_caller_s_dialect(self, tmp_path):
        app = house(tmp_path, self.ROLE)
        denied = ScriptedExchange(403, b"<ErrorResponse><Error><Message>not authorized</Message></Error></ErrorResponse>")
        answer, client = post(app, "/v1/messages", {**MESSAGES, "model": f"@prod/{CLAUDE}"}, denied)
        assert answer.status == 401
        assert answer.json["error"]["type"] == "authentication_error"
        assert "aws_role_arn" in answer.json["error"]["message"] and "not authorized" in answer.json["error"]["message"]
        assert len(client.sent) == 1
        (record,) = records(app.tmp)
        assert record.outcome == "failed"

    def test_the_instance_s_identity_is_its_operator_s_to_lend(self, tmp_path):
        app = house(tmp_path, "providers: {bedrock: {aws_auth_type: instance, aws_region: us-east-1}}")
        keys = {
            "AccessKeyId": "ASIAEC2",
            "SecretAccessKey": "ec2-secret",
            "Token": "ec2-token",
            "Expiration": "2099-01-01T00:00:00Z",
        }
        metadata = (b"session", b"role", json.dumps(keys).encode())
        answer, client = chat(app, *metadata, ANSWER, model=f"@bedrock/{CLAUDE}")
        assert answer.status == 200
        assert {destination.authority for destination, _ in client.sent[:3]} == {"169.254.169.254:80"}
        is_signed(client, ("ASIAEC2", "ec2-secret", "ec2-token"), "us-east-1")
        answer, client = chat(app, config={"provider": "bedrock", "aws_auth_type": "instance", "aws_region": "us-east-1"})
        assert answer.status == 403
        assert not client.sent

    def test_unreachable_metadata_is_a_failure_that_names_the_setting(self, tmp_path):
        app = house(tmp_path, "providers: {bedrock: {aws_auth_type: instance, aws_region: us-east-1}}")
        answer, _ = chat(app, Failure("connect", 502, "No route."), model=f"@bedrock/{CLAUDE}")
        assert answer.status == 502
        assert "aws_auth_type" in answer.json["error"]["message"]

    @pytest.mark.parametrize(
        ("config", "param"),
        [
            ({"provider": "bedrock", **KEYS, "aws_region": ""}, "config.aws_region"),
            ({"provider": "bedrock", **KEYS, "aws_region": "evil.example/#"}, "config.aws_region"),
            ({"provider": "bedrock", "aws_region": "us-east-1", "aws_access_key_id": "A"}, "config.aws_secret_access_key"),
            ({"provider": "bedrock", **KEYS, "aws_auth_type": "magic"}, "config.aws_auth_type"),
        ],
    )
    def test_what_a_caller_left_out_is_named(self, app, config, param):
        answer, client = chat(app, config=config)
        assert answer.status == 400
        assert answer.json["error"]["param"] == param
        assert not client.sent

    def test_what_the_operator_left_out_is_named(self, tmp_path):
        with pytest.raises(BadConfig) as caught:
            make_house(tmp_path, "providers: {bedrock: {aws_region: us-east-1}, b: {provider: bedrock, api_key: k}}").snapshot()
        assert {mistake.path for mistake in caught.value.mistakes} == {
            "providers.bedrock.aws_access_key_id",
            "providers.b.aws_region",
        }

    def test_a_credential_is_on_no_record(self, app):
        chat(app, ANSWER, config=INLINE)
        assert b"caller-secret" not in repr(records(app.tmp)).encode()


def chunk(event):
    data = base64.b64encode(json.dumps(event).encode()).decode()
    return eventstream.write({":event-type": "chunk", ":message-type": "event"}, json.dumps({"bytes": data}).encode())


EVENTS = [
    {"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant", "model": "c", "content": [], "usage": {"input_tokens": 3, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "pong"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
    {"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 3}},
]  # fmt: skip
MESSAGE = b'{"id":"m","type":"message","role":"assistant","model":"c","content":[{"type":"text","text":"pong"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":2}}'


class TestClaudeByItsOwnApi:
    CONFIG = {**INLINE, "provider": "bedrock-claude"}

    def test_the_bytes_pass(self, app):
        headers = [("anthropic-beta", "interleaved-thinking-2025-05-14,claude-code-20250219")]
        answer, client = post(app, "/v1/messages", {**MESSAGES, "model": CLAUDE}, MESSAGE, config=self.CONFIG, headers=headers)
        assert answer.body == MESSAGE
        assert place(client).endswith("/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke")
        assert client.body == {
            **MESSAGES,
            "anthropic_version": "bedrock-2023-05-31",
            "anthropic_beta": ["interleaved-thinking-2025-05-14"],
        }
        assert answer.headers["x-lockgate-dropped"] == "anthropic-beta claude-code-20250219"
        is_signed(client, ("AKIDCALLER", "caller-secret-0123"), "eu-west-1")
        assert records(app.tmp)[0].gear == "edit"

    def test_a_stream_s_frames_come_off(self, app):
        data = b"".join(map(chunk, EVENTS))
        exchange = ScriptedExchange(200, [data[:99], data[99:]], FRAMES)
        answer, client = post(app, "/v1/messages", {**MESSAGES, "model": CLAUDE, "stream": True}, exchange, config=self.CONFIG)
        assert place(client).endswith("/invoke-with-response-stream")
        assert "stream" not in client.body
        assert [json.loads(line[6:]) for line in answer.body.decode().split("\n") if line.startswith("data: ")] == EVENTS
        (record,) = records(app.tmp)
        assert (record.outcome, record.usage.input, record.usage.output) == ("ok", 3, 2)

    def test_an_exception_in_the_middle_is_said_once(self, app):
        data = b"".join(map(chunk, EVENTS[:3])) + frames('modelStreamErrorException! {"message":"Gone."}')
        body = {**MESSAGES, "model": CLAUDE, "stream": True}
        answer, _ = post(app, "/v1/messages", body, ScriptedExchange(200, data, FRAMES), config=self.CONFIG)
        assert answer.body.count(b"event: error") == 1 and b"Gone." in answer.body
        answer, _ = post(app, "/v1/chat/completions", body, ScriptedExchange(200, data, FRAMES), config=self.CONFIG)
        assert answer.body.count(b"Gone.") == 1 and b"[DONE]" not in answer.body

    def test_other_dialects_are_translated(self, app):
        answer, client = chat(app, MESSAGE, config=self.CONFIG)
        assert answer.json["choices"][0]["message"]["content"] == "pong"
        assert client.body["anthropic_version"] == "bedrock-2023-05-31" and "model" not in client.body


class TestTheOthers:
    def test_mantle_speaks_each_maker_s_api(self, app):
        config = {**INLINE, "provider": "bedrock-mantle"}
        _, client = post(app, "/v1/messages", {**MESSAGES, "model": "anthropic.claude-haiku-4-5"}, MESSAGE, config=config)
        assert place(client) == "https://bedrock-mantle.eu-west-1.api.aws/anthropic/v1/messages"
        assert client.headers[b"anthropic-version"] == b"2023-06-01"
        is_signed(client, ("AKIDCALLER", "caller-secret-0123"), "eu-west-1", "bedrock-mantle")
        _, client = chat(app, b'{"error":{"message":"x"}}', model="openai.gpt-oss-120b", config=config)
        assert place(client) == "https://bedrock-mantle.eu-west-1.api.aws/v1/chat/completions"
        _, client = chat(app, b'{"error":{"message":"x"}}', model="openai.gpt-5.4", config=config)
        assert place(client) == "https://bedrock-mantle.eu-west-1.api.aws/openai/v1/responses"

    def test_the_claude_platform_is_signed_for_under_its_own_name(self, app):
        config = {**INLINE, "provider": "claude-platform-aws"}
        answer, client = post(app, "/v1/messages", {**MESSAGES, "model": "claude-haiku-4-5"}, MESSAGE, config=config)
        assert answer.body == MESSAGE
        assert place(client) == "https://aws-external-anthropic.eu-west-1.api.aws/v1/messages"
        is_signed(client, ("AKIDCALLER", "caller-secret-0123"), "eu-west-1", "aws-external-anthropic")

    def test_a_sagemaker_endpoint_streams_in_frames(self, app):
        sse = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"pong"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
        parts = [
            eventstream.write({":event-type": "PayloadPart", ":message-type": "event"}, sse[at : at + 40])
            for at in range(0, len(sse), 40)
        ]
        body = {**CHAT, "model": "my-endpoint", "stream": True}
        exchange = ScriptedExchange(200, parts, FRAMES)
        answer, client = post(app, "/v1/chat/completions", body, exchange, config={**INLINE, "provider": "sagemaker"})
        assert (
            place(client)
            == "https://runtime.sagemaker.eu-west-1.amazonaws.com/endpoints/my-endpoint/invocations-response-stream"
        )
        assert b'"pong"' in answer.body and answer.body.endswith(b"data: [DONE]\n\n")
        is_signed(client, ("AKIDCALLER", "caller-secret-0123"), "eu-west-1", "sagemaker")
