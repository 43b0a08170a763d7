"""A fake upstream for benchmarks: answers each POST at once, with a chat completion of about 1 kB or a stream of 101 events.

It is meant to cost little beside what is measured: one process, asyncio protocols, answers built once. A body that asks for
`"stream": true` gets the stream; each event is a write of its own, and between events every other connection has its turn.
Without a pace the events come as fast as they can be written; a request whose `user` is "pace-10" gets one each 10 ms, as
from a model, and streams that begin together are spread over that time.

usage: python -m bench.upstream --port 9000 [--pace MS]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from typing import Any

import httptools
import uvloop

EVENTS = 101  # data lines of a stream, [DONE] included

_MODEL = "gpt-4o-2024-08-06"
_TEXT = "The quick brown fox jumps over the lazy dog and the gateway passes every word of it on"
_WORDS = _TEXT.split()
_STREAM = re.compile(rb'"stream"\s*:\s*true')
_PACE = re.compile(rb'"pace-(\d+)"')
_SPREAD = 0.618  # of a pace: how far each stream begins after the one before it


def _head(kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT", "object": kind, "created": 1_767_225_600, "model": _MODEL}


_USAGE = {
    "prompt_tokens": 19,
    "completion_tokens": 98,
    "total_tokens": 117,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
}


def whole() -> bytes:
    """A whole answer as HTTP/1.1."""
    message = {"role": "assistant", "content": " ".join(_WORDS * 5), "refusal": None, "annotations": []}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    body = json.dumps({**_head("chat.completion"), "choices": [choice], "usage": _USAGE, "service_tier": "default"}).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


def events() -> list[bytes]:
    """The writes of a streamed answer: the head with the first event, 99 events more, and the end with `[DONE]`."""

    def event(delta: dict[str, Any], finish: str | None = None, usage: Any = None) -> bytes:
        choices = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}] if usage is None else []
        chunk = {**_head("chat.completion.chunk"), "system_fingerprint": "fp_50cad350e4", "choices": choices, "usage": usage}
        return b"data: %s\n\n" % json.dumps(chunk, separators=(",", ":")).encode()

    said = [event({"role": "assistant", "content": "", "refusal": None})]
    said += [event({"content": " " + _WORDS[place % len(_WORDS)]}) for place in range(EVENTS - 4)]
    said += [event({}, "stop"), event({}, usage=_USAGE), b"data: [DONE]\n\n"]
    writes = [b"%x\r\n%s\r\n" % (len(one), one) for one in said]
    writes[0] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n" + writes[0]
    writes[-1] += b"0\r\n\r\n"
    return writes


class Upstream(asyncio.Protocol):
    """One connection; requests on it are answered in turn."""

    streams = 0

    def __init__(self, pace_s: float) -> None:
        self._usual_pace_s = self._pace_s = pace_s
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._streams = False
        self._writable = True
        self._left: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_message_begin(self) -> None:
        self._streams = False
        self._pace_s = self._usual_pace_s

    def on_body(self, body: bytes) -> None:
        self._streams = self._streams or _STREAM.search(body) is not None
        if pace := _PACE.search(body):
            self._pace_s = int(pace[1]) / 1000

    def on_message_complete(self) -> None:
        if not self._streams:
            self._transport.write(WHOLE)
            return
        self._left = STREAM[::-1]
        Upstream.streams += 1
        if self._pace_s:
            self._loop.call_later(self._pace_s * (Upstream.streams * _SPREAD % 1), self._next)
        else:
            self._next()

    def _next(self) -> None:
        if self._writable and self._left and not self._transport.is_closing():
            self._transport.write(self._left.pop())
            if self._pace_s:
                self._loop.call_later(self._pace_s, self._next)
            else:
                self._loop.call_soon(self._next)

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._loop.call_soon(self._next)


WHOLE = whole()
STREAM = events()


async def serve(port: int, pace_s: float) -> None:
    """Serve on loopback until stopped."""
    server = await asyncio.get_running_loop().create_server(lambda: Upstream(pace_s), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pace", type=float, default=0.0, metavar="MS", help="milliseconds between the events of a stream")
    arguments = parser.parse_args()
    uvloop.run(serve(arguments.port, arguments.pace / 1000))


if __name__ == "__main__":
    main()
