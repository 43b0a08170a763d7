"""Records for tests of the log: plain ones by default, at times after `START`, which is a whole day."""

from __future__ import annotations

from itertools import count

from lockgate.core.record import Attempt, Record, new_id
from lockgate.core.reply import Usage

START = 20_000 * 86_400_000_000
MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000
_numbers = count()


def logged(at=0, **more):
    """A record `at` µs after the start. `tokens` are (input, output); `failures` so many attempts before the last one."""
    tokens, failures = more.pop("tokens", None), more.pop("failures", 0)
    members = {
        "id": new_id(START + at, next(_numbers)),
        "time_us": START + at,
        "organisation": "org",
        "workspace": "ws",
        "key_id": "key-1",
        "key_name": "app",
        "provider": "openai",
        "provider_kind": "openai",
        "operation": "chat",
        "path": "/v1/chat/completions",
        "model_asked": "gpt-4o",
        "model_sent": "gpt-4o",
        "model_served": "gpt-4o",
        "status": 200,
        "outcome": "ok",
        "latency_us": 1_000_000,
        "gateway_us": 300,
    }
    if tokens is not None:
        members["usage"], members["usage_source"] = Usage(input=tokens[0], output=tokens[1]), "provider"
    if failures:
        members["attempts"] = [*(Attempt(kind="server", status=500) for _ in range(failures)), Attempt(status=200)]
    return Record(**members | more)
