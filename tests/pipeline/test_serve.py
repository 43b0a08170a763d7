"""Operations that are no conversation, with a scripted provider behind."""

import json

import pytest

from lockgate.core.failure import Failure
from support.asgi import Line, ask
from support.house import AUTH, make_app, records
from support.scripted import ScriptedClient, ScriptedExchange

CONFIG = """
providers:
  openai: {api_key: sk-upstream-secret-1234567890}
  google: {api_key: goog-upstream-secret-1234567890}
  cohere: {api_key: co-upstream-secret-1234567890}
  voyage: {api_key: vo-upstream-secret-1234567890}
  few: {provider: openai, api_key: sk-x, models: ["gpt-image-*"]}
  mistral-ai: {api_key: mi-upstream-secret-1234567890}
prices:
  "openai/painter": {image: 0.04}
  "openai/emb": {input: 1}
  "google/emb": {input: 1}
  "cohere/rank": {input: 0, search: 0.002}
  "openai/gpt-image-1": {input: 5, image_input: 10, output: 40}
  "openai/free": {input: 0}
  "openai/per-request": {input: 1, request: 0.01}
"""
EMBED = {"model": "@openai/emb", "input": ["a", "b"]}
VECTORS = {
    "object": "list",
    "data": [{"object": "embedding", "index": n, "embedding": [0.5, n]} for n in (0, 1)],
    "model": "emb",
    "usage": {"prompt_tokens": 8, "total_tokens": 8},
}


@pytest.fixture
def app(tmp_path):
    app = make_app(tmp_path, CONFIG)
    app.tmp = tmp_path
    return app


def post(app, path, body, *answers, headers=(), **more):
    client = app.runtime.clients["https"] = ScriptedClient(*answers)
    return ask(app.gateway, "POST", path, body=body, headers=[*AUTH, *headers], **more), client


def said(body, kind=b"application/json", status=200):
    body = body if isinstance(body, bytes | list) else json.dumps(body).encode()
    answer = ScriptedExchange(status, body)
    answer.headers = [(b"content-type", kind), (b"x-request-id", b"r1"), (b"set-cookie", b"a=b")]
    return answer


def record(app):
    (found,) = records(app.tmp)
    return found


# --- embeddings


def test_embeddings_pass_in_the_same_dialect(app):
    raw = json.dumps(VECTORS, indent=1).encode()
    body = b'{ "model":"emb", "input": "x", "encoding_format":"base64" }'
    answer, client = post(app, "/v1/embeddings", body, said(raw), headers=[("x-lockgate-provider", "@openai")])
    assert answer.body == raw
    assert answer.headers["x-request-id"] == "r1"
    assert "set-cookie" not in answer.headers
    (_, sent) = client.sent[0]
    assert (sent.target, sent.body) == (b"/v1/embeddings", body)
    kept = record(app)
    assert (kept.operation, kept.gear, kept.dialect_out, kept.usage.input) == ("embed", "relay", "openai.embeddings", 8)
    assert (kept.cost_nusd, kept.usage_source, kept.model_served) == (8000, "provider", "emb")


def test_a_model_s_own_name_goes_out(app):
    _, client = post(app, "/v1/embeddings", EMBED, said(VECTORS))
    assert client.body == {**EMBED, "model": "emb"}
    assert record(app).gear == "edit"


def test_embeddings_are_translated(app):
    told = {"embeddings": [{"values": [0.5, 1.0]}, {"values": [1.5, 2.0]}]}
    answer, client = post(app, "/v1/embeddings", {**EMBED, "model": "@google/emb", "dimensions": 2}, said(told))
    assert client.sent[0][1].target == b"/v1beta/models/emb:batchEmbedContents"
    assert client.body["requests"][1] == {
        "model": "models/emb",
        "outputDimensionality": 2,
        "content": {"parts": [{"text": "b"}]},
    }
    assert [row["embedding"] for row in answer.json["data"]] == [[0.5, 1.0], [1.5, 2.0]]
    assert answer.json["model"] == "emb"
    kept = record(app)
    assert (kept.gear, kept.usage.input, kept.usage_source, kept.cost_note) == ("translate", 2, "estimated", "estimated")


