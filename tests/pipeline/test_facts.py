import json

import pytest

from lockgate.core.call import Call, Principal
from lockgate.core.failure import Refusal
from lockgate.core.sheet import Sheet
from lockgate.pipeline.facts import RequestFacts
from lockgate.policy.condition import compile_query
from lockgate.policy.facts import FACTS, MISSING, read_path
from lockgate.wire.multipart import Form

WHO = Principal("k1", "app")
#: 2026-08-03 07:05:06 UTC, a Monday.
NOW = 1_785_740_706_000_000


def facts(body=None, *, dialect="openai.chat", operation="chat", metadata=None, headers=None, **more):
    named = {name.encode(): value.encode() for name, value in (headers or {}).items()}
    told = {}
    if metadata is not None:
        named[b"x-portkey-metadata"] = json.dumps(metadata).encode()
        told = metadata
    call = Call("id", "trace", NOW, 0.0, "POST", "/v1/chat/completions", b"", named, operation, dialect, metadata=told)
    if isinstance(body, (dict, bytes)):
        body = Sheet.open(body if isinstance(body, bytes) else json.dumps(body).encode())
    return RequestFacts(call, body, WHO, **more)


def value(path, of):
    return read_path(path, "at").of(of)


def make_form(*parts):
    form = Form.of(b"multipart/form-data; boundary=x")
    for head, text in parts:
        form.take(f"--x\r\nContent-Disposition: form-data; {head}\r\n\r\n{text}\r\n".encode())
    form.take(b"--x--\r\n")
    form.close()
    return form


PICTURE = ('name="image"; filename="a.png"\r\nContent-Type: Image/PNG', "...")


def test_what_the_request_line_and_the_key_say():
    told = facts(model="@openai/gpt-4o", stream=True, headers={"x-tier": "gold"})
    assert value("url.pathname", told) == "/v1/chat/completions"
    assert value("operation", told) == "chat"
    assert value("model", told) == "@openai/gpt-4o"
    assert value("stream", told) is True
    assert value("key.id", told) == "k1"
    assert value("key.name", told) == "app"
    assert value("headers.X-Tier", told) == "gold"
    assert value("headers.x-other", told) is MISSING
    assert value("model", facts()) is MISSING
    assert value("workspace", told) is MISSING
    assert repr(told) == "RequestFacts(id)"


def test_every_fact_is_found():
    told = facts({"model": "m"})
    for name in FACTS:
        told.find(name, "" if name.startswith("time.") else "x")


def test_metadata_have_the_types_of_the_header():
    told = facts(metadata={"plan": "paid", "tier": 3, "beta": True, "none": None})
    assert value("metadata.plan", told) == "paid"
    assert value("metadata.tier", told) == 3
    assert value("metadata.beta", told) is True
    assert value("metadata.none", told) is None
    assert value("metadata.other", told) is MISSING
    assert value("metadata.plan", facts()) is MISSING


def test_the_body_is_decoded_where_it_is_asked_for():
    body = b'{"model":"m","n":2,"messages":[{"role":"user"}],"seed":null,"bad":1e999}'
    told = facts(body)
    assert value("params.messages[0].role", told) == "user"
    assert value("params.n", told) == 2
    assert value("params.seed", told) is None
    assert value("params.other", told) is MISSING
    assert told.find("params", "messages") is told.find("params", "messages")
    with pytest.raises(Refusal) as caught:
        value("params.bad", told)
    assert (caught.value.status, caught.value.param) == (400, "bad")


def test_a_form_has_its_fields_as_texts():
    form = make_form(('name="model"', "whisper-1"), ('name="g[]"', "word"), ('name="g[]"', "segment"), PICTURE)
    told = facts(form, dialect="openai.transcriptions", operation="transcribe")
    assert value("params.model", told) == "whisper-1"
    assert value('params["g[]"]', told) == ["word", "segment"]
    assert value("params.image", told) is MISSING
    assert value("input_tokens", told) == len("whisper-1wordsegment") // 4
    assert value("has_images", told) is True
    assert value("has_tools", told) is False
    assert value("has_images", facts(make_form(('name="a"', "image")))) is False


