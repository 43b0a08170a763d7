"""What is asked of each rival: bodies, how many at a time, and how an answer must end."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from bench.upstream import EVENTS

_SYSTEM = "You are a careful assistant. Answer in the language of the question, briefly, and say so when you do not know."
_QUESTION = "Which of the animals in the fable is the one that jumps, and over whom does it jump? Give both in one sentence."

PACE_MS = 10  # between events, where they are paced


@dataclass(frozen=True)
class Workload:
    """One kind of load.

    `units` is how many of its unit one answer has: cost is CPU time per unit. `foreign`: asked in another dialect than the
    upstream speaks. `pace_ms`: an event of the upstream comes each so many milliseconds, 0 for as fast as it can. `like` is
    the workload that this one differs from in its pace only: it is tried, warmed up and measured for latency in its stead.
    """

    name: str
    path: str
    ends: str
    units: int
    stream: bool
    foreign: bool = False
    pace_ms: int = 0
    like: str = ""

    def body(self, model: str) -> bytes:
        """The request body, as an SDK writes it."""
        ask: dict[str, Any] = {"model": model}
        if self.foreign:
            ask |= {"max_tokens": 512, "system": _SYSTEM, "messages": [{"role": "user", "content": _QUESTION}]}
        else:
            ask["messages"] = [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": _QUESTION}]
        ask["temperature"] = 0.2
        user = f"pace-{self.pace_ms}" if self.pace_ms else "bench"
        ask |= {"metadata": {"user_id": user}} if self.foreign else {"user": user}
        if self.stream:
            ask["stream"] = True
            if not self.foreign:
                ask["stream_options"] = {"include_usage": True}
        return json.dumps(ask, separators=(",", ":")).encode()


JSON = Workload("json", "/v1/chat/completions", "}", 1, stream=False)
STREAM = Workload("stream", "/v1/chat/completions", "data: [DONE]", EVENTS, stream=True)
PACED = replace(STREAM, name="paced", pace_ms=PACE_MS, like="stream")
TRANSLATED = Workload("translated", "/v1/messages", '"message_stop"}', EVENTS, stream=True, foreign=True)
TRANSLATED_PACED = replace(TRANSLATED, name="translated paced", pace_ms=PACE_MS, like="translated")

WORKLOADS = (JSON, STREAM, PACED, TRANSLATED, TRANSLATED_PACED)