def test_google_s_callers_reach_openai(app):
    body = {"content": {"parts": [{"text": "a"}]}}
    answer, client = post(app, "/v1beta/models/@openai/emb:embedContent", body, said(VECTORS))
    assert client.body == {"model": "emb", "input": ["a"]}
    assert answer.json == {"embedding": {"values": [0.5, 0]}, "usageMetadata": {"promptTokenCount": 8}}


def test_google_s_batches_name_the_model_that_the_path_names(app):
    body = {"requests": [{"model": "models/@google/emb", "content": {"parts": [{"text": "a"}]}}]}
    _, client = post(app, "/v1beta/models/@google/emb:batchEmbedContents", body, said({"embeddings": []}))
    assert client.body["requests"][0]["model"] == "models/emb"
    assert client.sent[0][1].target == b"/v1beta/models/emb:batchEmbedContents"


def test_what_a_row_spells_otherwise(app):
    body = {"model": "@voyage/voyage-3.5", "input": "a", "dimensions": 256, "encoding_format": "float", "user": "u"}
    answer, client = post(app, "/v1/embeddings", body, said(VECTORS))
    assert client.body == {"model": "voyage-3.5", "input": "a", "output_dimension": 256}
    assert answer.headers["x-lockgate-dropped"] == "user"


def test_a_failure_keeps_status_and_message(app):
    error = {"error": {"code": 404, "message": "no such model", "status": "NOT_FOUND"}}
    answer, _ = post(app, "/v1/embeddings", {**EMBED, "model": "@google/emb"}, said(error, status=404))
    assert (answer.status, answer.json["error"]["message"]) == (404, "no such model")
    assert answer.json["error"]["type"] == "NOT_FOUND"


@pytest.mark.parametrize("broken", [said(b"{"), said({"error": {"message": "m"}}), said([Failure("cut", 502, "it broke")])])
@pytest.mark.parametrize("model", ["@openai/emb", "@google/emb"])
def test_an_answer_that_is_none_is_a_failure(app, broken, model):
    answer, _ = post(app, "/v1/embeddings", {**EMBED, "model": model}, broken)
    assert answer.status == 502
    assert record(app).outcome == "failed"


# --- reranking


RANK = {"model": "@cohere/rank", "query": "q", "documents": ["a", {"text": "b"}], "top_n": 1, "return_documents": True}


def test_ranks_are_translated_and_charged_by_the_search(app):
    told = {"id": "i", "results": [{"index": 1, "relevance_score": 0.9}], "meta": {"billed_units": {"search_units": 1}}}
    answer, client = post(app, "/v1/rerank", RANK, said(told))
    assert client.sent[0][1].target == b"/v2/rerank"
    assert client.body == {"model": "rank", "query": "q", "documents": ["a", "b"], "top_n": 1}
    assert answer.json == {
        "id": "i",
        "model": "rank",
        "results": [{"index": 1, "relevance_score": 0.9, "document": {"text": "b"}}],
        "meta": {"billed_units": {"search_units": 1}},
    }
    assert record(app).cost_nusd == 2_000_000


def test_cohere_s_own_callers_pass(app):
    body = {"model": "@cohere/rank", "query": "q", "documents": ["a"]}
    told = {"results": []}
    answer, client = post(app, "/v2/rerank", body, said(told))
    assert (answer.json, client.body["model"]) == (told, "rank")
    answer, _ = post(app, "/v2/rerank", body, said({"message": "no"}, status=400))
    assert answer.json == {"message": "no"}


# --- what a provider does not do


@pytest.mark.parametrize("path", ["/v1/images/generations", "/v1/rerank", "/v1/audio/speech"])
def test_an_operation_that_a_provider_lacks_is_refused_and_says_what_it_has(app, path):
    answer, client = post(app, path, {"model": "@google/x", "query": "q", "documents": ["d"]})
    assert (answer.status, answer.json["error"]["code"]) == (400, "unsupported_operation")
    assert "gemini.batch_embed" in answer.json["error"]["message"]
    assert "/proxy/google/" in answer.json["error"]["message"]
    assert client.sent == []


