"""Ask an ASGI application, in process: one request, one answer."""

from __future__ import annotations

import asyncio
import json


class Answer:
    def __init__(self, status, headers, body, cut=False):
        self.cut = cut
        self.status = status
        self.headers = {name.decode(): value.decode() for name, value in headers}
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"Answer({self.status}, {self.body[:300]!r})"


def ask(app, method, path, *, body=b"", headers=(), pieces=None, disconnect=False, line=None):
    """The application's answer. `headers` are (text, text) pairs; a body that is no bytes is sent as JSON."""
    return asyncio.run(ask_soon(app, method, path, body=body, headers=headers, pieces=pieces, disconnect=disconnect, line=line))


async def ask_soon(app, method, path, *, body=b"", headers=(), pieces=None, disconnect=False, line=None):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    waiting = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces or ()]
    waiting.append({"type": "http.disconnect"} if disconnect else {"type": "http.request", "body": body, "more_body": False})
    line = line or Line()

    async def receive():
        return waiting.pop(0)

    async def send(message):
        raise AssertionError("the answer goes to the line")

    raw, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": raw,
        "raw_path": raw.encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
        "lockgate.line": line,
    }
    await app(scope, receive, send)
    assert line.ended
    return Answer(line.status, line.headers, line.sent, line.was_cut)


class Line:
    """What the server's line does, kept."""

    def __init__(self):
        self.lost = self.ended = self.was_cut = False
        self.when_lost = None
        self.slow = False
        self.drained = 0
        self.status, self.headers, self.sent = 0, [], b""

    def body(self):
        return None

    def whole(self, status, headers, body):
        self.begin(status, headers)
        self.end(body)

    def begin(self, status, headers):
        assert not self.status
        self.status, self.headers = status, headers

    def push(self, data):
        assert self.status and not self.ended
        self.sent += data
        return not self.slow

    async def drain(self):
        assert self.slow
        self.drained += 1

    def end(self, data):
        assert self.status and not self.ended
        self.sent += data
        self.ended = True

    def cut(self):
        assert self.status and not self.ended
        self.ended = self.was_cut = True
