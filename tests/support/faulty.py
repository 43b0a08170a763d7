"""An upstream that fails as it is told: on loopback, in a thread, one process for many providers.

Each provider is a name, the first part of the path that is asked: `upstream.url(name)` is its base URL, `upstream.plays(name, …)`
what it does with the first request, the second, and from the last on with all. A play is a function of the connection.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
import time
from contextlib import contextmanager

import httptools

from support.process import until

#: What a connection sends that is reset instead of closed.
_RESET = struct.pack("ii", 1, 0)


class Asked:
    """One request as it came."""

    def __init__(self, body, headers):
        self.at = time.monotonic()
        self.body = body
        self.headers = headers

    @property
    def model(self):
        return json.loads(self.body).get("model")


class Faulty:
    def __init__(self):
        self._asked: dict[str, list[Asked]] = {}
        self._plays: dict[str, list] = {}
        self._connections: set[_Connection] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait()

    def url(self, name):
        return f"http://127.0.0.1:{self.port}/{name}"

    def plays(self, name, *plays):
        self._plays[name] = list(plays)

    def asked(self, name):
        """The requests that came so far."""
        return list(self._asked.get(name, ()))

    def close(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _next(self, name, asked):
        """What becomes of a request."""
        self._asked.setdefault(name, []).append(asked)
        plays = self._plays[name]
        return plays.pop(0) if len(plays) > 1 else plays[0]

    def _run(self):
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, backlog=512))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for connection in list(self._connections):
            connection.transport.abort()
        self._loop.run_until_complete(server.wait_closed())


class _Connection(asyncio.Protocol):
    def __init__(self, faulty):
        self._faulty = faulty
        self._parser = httptools.HttpRequestParser(self)
        self._fresh()

    def _fresh(self):
        self._url, self._body, self._headers = b"", bytearray(), {}

    def connection_made(self, transport):
        self.transport = transport
        self._faulty._connections.add(self)

    def connection_lost(self, exc):
        self._faulty._connections.discard(self)

    def data_received(self, data):
        self._parser.feed_data(data)

    def on_url(self, url):
        self._url += url

    def on_header(self, name, value):
        self._headers[name.decode().lower()] = value.decode()

    def on_body(self, body):
        self._body += body

    def on_message_complete(self):
        play = self._faulty._next(self._url.split(b"/")[1].decode(), Asked(bytes(self._body), self._headers))
        self._fresh()
        play(self)

    def write(self, data):
        self.transport.write(data)

    def reset(self):
        """Go away so that the other side is told of it at once, and rudely."""
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()


# Plays


def answer(body, status=200, **headers):
    """A whole answer; a body that is no bytes is written as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda connection: connection.write(_head(status, f"content-length: {len(data)}", **headers) + data)


def stream(*events, then="end"):
    """An SSE answer. An event is an object, a (name, object) pair, or bytes as they are; `then`: end, cut or hang."""

    def play(connection):
        connection.write(_head(200, "transfer-encoding: chunked", content_type="text/event-stream"))
        for event in events:
            data = _event(event)
            connection.write(b"%x\r\n%b\r\n" % (len(data), data))
        if then == "end":
            connection.write(b"0\r\n\r\n")
        elif then == "cut":
            connection.transport.close()

    return play


def half(body, *, keep, then="reset"):
    """A whole answer of which `keep` bytes come, head included; then it is reset or closed."""
    data = json.dumps(body).encode()
    whole = _head(200, f"content-length: {len(data)}") + data

    def play(connection):
        connection.write(whole[: keep if keep >= 0 else len(whole) + keep])
        connection._faulty._loop.call_soon(connection.reset if then == "reset" else connection.transport.close)

    return play


def reset(connection):
    """No answer: the connection is reset."""
    connection.reset()


def hang(connection):
    """No answer, ever."""


def _head(status, framing, content_type="application/json", **headers):
    lines = [f"HTTP/1.1 {status} X", f"content-type: {content_type}", framing]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def _event(event):
    if isinstance(event, bytes):
        return event
    name, data = event if isinstance(event, tuple) else ("", event)
    return f"{f'event: {name}' + chr(10) if name else ''}data: {json.dumps(data)}\n\n".encode()


# Addresses where nobody answers


@contextmanager
def closed_port():
    """A port that refuses: it is taken, and nobody listens there."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@contextmanager
def full_port():
    """A port whose queue is full: a connection to it hangs."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        waiting = []

        def full():
            one = socket.socket()
            one.settimeout(0.2)
            waiting.append(one)
            try:
                one.connect(server.getsockname())
            except TimeoutError:
                return True
            return False

        until(full)
        yield server.getsockname()[1]
        for one in waiting:
            one.close()