def test_a_provider_without_conversation_says_so(app):
    answer, _ = post(app, "/v1/chat/completions", {"model": "@voyage/x", "messages": [{"role": "user", "content": "a"}]})
    assert (answer.status, answer.json["error"]["code"]) == (400, "no_conversation")


# --- pictures, sound, moderation


def test_a_picture_passes_and_is_charged_by_its_tokens(app):
    usage = {
        "input_tokens": 50,
        "output_tokens": 100,
        "total_tokens": 150,
        "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
    }
    told = {"created": 1, "data": [{"b64_json": "QUJD"}], "usage": usage}
    answer, client = post(app, "/v1/images/generations", {"model": "@openai/gpt-image-1", "prompt": "a cat"}, said(told))
    assert answer.json == told
    assert client.sent[0][1].target == b"/v1/images/generations"
    assert record(app).cost_nusd == 10 * 5000 + 40 * 10000 + 100 * 40000


def events(*payloads):
    return [b"event: %b\ndata: %b\n\n" % (each["type"].encode(), json.dumps(each).encode()) for each in payloads]


PARTIAL = {"type": "image_generation.partial_image", "b64_json": "QUJD", "partial_image_index": 0}
COMPLETED = {"type": "image_generation.completed", "b64_json": "QUJD", "usage": {"input_tokens": 10, "output_tokens": 100}}
STREAM = {"model": "@openai/gpt-image-1", "prompt": "a cat", "stream": True}


def test_a_picture_is_streamed(app):
    pieces = events(PARTIAL, COMPLETED)
    answer, _ = post(app, "/v1/images/generations", STREAM, said(pieces, b"text/event-stream"))
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.body == b"".join(pieces)
    kept = record(app)
    assert (kept.outcome, kept.stream, kept.usage.output) == ("ok", True, 100)


def test_two_pictures_in_one_stream_are_two(app):
    pieces = events(PARTIAL, COMPLETED, COMPLETED)
    answer, _ = post(app, "/v1/images/generations", STREAM, said(pieces, b"text/event-stream"))
    assert answer.body == b"".join(pieces)


@pytest.mark.parametrize("end", [[], [Failure("cut", 502, "it broke")]])
def test_a_cut_stream_ends_in_an_error(app, end):
    answer, _ = post(app, "/v1/images/generations", STREAM, said([*events(PARTIAL), *end], b"text/event-stream"))
    assert json.loads(answer.body.split(b"data: ")[-1])["error"]["message"]
    assert record(app).outcome == "broken"


def test_an_error_before_the_first_event_is_an_error_answer(app):
    error = {"type": "error", "error": {"message": "refused", "code": "moderation_blocked"}}
    answer, _ = post(app, "/v1/images/generations", STREAM, said(events(error), b"text/event-stream"))
    assert (answer.status, answer.json["error"]["message"]) == (400, "refused")


SPEAK = {"model": "@openai/tts-1", "input": "Hello", "voice": "alloy"}


def test_sound_passes_as_it_comes(app):
    pieces = [b"ID3\x00\xff", b"\xfb\x90", b"\r\n\r\n"]
    answer, client = post(app, "/v1/audio/speech", SPEAK, said(list(pieces), b"audio/mpeg"))
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, "audio/mpeg", b"".join(pieces))
    assert client.body == {**SPEAK, "model": "tts-1"}
    kept = record(app)
    assert (kept.outcome, kept.bytes_out, kept.response) == ("ok", 11, b"")
    assert (kept.usage.characters, kept.usage_source) == (5, "request")
    assert (kept.cost_nusd, kept.cost_note) == (5 * 15_000, "")  # 15 USD for a million characters
    assert kept.ttft_us is not None


def test_sound_that_breaks_off_breaks_the_connection(app):
    answer, _ = post(app, "/v1/audio/speech", SPEAK, said([b"ID3", Failure("cut", 502, "it broke")], b"audio/mpeg"))
    assert (answer.status, answer.body, answer.cut) == (200, b"ID3", True)
    kept = record(app)
    assert (kept.outcome, kept.error) == ("broken", "it broke")


def test_sound_waits_for_a_slow_reader(app):
    line = Line()
    line.slow = True
    answer, _ = post(app, "/v1/audio/speech", SPEAK, said([b"ID3", b"abc"], b"audio/mpeg"), line=line)
    assert (answer.body, line.drained) == (b"ID3abc", 2)


