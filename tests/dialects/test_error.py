"""Provider errors of every shape, read, and written in the caller's dialect as its SDK expects."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.core.failure import Failure, Refusal
from lockgate.dialects.anthropic import messages
from lockgate.dialects.error import BODY_LIMIT, EXCERPT, failure_of, read_error
from lockgate.dialects.openai import chat
from lockgate.wire.sse import frames

SHAPES: list[tuple[int, Any, tuple[str, str, str, str, str]]] = [
    # status, body, (kind, message, type, code, param)
    (404, {"error": {"message": "No model x", "type": "invalid_request_error", "param": "model", "code": "model_not_found"}}, ("not_found", "No model x", "invalid_request_error", "model_not_found", "model")),
    (400, {"error": {"message": "Too long", "type": "invalid_request_error", "param": None, "code": "context_length_exceeded"}}, ("context_window", "Too long", "invalid_request_error", "context_length_exceeded", "")),
    (400, {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 9 tokens > 8 maximum"}, "request_id": "r"}, ("context_window", "prompt is too long: 9 tokens > 8 maximum", "invalid_request_error", "", "")),
    (529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, ("overloaded", "Overloaded", "overloaded_error", "", "")),
    (400, {"type": "error", "error": {"type": "invalid_request_error", "message": "Your credit balance is too low"}}, ("billing", "Your credit balance is too low", "invalid_request_error", "", "")),
    (429, {"error": {"message": "You exceeded your current quota", "type": "insufficient_quota", "code": "insufficient_quota"}}, ("billing", "You exceeded your current quota", "insufficient_quota", "insufficient_quota", "")),
    (429, {"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}}, ("rate_limit", "Rate limit reached", "requests", "rate_limit_exceeded", "")),
    (400, {"error": {"message": "Filtered", "code": "content_filter", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}, ("content_policy", "Filtered", "", "content_filter", "")),
    (400, {"error": {"code": 400, "message": "API key not valid", "status": "INVALID_ARGUMENT"}}, ("auth", "API key not valid", "INVALID_ARGUMENT", "400", "")),
    (503, [{"error": {"code": 503, "message": "The model is overloaded", "status": "UNAVAILABLE"}}], ("overloaded", "The model is overloaded", "UNAVAILABLE", "503", "")),
    (403, {"message": "Not allowed"}, ("auth", "Not allowed", "", "", "")),
    (400, {"message": "Too many requests", "__type": "com.amazonaws.bedrock#ThrottlingException"}, ("rate_limit", "Too many requests", "com.amazonaws.bedrock#ThrottlingException", "", "")),
    (422, {"detail": [{"loc": ["body", "messages", 0, "role"], "msg": "field required", "type": "missing"}, {"msg": "too short"}]}, ("bad_request", "messages.0.role: field required; too short", "", "", "")),
    (422, {"object": "error", "message": {"detail": [{"loc": ["body", "n"], "msg": "bad"}]}, "type": "invalid_request_error", "code": 3}, ("bad_request", "n: bad", "invalid_request_error", "3", "")),
    (401, {"detail": "Unauthorized"}, ("auth", "Unauthorized", "", "", "")),
    (400, {"error": "just words"}, ("bad_request", "just words", "", "", "")),
    (500, {"error": {"message": "Provider returned error", "code": 500, "metadata": {"raw": '{"error":{"message":"deep down"}}', "provider_name": "X"}}}, ("server", "Provider returned error: deep down", "", "500", "")),
    (400, {"errors": [{"message": "first"}, {"message": "second"}]}, ("bad_request", "first", "", "", "")),
    (500, {"error": {}}, ("server", "The provider answered with HTTP status 500 and no message.", "", "", "")),
    (418, None, ("bad_request", "The provider answered with HTTP status 418 and no message.", "", "", "")),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "expected"), SHAPES, ids=[json.dumps(body)[:40] for _, body, _ in SHAPES])
def test_an_error_is_read_in_every_shape(status: int, body: Any, expected: tuple[str, ...]) -> None:
    data = json.dumps(body).encode()
    failure = read_error(status, data)
    assert (failure.kind, failure.message, failure.type, failure.code, failure.param) == expected
    assert (failure.status, failure.body) == (status, data)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"upstream connect error", "upstream connect error"),
        (b"<html><head><title>502 Bad  Gateway</title></head><body>nginx</body></html>", "502 Bad Gateway"),
        (b"<!DOCTYPE html><style>a{}</style><body><h1>Oh</h1> no</body>", "Oh no"),
        (b"", "The provider answered with HTTP status 502 and no message."),
        (b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_an_error_that_is_no_json_is_quoted(body: bytes, message: str) -> None:
    assert read_error(502, body) == Failure("server", 502, message, body=body)


def test_long_bodies_are_cut() -> None:
    failure = read_error(500, b"x" * 1_000_000)
    assert (len(failure.message), len(failure.body)) == (EXCERPT, BODY_LIMIT)


def test_googles_delay_is_when_to_come_again() -> None:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "13.5s"}
    body = {"error": {"code": 429, "message": "Quota", "status": "RESOURCE_EXHAUSTED", "details": [5, {}, info]}}
    failure = read_error(429, json.dumps(body).encode())
    assert (failure.kind, failure.retry_after) == ("rate_limit", 13.5)


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        ({"type": "overloaded_error", "message": "m"}, "overloaded", 529),
        ({"type": "rate_limit_error", "message": "m"}, "rate_limit", 429),
        ({"code": 504, "message": "m"}, "timeout", 504),
        ({"code": "insufficient_quota", "message": "m"}, "billing", 402),
        ({"type": "api_error", "message": "m"}, "server", 502),
        ({"message": "m"}, "server", 502),
    ],
)
def test_an_error_inside_a_stream_tells_its_own_status(error: dict[str, Any], kind: str, status: int) -> None:
    failure = failure_of({"error": error})
    assert (failure.kind, failure.status, failure.message) == (kind, status, "m")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just('{"error":{"message":"x"}}'),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["error", "message", "detail", "code", "type", "metadata", "raw", "loc", "msg", "details", "status"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.integers(400, 599), values)
def test_any_error_is_read_and_can_be_written_in_both_dialects(status: int, value: Any) -> None:
    failure = read_error(status, json.dumps(value).encode())
    assert failure.status == status
    assert failure.message
    for codec in (chat.CODEC, messages.CODEC):
        assert codec.native_error(codec.write_error(failure))


@given(st.binary(max_size=60))
def test_any_bytes_are_read(body: bytes) -> None:
    assert read_error(500, body).message


def test_openais_error_is_written_with_all_its_members() -> None:
    refusal = Refusal(400, "invalid_type", "Wrong.", param="messages[0].role")
    assert json.loads(chat.CODEC.write_error(refusal)) == {
        "error": {"message": "Wrong.", "type": "invalid_request_error", "param": "messages[0].role", "code": "invalid_type"}
    }
    failure = Failure("rate_limit", 429, "Slow.", type="tokens")
    assert json.loads(chat.CODEC.write_error(failure)) == {
        "error": {"message": "Slow.", "type": "tokens", "param": None, "code": None}
    }


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (409, "invalid_request_error"),
        (413, "request_too_large"),
        (422, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (502, "api_error"),
        (503, "api_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ],
)
def test_anthropics_error_type_follows_the_status(status: int, kind: str) -> None:
    body = json.loads(messages.CODEC.write_error(Failure("server", status, "M.", type="INTERNAL")))
    assert body == {"type": "error", "error": {"type": kind, "message": "M."}}


def test_errors_in_streams_are_events() -> None:
    failure = Failure("overloaded", 529, "Busy.")
    (event,) = frames(chat.CODEC.stream_error(failure))
    assert (event.event, json.loads(event.data)["error"]["message"]) == ("", "Busy.")
    (event,) = frames(messages.CODEC.stream_error(failure))
    assert (event.event, json.loads(event.data)["error"]["type"]) == ("error", "overloaded_error")


@pytest.mark.parametrize(
    ("body", "openai", "anthropic"),
    [
        ({"error": {"message": "m", "type": "t"}}, True, False),
        ({"error": {"message": "m", "type": None}}, True, False),
        ({"type": "error", "error": {"type": "t", "message": "m"}}, True, True),
        ({"error": {"message": "m", "code": 400}}, False, False),
        ({"error": "m"}, False, False),
        ({"message": "m"}, False, False),
        ([], False, False),
    ],
)
def test_native_errors_are_known(body: Any, openai: bool, anthropic: bool) -> None:
    data = json.dumps(body).encode()
    assert (chat.CODEC.native_error(data), messages.CODEC.native_error(data)) == (openai, anthropic)


def test_what_is_no_json_is_no_native_error() -> None:
    assert not chat.CODEC.native_error(b"<html>")
    assert not messages.CODEC.native_error(b"\xff")