def test_a_request_without_a_body_that_was_read():
    told = facts(None, dialect="", operation="proxy")
    for path in ("params.model", "input_tokens", "user"):
        assert value(path, told) is MISSING
    assert value("has_tools", told) is False
    assert value("has_images", told) is False


@pytest.mark.parametrize(
    ("dialect", "operation", "body", "tokens"),
    [
        ("openai.chat", "chat", {"model": "m", "messages": [{"role": "user", "content": "four words in here!!"}]}, 4 + 5),
        ("anthropic.messages", "message", {"model": "m", "messages": [{"role": "user", "content": "word"}]}, 4 + 1),
        ("anthropic.messages", "count", {"model": "m", "messages": [{"role": "user", "content": "word"}]}, 4 + 1),
        ("gemini.generate", "count", {"generateContentRequest": {"contents": [{"parts": [{"text": "word"}]}]}}, 4 + 1),
        ("openai.embeddings", "embed", {"model": "m", "input": ["word", "word"]}, 2),
        ("cohere.rerank", "rerank", {"model": "m", "query": "word", "documents": ["word"]}, 2),
        ("openai.moderations", "moderate", b'{"input":"12345678901234"}', 26 // 4),
        ("openai.chat", "chat", b'{"messages":"what is no list of messages"}', 42 // 4),
    ],
)
def test_the_tokens_of_the_input(dialect, operation, body, tokens):
    told = facts(body, dialect=dialect, operation=operation)
    assert value("input_tokens", told) == tokens
    assert value("input_tokens", told) == tokens


def test_tools_pictures_and_users_are_the_dialects_to_tell():
    chat = {"tools": [{}], "messages": [{"content": [{"type": "image_url"}]}], "user": "ann"}
    assert [value(path, facts(chat)) for path in ("has_tools", "has_images", "user")] == [True, True, "ann"]
    other = facts(chat, dialect="gemini.generate")
    assert [value(path, other) for path in ("has_tools", "has_images", "user")] == [True, False, MISSING]
    assert value("user", facts(chat, metadata={"_user": "bob"})) == "bob"


def test_the_clock_is_the_requests():
    told = facts()
    assert [value(f"time.{name}", told) for name in ("hour", "minute", "weekday", "date", "hhmm")] == [
        7,
        5,
        "monday",
        "2026-08-03",
        "07:05",
    ]
    assert value("time.Europe/Berlin.hhmm", told) == "09:05"
    assert value("time.Asia/Kolkata.hhmm", told) == "12:35"
    assert value("time.Pacific/Honolulu.date", told) == "2026-08-02"
    assert value("time.Pacific/Honolulu.weekday", told) == "sunday"


def test_what_is_left_of_a_budget_is_told_in_usd():
    assert value("budget.remaining", facts(left_nusd=lambda: 1_500_000_000)) == 1.5
    assert value("budget.remaining", facts()) is MISSING
    assert not compile_query({"budget.remaining": {"$lt": 10}}, "q").holds(facts())


def test_a_condition_on_a_whole_request():
    query = compile_query(
        {
            "metadata.plan": {"$in": ["paid", "trial"]},
            "$or": [{"input_tokens": {"$gt": 5}}, {"has_images": True}],
            "params.messages[-1].content": {"$regex": "sql", "$options": "i"},
            "time.Europe/Berlin.hhmm": {"$gte": "09:00", "$lt": "17:00"},
        },
        "q",
    )
    told = facts({"messages": [{"role": "user", "content": "Some SQL, please: how?"}]}, metadata={"plan": "paid"})
    assert query.holds(told)
    assert query.why(told) == (
        "metadata.plan is one of 'paid', 'trial' (it is 'paid') and input_tokens is greater than 5 (it is 10) and "
        "params.messages[-1].content matches /sql/i and time.Europe/Berlin.hhmm is at least '09:00' (it is '09:05') and "
        "time.Europe/Berlin.hhmm is less than '17:00' (it is '09:05')"
    )
