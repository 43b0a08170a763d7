"""Records that somebody posts: in all the spellings of Portkey's own exporters, priced where that can be known."""

import json

import msgspec
import pytest

from lockgate.control.posted import Posted, record_of
from lockgate.core.failure import Refusal
from lockgate.core.record import time_of_id
from support.house import make_house

NOW = 1_790_000_000_000_000
USED = {"prompt_tokens": 1000, "completion_tokens": 0, "total_tokens": 1000}
ANSWER = {"model": "gpt-4o", "choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}], "usage": USED}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    house = make_house(
        tmp_path_factory.mktemp("posted"),
        'providers: {ours: {provider: openai, api_key: "${OURS}"}}',
        OURS="sk-0123456789abcdef",
    )
    return house.snapshot()


@pytest.fixture
def post(world):
    def made(request=None, response=None, metadata=None, world=world):
        body = {"request": request or {}, "response": response or {}, "metadata": metadata or {}}
        posted = msgspec.json.decode(json.dumps(body), type=Posted)
        return record_of(posted, 7, NOW, world)

    return made


CHAT = {"url": "https://api.openai.com/v1/chat/completions?x=secret", "body": {"model": "gpt-4o"}}


def test_a_request_to_a_known_provider_is_priced(post):
    record = post(CHAT, {"status": 200, "body": ANSWER, "response_time": 1500})
    assert (record.source, record.operation, record.path) == ("posted", "chat", "/v1/chat/completions")
    assert (record.model_asked, record.model_served, record.finish, record.outcome) == ("gpt-4o", "gpt-4o", "stop", "ok")
    assert (record.usage.input, record.cost_nusd, record.latency_us) == (1000, 2_500_000, 1_500_000)
    assert record.time_us == NOW - 1_500_000
    assert time_of_id(record.id) == record.time_us // 1000 * 1000  # by which a store finds it
    assert json.loads(record.request) == CHAT["body"] and json.loads(record.response) == ANSWER
    assert record.trace_id == record.id.replace("-", "")


@pytest.mark.parametrize(
    ("said", "slug", "kind"),
    [
        ({"provider": "openai"}, "openai", "openai"),
        ({"provider": "@ours"}, "ours", "openai"),
        ({"url": CHAT["url"]}, "ours", "openai"),  # the operator's own account there comes first
        ({"url": "https://api.anthropic.com/v1/messages"}, "anthropic", "anthropic"),
        ({"provider": "somebody", "url": CHAT["url"]}, "somebody", ""),
        ({"url": "https://example.com/v1/chat/completions"}, "", ""),
        ({}, "", ""),
    ],
)
def test_whose_it_was_is_said_or_stands_in_the_address(post, said, slug, kind):
    record = post({"body": {"model": "gpt-4o"}, **said}, {"body": ANSWER})
    assert (record.provider, record.provider_kind) == (slug, kind)


def test_what_nobody_knows_has_no_price_and_says_so(post):
    record = post({"url": "https://example.com/v1/chat/completions", "body": {"model": "x"}}, {"body": ANSWER})
    assert (record.usage.input, record.cost_nusd, record.cost_note) == (1000, None, "unknown provider")
    record = post(
        {"provider": "openai", "url": CHAT["url"], "body": {"model": "moon-9"}}, {"body": {**ANSWER, "model": "moon-9"}}
    )
    assert (record.cost_nusd, record.cost_note) == (None, "unknown price")
    assert post(CHAT, {"body": {}}).usage is None


def test_an_answer_that_came_as_a_stream_is_read_as_one(post):
    events = [{"choices": [{"delta": {"content": "hi"}}]}, {"choices": [], "usage": USED}]
    text = "".join(f"data: {json.dumps({'model': 'gpt-4o', **each})}\n\n" for each in events) + "data: [DONE]\n\n"
    record = post(CHAT, {"body": text, "streamingMode": True})
    assert (record.stream, record.usage.input, record.cost_nusd) == (True, 1000, 2_500_000)
    assert record.response == text.encode()


def test_an_error_is_one(post):
    record = post(CHAT, {"status": 429, "body": {"error": {"message": "Slow down", "code": "rate_limit_exceeded"}}})
    assert (record.outcome, record.status, record.error_code, record.error) == (
        "failed",
        429,
        "rate_limit_exceeded",
        "Slow down",
    )
    assert record.usage is None


@pytest.mark.parametrize(
    "spelling",
    [
        {"traceId": "t", "spanId": 7, "parentSpanId": "p", "spanName": "s", "team": "a"},
        {"trace_id": "t", "span_id": "7", "parent_span_id": "p", "span_name": "s", "team": "a"},
    ],
)
def test_metadata_tells_of_the_span_in_either_spelling(post, spelling):
    record = post(metadata=spelling)
    assert (record.trace_id, record.span_id, record.parent_span_id, record.span_name) == ("t", "7", "p", "s")
    assert record.metadata == {"team": "a"}


def test_a_step_of_a_program_is_a_record_too(post):
    began, ended = (NOW - 5_000_000) * 1000, (NOW - 4_000_000) * 1000
    record = post(
        {"method": "POST", "body": {"name": "search"}},
        {"status": 200, "body": {}, "response_time": "1000"},
        {"startTime": began, "endTime": ended, "n": 3, "deep": {"a": [1]}, "none": None},
    )
    assert (record.operation, record.path, record.time_us, record.latency_us) == ("proxy", "", NOW - 5_000_000, 1_000_000)
    assert record.metadata == {"startTime": str(began), "endTime": str(ended), "n": "3", "deep": '{"a":[1]}'}


@pytest.mark.parametrize(
    ("request_", "response", "metadata"),
    [
        ({}, {"response_time": -1}, {}),
        ({}, {"response_time": "soon"}, {}),
        ({}, {"response_time": "nan"}, {}),
        ({}, {"response_time": 1e12}, {}),
        ({}, {}, {"x": "y" * 129}),
        ({}, {}, {"x" * 129: "y"}),
        ({}, {}, {f"n{n}": 1 for n in range(65)}),
        ({"url": "https://[::1/v1/chat/completions"}, {}, {}),
    ],
)
def test_what_cannot_be_is_refused(post, request_, response, metadata):
    with pytest.raises(Refusal) as raised:
        post(request_, response, metadata)
    assert raised.value.status == 400 and raised.value.param
