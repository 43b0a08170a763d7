"""Pictures and ranks at the clouds, front to back: OpenAI's images API in JSON and in forms, by Bedrock and Vertex AI."""

import base64
import json

import pytest
from openai.types import ImagesResponse

from support.asgi import ask
from support.house import AUTH, make_app, records
from support.scripted import ScriptedClient, ScriptedExchange

BEDROCK = {
    "provider": "bedrock",
    "aws_region": "us-west-2",
    "aws_access_key_id": "AKID",
    "aws_secret_access_key": "s-0123456789",
}
VERTEX = {"provider": "vertex-ai", "api_key": "ya29.token", "vertex_project_id": "proj-1", "vertex_region": "europe-west4"}
CANVAS, INPAINT = "amazon.nova-canvas-v1:0", "us.stability.stable-image-inpaint-v1:0"
PICTURE = b"\xff\xd8\xff\xe0\r\n--XY no delimiter\0"
DATA = base64.b64encode(PICTURE).decode()


@pytest.fixture
def app(tmp_path):
    app = make_app(tmp_path)
    app.tmp = tmp_path
    return app


def post(app, config, path, body, answer, headers=()):
    client = app.runtime.clients["https"] = ScriptedClient(
        *([ScriptedExchange(200, json.dumps(answer).encode())] if answer else [])
    )
    key = ("x-portkey-api-key", AUTH[0][1].removeprefix("Bearer "))
    said = ask(
        app.gateway, "POST", path, body=body, headers=[key, ("x-portkey-config", json.dumps(config)), *headers]
    )  # fmt: skip
    return said, client


def form(**fields):
    out = b""
    for name, value in fields.items():
        more = b'; filename="a.jpg"\r\nContent-Type: image/jpeg' if isinstance(value, bytes) else b""
        value = value if isinstance(value, bytes) else value.encode()
        out += b'--XX\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n' % (name.encode(), more, value)
    return out + b"--XX--\r\n"


FORM = [("content-type", "multipart/form-data; boundary=XX")]


def test_a_picture_is_made_by_nova_canvas(app):
    body = {"model": CANVAS, "prompt": "a fox", "n": 2, "size": "1024x1024", "background": "transparent"}
    answer, client = post(app, BEDROCK, "/v1/images/generations", body, {"images": ["QQ==", "Qg=="]})
    said = ImagesResponse.model_validate_json(answer.body)
    assert [each.b64_json for each in said.data] == ["QQ==", "Qg=="] and said.created > 1_600_000_000
    destination, outgoing = client.sent[0]
    assert (destination.host, outgoing.target) == (
        "bedrock-runtime.us-west-2.amazonaws.com",
        b"/model/amazon.nova-canvas-v1%3A0/invoke",
    )
    assert client.headers[b"authorization"].startswith(b"AWS4-HMAC-SHA256 Credential=AKID/")
    assert client.body["imageGenerationConfig"] == {"width": 1024, "height": 1024, "numberOfImages": 2}
    (record,) = records(app.tmp)
    assert (record.gear, record.losses, record.outcome) == ("translate", ["background"], "ok")
    assert record.usage.images == 2


def test_a_form_with_a_picture_becomes_json(app):
    body = form(image=PICTURE, mask=PICTURE, prompt="a hat", model=INPAINT, n="1", response_format="url", grow_mask="3")
    answer, client = post(app, BEDROCK, "/v1/images/edits", body, {"images": ["QQ=="], "finish_reasons": [None]}, FORM)
    assert answer.json["data"] == [{"url": "data:image/png;base64,QQ=="}]
    assert client.body == {"prompt": "a hat", "image": DATA, "mask": DATA, "grow_mask": 3}
    assert client.headers[b"content-type"] == b"application/json"
    (record,) = records(app.tmp)
    assert record.bytes_in == len(body) and DATA not in json.dumps(answer.json)


def test_a_variation_is_a_picture_alone(app):
    answer, client = post(app, BEDROCK, "/v1/images/variations", form(image=PICTURE, model=CANVAS), {"images": ["QQ=="]}, FORM)
    assert answer.json["data"] == [{"b64_json": "QQ=="}]
    assert client.body == {"taskType": "IMAGE_VARIATION", "imageVariationParams": {"images": [DATA]}}


