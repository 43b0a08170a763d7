"""Golden queries through every row that does more than converse: what goes out, asked in each dialect of the same work."""

import json
from functools import cache

import pytest

from lockgate.control.compile import compile_snapshot
from lockgate.control.config import read_text
from lockgate.core.call import Call
from lockgate.core.failure import Refusal
from lockgate.core.sheet import Sheet
from lockgate.dialects.registry import EDITS, EMBEDDINGS, IMAGES, RELAYS, RERANKS
from lockgate.http.routes import SCOPES
from lockgate.pipeline.prepare import prepare
from lockgate.pipeline.target import Target
from lockgate.providers.auth import SIGNERS
from lockgate.providers.auth.static import carry
from lockgate.providers.table import TABLE, joined
from support.rows import HOST, sample_params

KEY = "sk-golden-1234567890"
EMBED = {"model": "m-1", "input": ["rain"], "dimensions": 64, "encoding_format": "float", "user": "u-1", "input_type": "query"}
PAINT = {"model": "m-1", "prompt": "rain", "n": 1, "size": "1024x1024"}
EDIT = {"model": "m-1", "prompt": "rain", "image": "data:image/jpeg;base64,QUJD"}
RANK = {"model": "m-1", "query": "rain", "documents": ["sun", {"text": "clouds"}], "top_n": 1, "return_documents": True}
OTHER = {"model": "m-1", "prompt": "rain", "user": "u-1", "x_unknown": {"kept": True}}
#: Work → the dialect that callers ask for it in, and what they say.
ASKED = [(EMBEDDINGS, "openai.embeddings", EMBED), (RERANKS, "jina.rerank", RANK), (IMAGES, "openai.images", PAINT)]
PARTS = [{"text": "rain"}, {"inlineData": {"mimeType": "image/jpeg", "data": "QUJD"}}]

ROWS = [row for row in TABLE.values() if row.auth not in SIGNERS]
WAYS = [(row.slug, dialect) for row in ROWS for dialect in row.operations]


@cache
def world(slug):
    row = TABLE[slug]
    entry = {"api_key": KEY, "params": sample_params(row), **({} if row.base_url else {"base_url": HOST})}
    if row.builtin:
        del entry["api_key"]
    config = read_text(json.dumps({"providers": {slug: entry}, "egress": {"allow": ["127.0.0.0/8", "*.example"]}}), {})
    return compile_snapshot(config, environment={}, pepper=b"p", scopes=SCOPES)


def asked(dialect):
    return next(((caller, body) for family, caller, body in ASKED if dialect in family), (dialect, OTHER))


def sent(slug, caller, body, model="m-1"):
    provider = world(slug).providers[slug]
    raw = json.dumps(body).encode()
    call = Call("id", "trace", 0, 0.0, "POST", "/", b"", {}, "embed", caller, body=raw)
    target = Target(provider, provider.lane(caller, "", model), model, provider.deadlines)
    return target, prepare(call, Sheet.open(raw), f"@{slug}/{model}", False, target)


@pytest.mark.parametrize(("slug", "dialect"), WAYS)
def test_a_golden_query_goes_out_right(slug, dialect):
    caller, said = asked(dialect)
    if dialect in EMBEDDINGS and dialect != next(name for name in TABLE[slug].operations if name in EMBEDDINGS):
        caller, said = dialect, {"content": {"parts": [{"text": "rain"}]}}
    target, prepared = sent(slug, caller, said)
    out, row = prepared.outgoing, target.provider.row
    base = target.provider.base_path
    assert out.target.decode() == joined(base, row.operations[dialect].target("m-1", stream=False))
    for name, value in [*row.headers.items(), *carry(row.auth, KEY)]:
        assert (name.encode(), value.encode()) in out.headers or row.builtin
    assert b"sk-golden" not in out.target + out.body
    body = json.loads(out.body)
    assert body.get("model") in ("m-1", "models/m-1") or "m-1" in out.target.decode() + json.dumps(body)
    edits = row.edits.get(dialect)
    if edits is not None:
        assert not set(body) & {*edits.drop, *edits.rename}
    if said is PAINT:
        assert body["prompt"] == "rain" and prepared.gear in ("relay", "edit")
    if said is OTHER:
        assert body["x_unknown"] == {"kept": True}
        assert prepared.gear in ("relay", "edit")


@pytest.mark.parametrize(("slug", "dialect"), [way for way in WAYS if way[1] in {**EMBEDDINGS, **RERANKS}])
def test_a_golden_query_keeps_its_meaning(slug, dialect):
    caller, said = asked(dialect)
    target, prepared = sent(slug, caller, said)
    spoken = target.lane.provider
    edits = target.row.edits.get(spoken.name)
    body = json.loads(prepared.outgoing.body)
    for old, new in (edits.rename if edits is not None else {}).items():
        if new in body:
            body[old] = body.pop(new)
    query = spoken.read_request(Sheet.open(json.dumps(body).encode()))
    if dialect in EMBEDDINGS:
        assert (query.inputs, query.dimensions) == (["rain"], 64)
        if spoken.name != "openai.embeddings":
            assert query.purpose == "query"
    else:
        assert (query.text, query.documents) == ("rain", ["sun", "clouds"])
        assert query.top == (None if spoken.name == "tei.rerank" else 1)


