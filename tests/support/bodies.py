"""What providers say, as they say it: answers and errors for tests of routes."""

from __future__ import annotations

GPT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-x",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "pong from gpt"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
}
CLAUDE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [{"type": "text", "text": "pong from claude"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 5, "output_tokens": 1},
}


def chunk(content=None, finish=None, **more):
    """One event of a GPT's stream."""
    delta = {} if content is None else {"role": "assistant", "content": content}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-x", "choices": [choice], **more}


DONE = b"data: [DONE]\n\n"

#: Errors of Anthropic's.
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "req_1"}
SPEND_CAP = {
    "type": "error",
    "error": {
        "type": "rate_limit_error",
        "message": "This request would exceed your account's limit.",
        "details": {"error_code": "enforced_spend_limit_reached"},
    },
    "request_id": "req_1",
}
OWN_LIMIT = {
    "type": "error",
    "error": {
        "type": "invalid_request_error",
        "message": "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.",
    },
    "request_id": "req_1",
}


def openai(message, code=None, type="invalid_request_error", param=None):
    """An error of OpenAI's."""
    return {"error": {"message": message, "type": type, "param": param, "code": code}}


LIMITED = openai(
    "Rate limit reached for gpt-5 in organization org-x on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000.",
    "rate_limit_exceeded",
    "tokens",
)
QUOTA = openai(
    "You exceeded your current quota, please check your plan and billing details.", "insufficient_quota", "insufficient_quota"
)
SERVER = openai("The server had an error while processing your request. Sorry about that!", None, "server_error")
BUSY = openai("Our servers are currently overloaded. Please try again later.", "server_is_overloaded", "server_error")
BAD_KEY = openai("Incorrect API key provided: sk-upstr***************0000.", "invalid_api_key")