def test_who_leaves_in_the_middle_of_a_sound_is_on_record(app):
    line = Line()

    def leave(data):
        line.sent += data
        line.when_lost()
        return True

    line.push = leave
    post(app, "/v1/audio/speech", SPEAK, said([b"ID3", b"abc"], b"audio/mpeg"), line=line)
    kept = record(app)
    assert (kept.outcome, kept.bytes_out) == ("client_left", 3)


def test_sound_that_never_begins_is_an_error_answer(app):
    answer, _ = post(app, "/v1/audio/speech", SPEAK, said([Failure("timeout", 504, "too late")], b"audio/mpeg"))
    assert (answer.status, answer.json["error"]["message"]) == (504, "too late")


def test_sound_without_a_sound_is_an_answer(app):
    answer, _ = post(app, "/v1/audio/speech", SPEAK, said([], b""))
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, "application/octet-stream", b"")


@pytest.mark.parametrize(
    ("model", "cost", "note"), [("free", 0, ""), ("per-request", 10_000_000, ""), ("tts-x", None, "unknown usage")]
)
def test_what_an_answer_without_usage_costs(app, model, cost, note):
    post(app, "/v1/audio/speech", {"model": f"@openai/{model}", "input": ""}, said([b"ID3"], b"audio/mpeg"))
    kept = record(app)
    assert (kept.cost_nusd, kept.cost_note, kept.usage_source) == (cost, note, "none")


def test_speech_that_is_charged_by_tokens_is_not_charged_by_characters(app):
    post(app, "/v1/audio/speech", {**SPEAK, "model": "@openai/gpt-4o-mini-tts"}, said([b"ID3"], b"audio/mpeg"))
    assert (record(app).cost_nusd, record(app).cost_note) == (None, "unknown usage")


@pytest.mark.parametrize(
    ("told", "nusd"),
    [
        ({"text": "hi", "usage": {"type": "duration", "seconds": 9}}, 900_000),  # 0.36 USD for an hour
        ({"text": "hi", "duration": "8.25"}, 825_000),
        ({"text": "hi", "duration": 8.25, "usage": {"type": "duration", "seconds": 9}}, 900_000),  # what is charged
        ({"text": "hi"}, None),
        ({"text": "hi", "duration": -1}, None),
    ],
)
def test_what_was_heard_is_charged_by_its_length(app, told, nusd):
    post(app, "/v1/audio/transcriptions", {"model": "@openai/whisper-1"}, said(told))
    kept = record(app)
    assert (kept.cost_nusd, kept.cost_note) == (nusd, "" if nusd else "unknown usage")


@pytest.mark.parametrize(
    ("asked", "nusd"), [({}, 3 * 4_000_000), ({"bbox_annotation_format": {"type": "text"}}, 3 * 5_000_000)]
)
def test_pages_are_charged_each_and_described_ones_more(app, asked, nusd):
    told = {"pages": [], "model": "mistral-ocr-4-0", "usage_info": {"pages_processed": 3, "doc_size_bytes": 7}}
    body = {"model": "@mistral-ai/mistral-ocr-4-0", "document": {"type": "document_url"}, **asked}
    post(app, "/v1/ocr", body, said(told))
    kept = record(app)
    assert (kept.usage.pages, bytes(kept.usage.raw), kept.cost_nusd) == (
        3,
        b'{"pages_processed": 3, "doc_size_bytes": 7}',
        nusd,
    )


def test_pictures_are_charged_each_where_the_operator_says_so(app):
    told = {"created": 1, "data": [{"url": "https://a"}, {"url": "https://b"}]}
    post(app, "/v1/images/generations", {"model": "@openai/painter", "prompt": "a hat"}, said(told))
    assert (record(app).usage.images, record(app).cost_nusd) == (2, 2 * 40_000_000)


def test_moderation_needs_no_model_when_its_provider_is_named(app):
    told = {"id": "m", "model": "omni", "results": []}
    answer, client = post(app, "/v1/moderations", {"input": "x"}, said(told), headers=[("x-lockgate-provider", "@openai")])
    assert (answer.json, client.body) == (told, {"input": "x"})
    answer, _ = post(app, "/v1/moderations", {"input": "x"})
    assert (answer.status, answer.json["error"]["code"]) == (400, "missing_model")