@pytest.mark.parametrize(
    ("slug", "caller", "model", "target", "body"),
    [
        ("bedrock", "openai.embeddings", "us.cohere.embed-v4:0", b"/model/us.cohere.embed-v4%3A0/invoke", {"texts": ["rain"], "input_type": "search_query", "embedding_types": ["float"], "output_dimension": 64}),
        ("bedrock", "openai.embeddings", "amazon.titan-embed-text-v2:0", b"/model/amazon.titan-embed-text-v2%3A0/invoke", {"inputText": "rain", "dimensions": 64}),
        ("bedrock", "jina.rerank", "cohere.rerank-v3-5:0", b"/model/cohere.rerank-v3-5%3A0/invoke", {"query": "rain", "documents": ["sun", "clouds"], "top_n": 1, "api_version": 2}),
        ("bedrock", "jina.rerank", "amazon.rerank-v1:0", b"/model/amazon.rerank-v1%3A0/invoke", {"query": "rain", "documents": ["sun", "clouds"], "top_n": 1}),
        ("vertex-ai", "openai.embeddings", "gemini-embedding-001", b"publishers/google/models/gemini-embedding-001:predict", {"instances": [{"content": "rain", "task_type": "RETRIEVAL_QUERY"}], "parameters": {"outputDimensionality": 64}}),
        ("vertex-ai", "openai.embeddings", "gemini-embedding-2", b"publishers/google/models/gemini-embedding-2:embedContent", {"taskType": "RETRIEVAL_QUERY", "outputDimensionality": 64, "content": {"parts": [{"text": "rain"}]}}),
        ("bedrock", "openai.embeddings", "amazon.titan-embed-image-v1", b"/model/amazon.titan-embed-image-v1/invoke", {"inputText": "rain", "embeddingConfig": {"outputEmbeddingLength": 64}}),
        ("bedrock", "openai.images", "amazon.nova-canvas-v1:0", b"/model/amazon.nova-canvas-v1%3A0/invoke", {"taskType": "TEXT_IMAGE", "textToImageParams": {"text": "rain"}, "imageGenerationConfig": {"width": 1024, "height": 1024, "numberOfImages": 1}}),
        ("bedrock", "openai.images", "us.amazon.titan-image-generator-v2:0", b"/model/us.amazon.titan-image-generator-v2%3A0/invoke", {"taskType": "TEXT_IMAGE", "textToImageParams": {"text": "rain"}, "imageGenerationConfig": {"width": 1024, "height": 1024, "numberOfImages": 1}}),
        ("bedrock", "openai.image_edits", "amazon.nova-canvas-v1:0", b"/model/amazon.nova-canvas-v1%3A0/invoke", {"taskType": "IMAGE_VARIATION", "imageVariationParams": {"images": ["QUJD"], "text": "rain"}}),
        ("bedrock", "openai.images", "stability.sd3-5-large-v1:0", b"/model/stability.sd3-5-large-v1%3A0/invoke", {"prompt": "rain", "aspect_ratio": "1:1"}),
        ("bedrock", "openai.image_edits", "us.stability.stable-image-inpaint-v1:0", b"/model/us.stability.stable-image-inpaint-v1%3A0/invoke", {"prompt": "rain", "image": "QUJD"}),
        ("vertex-ai", "openai.images", "imagen-4.0-generate-001", b"publishers/google/models/imagen-4.0-generate-001:predict", {"instances": [{"prompt": "rain"}], "parameters": {"sampleCount": 1, "includeRaiReason": True, "aspectRatio": "1:1"}}),
        ("vertex-ai", "openai.image_edits", "gemini-2.5-flash-image", b"publishers/google/models/gemini-2.5-flash-image:generateContent", {"contents": [{"role": "user", "parts": PARTS}], "generationConfig": {"responseModalities": ["TEXT", "IMAGE"]}}),
        ("vertex-ai", "jina.rerank", "semantic-ranker-default@latest", b"/v1/projects/p-1/locations/global/rankingConfigs/default_ranking_config:rank", {"model": "semantic-ranker-default@latest", "query": "rain", "records": [{"id": "0", "content": "sun"}, {"id": "1", "content": "clouds"}], "topN": 1, "ignoreRecordDetailsInResponse": True}),
    ],
)  # fmt: skip
def test_the_clouds_models_are_asked_as_each_wants(slug, caller, model, target, body):
    settings = {
        "bedrock": {"aws_region": "us-east-1", "aws_access_key_id": "AKIA", "aws_secret_access_key": "s"},
        "vertex-ai": {"vertex_region": "us-east1", "vertex_project_id": "p-1", "api_key": "ya29.token"},
    }
    config = read_text(json.dumps({"providers": {slug: settings[slug]}}), {})
    made = compile_snapshot(config, environment={}, pepper=b"p", scopes=SCOPES)
    provider = made.providers[slug]
    said = EDIT if caller in EDITS else asked(caller)[1]
    raw = json.dumps({name: value for name, value in said.items() if name != "user"}).encode()
    call = Call("id", "trace", 0, 0.0, "POST", "/", b"", {}, "embed", caller, body=raw)
    prepared = prepare(
        call, Sheet.open(raw), model, False, Target(provider, provider.lane(caller, "", model), model, provider.deadlines)
    )
    assert prepared.outgoing.target.endswith(target)
    assert json.loads(prepared.outgoing.body) == body


def test_a_model_of_a_cloud_that_does_something_else_is_refused():
    config = read_text(
        '{"providers": {"bedrock": {"aws_region": "us-east-1", "aws_access_key_id": "A", "aws_secret_access_key": "s"}}}', {}
    )
    made = compile_snapshot(config, environment={}, pepper=b"p", scopes=SCOPES)
    with pytest.raises(Refusal, match="does not do this"):
        made.providers["bedrock"].lane("openai.embeddings", "", "anthropic.claude-haiku-4-5-20251001-v1:0")


def test_every_dialect_of_the_table_is_tried():
    assert {dialect for _, dialect in WAYS} <= set(RELAYS)
    assert len(WAYS) > 150
