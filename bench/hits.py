"""What an answer costs that is given again: `python -m bench.hits`. CPU in µs a request, the best of many short rounds, which
take turns: a machine that is busy for a while is so for all of them.

The gateway's own callable, without sockets: a request that is relayed to a provider that answers at once, and one that is
answered by the cache, in memory and in its file, to the same words and to others; for a key without limits and for one with a
budget and two rates. And what `recall` alone takes of that: the key, the look, the replay.
"""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lockgate.app import App
from lockgate.control.house import House
from lockgate.core.failure import Failure
from lockgate.http.routes import SCOPES
from lockgate.policy.cache_key import cache_key, canonical
from lockgate.stores.cache.memory import MemoryCache
from lockgate.stores.cache.port import CacheStore
from lockgate.stores.nearest import beside

ROUNDS, TIMES = 100, 50
PLAIN, GOVERNED = "lg_plain_0123456789abcdef", "lg_governed_0123456789abcdef"
CONFIG = f"""
providers: {{up: {{provider: openai, base_url: 'https://up.example/v1', api_key: up-key-0123456789}}}}
configs:
  asked: {{provider: '@up', upstream_api: chat}}
  cached: {{provider: '@up', upstream_api: chat, cache: simple}}
  canonical: {{provider: '@up', upstream_api: chat, cache: semantic}}
  verified: {{provider: '@up', upstream_api: chat, cache: {{mode: semantic, levels: [verified]}}}}
keys:
  - {{name: plain, key: {PLAIN}}}
  - name: governed
    key: {GOVERNED}
    usage_limits: {{credit_limit: 1000000, periodic_reset: monthly}}
    rate_limits: [{{type: requests, unit: rpm, value: 100000000}}, {{type: tokens, unit: rpm, value: 10000000000}}]
"""


def said(body: object) -> bytes:
    """JSON as httpx sends it, and so the providers' own clients: without spaces."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


ASK = {"model": "gpt-4o", "messages": [{"role": "user", "content": "the quick brown fox " * 60}], "max_tokens": 500}
CHOICE = {"index": 0, "message": {"role": "assistant", "content": "jumps over the dog " * 45}, "finish_reason": "stop"}
REPLY = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-2024-08-06", "choices": [CHOICE],
         "usage": {"prompt_tokens": 290, "completion_tokens": 130, "total_tokens": 420}}  # fmt: skip
#: A question, and the same in other words: by its canonical key, by likeness.
QUESTION, SPELLED, WORDED = (
    said({**ASK, "messages": [{"role": "user", "content": words}]})
    for words in ("How tall is the Eiffel Tower?", "how tall is the Eiffel Tower", "What is the height of the Eiffel Tower?")
)
BODY, ANSWER = said(ASK), said(REPLY)


class Exchange:
    """A provider's answer, there at once."""

    def __init__(self) -> None:
        self.status, self.bytes_in = 200, 0
        self.headers = [(b"content-type", b"application/json")]

    def header(self, name: bytes) -> bytes:
        return dict(self.headers).get(name, b"")

    async def read(self, limit: int) -> bytes | Failure:
        return ANSWER

    def close(self) -> None:
        pass


class Provider:
    """Answers everything."""

    async def send(self, *_: object) -> Exchange:
        return Exchange()


class Line:
    """Takes an answer and forgets it."""

    lost = False
    when_lost: Callable[[], None] | None = None

    def body(self) -> None:
        return None

    def whole(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.status, self.headers = status, headers


async def ask(app: App, headers: list[tuple[bytes, bytes]], body: bytes = BODY) -> Line:
    """One request."""
    line = Line()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: object) -> None:
        raise AssertionError(message)

    path = "/v1/chat/completions"
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"", "headers": headers,
             "lockgate.line": line}  # fmt: skip
    await app.gateway(scope, receive, send)
    return line