def test_who_may_use_some_models_only_names_one(app):
    answer, client = post(app, "/v1/images/generations", {"prompt": "x"}, headers=[("x-lockgate-provider", "@few")])
    assert (answer.status, answer.json["error"]["code"]) == (403, "model_not_allowed")
    assert client.sent == []


# --- forms


def form(**fields):
    """A form as the SDKs send it; bytes are a file."""
    out = b""
    for name, value in fields.items():
        more = b'; filename="a.png"\r\nContent-Type: image/png' if isinstance(value, bytes) else b""
        value = value if isinstance(value, bytes) else value.encode()
        out += b'--XX\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n' % (name.encode(), more, value)
    return out + b"--XX--\r\n"


FORM = ("content-type", "multipart/form-data; boundary=XX")
PICTURE = b"\x89PNG" + bytes(range(256)) * 10


def post_form(app, path, body, *answers, size=1000):
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return post(app, path, b"", *answers, headers=[FORM], pieces=pieces)


@pytest.mark.parametrize("first", ["model", "image"])
def test_a_form_goes_on_with_its_model_s_own_name(app, first):
    fields = {"model": "@openai/gpt-image-1", "image": PICTURE, "prompt": "a hat"}
    fields = {first: fields.pop(first), **fields}
    told = {"created": 1, "data": [], "usage": {"input_tokens": 1, "output_tokens": 1}}
    answer, client = post_form(app, "/v1/images/edits", form(**fields), said(told))
    assert answer.json == told
    (_, sent) = client.sent[0]
    assert sent.target == b"/v1/images/edits"
    assert bytes(sent.body) == form(**{**fields, "model": "gpt-image-1"})
    assert client.headers[b"content-type"] == FORM[1].encode()
    assert client.headers[b"authorization"].startswith(b"Bearer sk-upstream")
    kept = record(app)
    assert (kept.gear, kept.model_asked, kept.model_sent) == ("edit", "@openai/gpt-image-1", "gpt-image-1")
    assert kept.bytes_in == len(form(**fields))
    assert json.loads(kept.request)["image"] == {"file": "a.png", "type": "image/png", "bytes": len(PICTURE)}


def test_a_form_that_needs_no_change_goes_on_as_it_came(app):
    body = form(file=PICTURE, model="whisper-1", response_format="text")
    answer, client = post_form(app, "/v1/audio/transcriptions", body, said([b"Hello ", b"there"], b"text/plain"))
    assert (answer.headers["content-type"], answer.body) == ("text/plain", b"Hello there")
    assert bytes(client.sent[0][1].body) == body
    kept = record(app)
    assert (kept.gear, kept.response) == ("relay", b"Hello there")


def test_a_route_s_changes_reach_a_form(app):
    config = json.dumps({"provider": "@openai", "override_params": {"model": "gpt-image-1", "quality": "high", "n": 2}})
    client = app.runtime.clients["https"] = ScriptedClient(said({"data": []}))
    body = form(image=PICTURE, quality="low")
    ask(app.gateway, "POST", "/v1/images/edits", body=body, headers=[*AUTH, FORM, ("x-portkey-config", config)])
    sent = bytes(client.sent[0][1].body)
    assert sent.endswith(form(image=PICTURE, quality="high"))
    assert sent.startswith(b'--XX\r\nContent-Disposition: form-data; name="')
    assert b'name="n"\r\n\r\n2\r\n' in sent
    assert b'name="model"\r\n\r\ngpt-image-1\r\n' in sent


def test_a_transcript_is_streamed(app):
    pieces = events({"type": "transcript.text.delta", "delta": "Hi"}, {"type": "transcript.text.done", "text": "Hi"})
    body = form(file=PICTURE, model="@openai/gpt-4o-transcribe", stream="true")
    answer, _ = post_form(app, "/v1/audio/transcriptions", body, said(pieces, b"text/event-stream"))
    assert answer.body == b"".join(pieces)
    assert record(app).stream


