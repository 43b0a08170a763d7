"""Records in a spool, and sinks that do as they are told."""

from __future__ import annotations

from lockgate.core.record import Attempt, Record, new_id
from lockgate.core.reply import Usage
from lockgate.stores.spool import Spool

AT = 1_790_000_000_000_000


def record(n=0, **more):
    members = {
        "id": new_id(AT + n * 1000, n + 1),
        "time_us": AT + n * 1000,
        "trace_id": f"{n + 1:032x}",
        "span_id": f"{n + 1:016x}",
        "organisation": "org",
        "workspace": "ws",
        "key_id": "key-1",
        "key_name": "app",
        "provider": "main",
        "provider_kind": "openai",
        "operation": "chat",
        "path": "/v1/chat/completions",
        "dialect_in": "openai.chat",
        "dialect_out": "openai.chat",
        "model_asked": "gpt-5",
        "model_sent": "gpt-5",
        "model_served": "gpt-5-2026",
        "status": 200,
        "finish": "stop",
        "usage": Usage(input=100, output=20, cached=40, reasoning=5),
        "usage_source": "provider",
        "cost_nusd": 1_250_000,
        "latency_us": 900_000,
        "ttft_us": 300_000,
        "stream": True,
        "attempts": [Attempt("config.targets[0]", "main", "gpt-5", 200, start_us=1000, duration_us=890_000)],
        "request": b'{"model": "gpt-5", "messages": [{"role": "user", "content": "ping"}]}',
        "response": b'{"choices": [{"index": 0, "message": {"role": "assistant", "content": "pong"}, "finish_reason": "stop"}]}',
    }
    return Record(**{**members, **more})


def fill(spool, count, begin=0, **more):
    """A worker's segment with so many records; it is closed when the spool is."""
    writer = Spool(spool, clock=lambda: AT + begin, report=print)
    for n in range(begin, begin + count):
        assert writer.append(record(n, **more))
    return writer


def ids(records):
    return [each.id for each in records]


class Listed:
    """A sink that keeps what it gets. `script`: what it does at each call (an exception is raised, a number returned)."""

    def __init__(self, *script):
        self.script = list(script)
        self.batches = []
        self.closed = False
        self.mark = ""

    @property
    def records(self):
        return [each for batch in self.batches for each in batch.records]

    def send(self, batch):
        answer = self.script.pop(0) if self.script else 0
        if isinstance(answer, Exception):
            raise answer
        self.batches.append(batch)
        self.mark = f"after {batch.number}"
        return answer

    def close(self):
        self.closed = True