class Case:
    """One kind of request, the best that it has cost, and what it took from its beginning to its end, in µs."""

    def __init__(
        self, app: App, cache: CacheStore | None, key: str, config: str, status: str, bodies: tuple[bytes, bytes]
    ) -> None:
        self.app, self.cache, self.config, self.status = app, cache, config, status
        self.headers = [(b"authorization", f"Bearer {key}".encode()), (b"x-portkey-config", config.encode())]
        self.first, self.body = bodies
        self.best, self.walls = float("inf"), list[float]()

    async def warm(self) -> None:
        """What is to be found is asked, and that it is found is seen."""
        self.app.runtime.cache = self.cache
        await ask(self.app, self.headers, self.first)
        await ask(self.app, [*self.headers, (b"cache-control", b"no-cache")], self.first)
        await asyncio.sleep(0.2)  # words are looked for in the file, where they must have been written
        line = await ask(self.app, self.headers, self.body)
        said = dict(line.headers)[b"x-portkey-cache-status"]
        if line.status != 200 or said != self.status.encode():
            raise SystemExit(f"{self.config}: {line.status}, {said!r}")

    async def play(self) -> None:
        """One round."""
        self.app.runtime.cache = self.cache
        began = time.process_time_ns()
        for _ in range(TIMES):
            start = time.perf_counter()
            await ask(self.app, self.headers, self.body)
            self.walls.append((time.perf_counter() - start) * 1e6)
        self.best = min(self.best, (time.process_time_ns() - began) / TIMES / 1000)


def timed(work: Callable[[], object]) -> float:
    """µs of CPU."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time_ns()
        for _ in range(TIMES):
            work()
        best = min(best, (time.process_time_ns() - began) / TIMES / 1000)
    return best


async def run() -> None:
    """Measure, and print a table."""
    beside.PATIENCE_S = 10.0  # the first one waits until vectors are there
    with tempfile.TemporaryDirectory(prefix="lockgate-bench-") as place:
        data = Path(place)
        (data / "lockgate.yaml").write_text(CONFIG)
        house = House(data / "data", data / "lockgate.yaml", SCOPES, {})
        house.open()
        app = App(house, house.snapshot())
        await app.open()
        app.start()
        provider: Any = Provider()
        app.runtime.clients.update(http=provider, https=provider)
        file = app.runtime.cache
        same = (BODY, BODY)
        kinds = {
            "relayed": ("asked", "DISABLED", file, same),
            "a hit, in its file": ("cached", "HIT", file, same),
            "a hit, in memory": ("cached", "HIT", MemoryCache(1 << 20), same),
            "a hit of a short question, in its file": ("cached", "HIT", file, (QUESTION, QUESTION)),
            "a canonical hit of it": ("canonical", "SEMANTIC HIT", file, (QUESTION, SPELLED)),
            "a verified hit of it, among few": ("verified", "SEMANTIC HIT", file, (QUESTION, WORDED)),
        }
        cases = {
            name: [Case(app, cache, key, config, status, bodies) for key in (PLAIN, GOVERNED)]
            for name, (config, status, cache, bodies) in kinds.items()
        }
        each = [case for both in cases.values() for case in both]
        for case in each:
            await case.warm()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)  # as in a worker
        for _ in range(ROUNDS):
            for case in each:
                await case.play()
        print("| µs a request | CPU, no limits | CPU, governed | p50, governed |\n| --- | ---: | ---: | ---: |")
        for name, (plain, governed) in cases.items():
            print(f"| {name} | {plain.best:.0f} | {governed.best:.0f} | {statistics.median(governed.walls):.0f} |", flush=True)
        app.runtime.cache = file
        parts = [b"acme", b"blue", b"", b"workspace", b"", b"up", b"up.example", b"POST", b"/v1/chat/completions"]
        key = timed(lambda: cache_key(b"k" * 32, [*parts, canonical(BODY) or b""]))
        print(f"\nthe key of a body of {len(BODY)} bytes: {key:.1f} µs")
        await app.stop()


if __name__ == "__main__":
    asyncio.run(run())