def test_the_same_operation_takes_json(app):
    body = {"model": "@openai/gpt-image-1", "prompt": "x", "images": [{"image_url": "https://a/b.png"}]}
    _, client = post(app, "/v1/images/edits", body, said({"data": []}))
    assert client.body == {**body, "model": "gpt-image-1"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{}", "invalid_form"),
        (form(model="a", prompt="x")[:-6], "invalid_form"),
        (form(model="a")[:-8] + form(model="b"), "repeated_member"),
        (form(model=b"a"), "invalid_type"),
        (form(prompt="x"), "missing_model"),
        (b"x" * 40_000_000, "body_too_large"),
    ],
)  # fmt: skip
def test_a_form_that_cannot_be_used_is_refused(app, body, code):
    answer, client = post_form(app, "/v1/images/edits", body, size=1_000_000)
    assert answer.json["error"]["code"] == code
    assert client.sent == []
    assert record(app).outcome == "refused"


def test_a_caller_who_leaves_in_the_middle_of_a_form_is_on_record(app):
    post(app, "/v1/images/edits", b"", headers=[FORM], pieces=[b"--XX"], disconnect=True)
    assert record(app).outcome == "client_left"


def test_a_form_is_taken_where_forms_are(app):
    answer, _ = post(app, "/v1/embeddings", form(model="x"), headers=[FORM])
    assert (answer.status, answer.json["error"]["code"]) == (415, "unsupported_media_type")
    answer, _ = post(app, "/v1/images/edits", b"x", headers=[("content-type", "image/png")])
    assert "multipart/form-data" in answer.json["error"]["message"]


# --- completions, the legacy kind

COMPLETED_TEXT = {
    "id": "cmpl-1",
    "object": "text_completion",
    "created": 1,
    "model": "instruct",
    "choices": [{"text": "pong", "index": 0, "logprobs": None, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}


def test_completions_pass_where_there_is_such_an_api(app):
    body = {"model": "@openai/instruct", "prompt": ["a", "b"], "suffix": "c"}
    answer, client = post(app, "/v1/completions", body, said(COMPLETED_TEXT))
    assert answer.json == COMPLETED_TEXT
    assert client.sent[0][1].target == b"/v1/completions"
    assert client.body == {**body, "model": "instruct"}
    assert record(app).usage.output == 2


def test_a_completion_s_stream_passes(app):
    chunks = [
        {**COMPLETED_TEXT, "choices": [{**COMPLETED_TEXT["choices"][0], "text": t, "finish_reason": f}]}
        for t, f in (("po", None), ("ng", "stop"))
    ]
    pieces = [b"data: %b\n\n" % json.dumps(each).encode() for each in chunks] + [b"data: [DONE]\n\n"]
    body = {"model": "@openai/instruct", "prompt": "a", "stream": True}
    answer, client = post(app, "/v1/completions", body, said(list(pieces), b"text/event-stream"))
    assert answer.body == b"".join(pieces)
    assert client.body["stream_options"] == {"include_usage": True}


def test_completions_reach_a_model_that_converses(app):
    told = {"candidates": [{"content": {"parts": [{"text": "pong"}]}, "finishReason": "STOP"}], "modelVersion": "g"}
    answer, client = post(app, "/v1/completions", {"model": "@google/g", "prompt": "a", "suffix": "c"}, said(told))
    assert client.body["contents"] == [{"role": "user", "parts": [{"text": "a"}]}]
    assert answer.json["choices"][0]["text"] == "pong"
    assert answer.headers["x-lockgate-dropped"] == "suffix"
    assert record(app).operation == "complete"


# --- what is kept


@pytest.mark.parametrize("at", range(0, 60, 7))
def test_a_secret_that_the_limit_cuts_is_not_kept_in_part(tmp_path, at):
    app = make_app(tmp_path, CONFIG + "log: {body_limit: 60}")
    app.tmp = tmp_path
    text = "x" * at + " sk-" + "s" * 40
    body = json.dumps({"model": "@openai/emb", "input": text}).encode()
    post(app, "/v1/embeddings", body, said(VECTORS))
    kept = record(app)
    assert b"sk-s" not in kept.request
    assert len(kept.request) <= 60
    assert kept.truncated
    assert kept.bytes_in == len(body)