def test_pictures_that_were_held_back_are_an_error_of_openais(app):
    answer, _ = post(
        app, BEDROCK, "/v1/images/generations", {"model": INPAINT, "prompt": "p"}, {"finish_reasons": ["Filter reason: prompt"]}
    )
    assert answer.status == 400 and answer.json["error"]["message"].startswith("Filter reason: prompt")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"model": CANVAS, "prompt": "p", "stream": True}, "unsupported_stream"),
        ({"model": CANVAS}, "missing_member"),
        ({"model": "anthropic.claude-haiku-4-5-20251001-v1:0", "prompt": "p"}, "unsupported_operation"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(app, body, code):
    answer, client = post(app, BEDROCK, "/v1/images/generations", body, None)
    assert (answer.status, answer.json["error"]["code"]) == (400, code) and client.sent == []


def test_a_form_that_lacks_its_picture_is_refused(app):
    answer, client = post(app, BEDROCK, "/v1/images/edits", form(prompt="p", model=CANVAS), None, FORM)
    assert (answer.status, answer.json["error"]["param"]) == (400, "image") and client.sent == []


def test_gemini_draws_and_its_tokens_are_priced(app):
    told = {
        "candidates": [
            {"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": "QQ=="}}]}, "finishReason": "STOP"}
        ],
        "usageMetadata": {
            "promptTokenCount": 10,
            "candidatesTokenCount": 1290,
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}],
        },
    }
    body = {"model": "gemini-2.5-flash-image", "prompt": "a fox"}
    answer, client = post(app, VERTEX, "/v1/images/generations", body, told)
    assert answer.json["data"] == [{"b64_json": "QQ=="}] and answer.json["usage"]["output_tokens"] == 1290
    assert client.sent[0][1].target.endswith(b"/publishers/google/models/gemini-2.5-flash-image:generateContent")
    (record,) = records(app.tmp)
    assert record.cost_nusd == 10 * 300 + 1290 * 30_000


def test_the_gemini_api_draws_too(app):
    config = {"provider": "google", "api_key": "AIza-0123456789"}
    told = {
        "candidates": [
            {"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": "QQ=="}}]}, "finishReason": "STOP"}
        ]
    }
    body = form(image=PICTURE, prompt="a hat", model="gemini-2.5-flash-image")
    answer, client = post(app, config, "/v1/images/edits", body, told, FORM)
    assert answer.json["data"] == [{"b64_json": "QQ=="}]
    assert client.sent[0][1].target == b"/v1beta/models/gemini-2.5-flash-image:generateContent"
    assert client.body["contents"][0]["parts"][1] == {"inlineData": {"mimeType": "image/jpeg", "data": DATA}}
    answer, client = post(app, config, "/v1/images/generations", {"model": "gemini-2.5-flash", "prompt": "p"}, None)
    assert answer.json["error"]["code"] == "unsupported_operation" and client.sent == []


def test_documents_are_ranked_where_google_ranks(app):
    body = {"model": "semantic-ranker-default@latest", "query": "q", "documents": ["a", "b"], "return_documents": True}
    answer, client = post(app, VERTEX, "/v1/rerank", body, {"records": [{"id": "1", "score": 0.9}, {"id": "0", "score": 0.1}]})
    assert [(each["index"], each["document"]) for each in answer.json["results"]] == [(1, {"text": "b"}), (0, {"text": "a"})]
    destination, outgoing = client.sent[0]
    assert (destination.host, outgoing.target) == (
        "discoveryengine.googleapis.com",
        b"/v1/projects/proj-1/locations/global/rankingConfigs/default_ranking_config:rank",
    )
    assert client.headers[b"authorization"] == b"Bearer ya29.token"


def test_vectors_that_are_asked_for_as_a_stream_are_not_streamed(app):
    body = {"model": "cohere.embed-english-v3", "input": "a", "stream": True}
    answer, _ = post(app, BEDROCK, "/v1/embeddings", body, {"embeddings": {"float": [[1.0]]}})
    assert answer.json["data"][0]["embedding"] == [1.0]
