"""A load driver that reads every answer to its end: connections that ask, wait, check, and ask again.

It prints one JSON line: answers and how many of them were not as expected, bytes, events, and the latencies (to the first
body byte and to the end) in milliseconds. When time is up nothing new is asked and what is under way is read to its end, so
that no work of the measured side goes uncounted. It is cheap beside what it measures (uvloop, llhttp), but wrk is cheaper.

usage: python -m bench.driver --port P --path /v1/chat/completions --body FILE --connections 100 --seconds 3
       [--header 'name: value']... [--ends TEXT]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from pathlib import Path
from typing import Any

import httptools
import uvloop

PATIENCE_S = 60.0  # how long what is under way may still take


class Tally:
    """What all connections together have seen."""

    def __init__(self, until: float, request: bytes, ends: bytes) -> None:
        self.until = until
        self.request = request
        self.ends = ends
        self.open = 0
        self.done = asyncio.get_running_loop().create_future()
        self.answers = self.wrong = self.bytes = self.events = 0
        self.first_s: list[float] = []
        self.whole_s: list[float] = []
        self.example = ""

    def leave(self) -> None:
        """A connection is through."""
        self.open -= 1
        if not self.open and not self.done.done():
            self.done.set_result(None)

    def report(self) -> dict[str, Any]:
        """All numbers, for JSON."""
        return {
            "answers": self.answers,
            "wrong": self.wrong,
            "example": self.example,
            "bytes": self.bytes,
            "events": self.events,
            "first_ms": _percentiles(self.first_s),
            "whole_ms": _percentiles(self.whole_s),
        }


def _percentiles(seconds: list[float]) -> dict[str, float]:
    ranked = sorted(seconds) or [0.0]
    return {f"p{p}": round(1000 * ranked[min(len(ranked) - 1, len(ranked) * p // 100)], 4) for p in (50, 90, 99)}


class Asker(asyncio.Protocol):
    """One connection."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._ask()

    def _ask(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._first = 0.0
        self._tail = b""
        self._asked = time.perf_counter()
        self._transport.write(self._tally.request)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._wrong(f"not HTTP: {error}")
            self._transport.abort()

    def on_body(self, body: bytes) -> None:
        tally = self._tally
        if not self._first:
            self._first = time.perf_counter()
        tally.bytes += len(body)
        tally.events += (self._tail[-6:] + body).count(b"data: ") - self._tail[-6:].count(b"data: ")
        self._tail = (self._tail + body)[-200:]

    def on_message_complete(self) -> None:
        tally = self._tally
        now = time.perf_counter()
        tally.answers += 1
        tally.first_s.append(self._first - self._asked)
        tally.whole_s.append(now - self._asked)
        status = self._parser.get_status_code()
        if status != 200 or not self._tail.rstrip().endswith(tally.ends):
            self._wrong(f"{status} … {self._tail.decode('utf-8', 'replace')}")
        if now >= tally.until:
            self._transport.close()
        elif self._parser.should_keep_alive():
            self._ask()
        else:
            self._wrong("the connection is not kept")
            self._transport.close()

    def _wrong(self, example: str) -> None:
        self._tally.wrong += 1
        self._tally.example = self._tally.example or example

    def connection_lost(self, exc: Exception | None) -> None:
        if self._open:
            self._open = False
            self._tally.leave()


async def drive(port: int, request: bytes, connections: int, seconds: float, ends: bytes) -> dict[str, Any]:
    """Keep `connections` asking for `seconds`; the numbers of `Tally.report`."""
    tally = Tally(time.perf_counter() + seconds, request, ends)
    loop = asyncio.get_running_loop()
    tally.open = connections
    for _ in range(connections):
        await loop.create_connection(lambda: Asker(tally), "127.0.0.1", port)
    try:
        async with asyncio.timeout(seconds + PATIENCE_S):
            await tally.done
    except TimeoutError:
        tally.wrong += tally.open
        tally.example = tally.example or f"{tally.open} answers did not end"
    return tally.report()


def written(path: str, headers: list[str], body: bytes) -> bytes:
    """A request as bytes."""
    lines = [
        f"POST {path} HTTP/1.1",
        "host: 127.0.0.1",
        "content-type: application/json",
        f"content-length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--body", type=Path, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--header", action="append", default=[])
    parser.add_argument("--ends", default="", help="what the body of each answer must end with")
    a = parser.parse_args()
    request = written(a.path, a.header, a.body.read_bytes())
    print(json.dumps(uvloop.run(drive(a.port, request, a.connections, a.seconds, a.ends.encode()))))


if __name__ == "__main__":
    main()
