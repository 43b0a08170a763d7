"""A replaying upstream: answers every POST with the transcript that its path begins with, cut into pieces of a given size."""

from __future__ import annotations

import asyncio
import threading

import httptools


class Replay:
    """`url_of(name)` is a base URL that answers with what `put` put there, whatever path is asked below it."""

    def __init__(self):
        self.asked: dict[str, list[bytes]] = {}
        self.left: list[str] = []  # whose connection was closed while it hung
        self._hanging = []
        self._answers: dict[str, tuple[int, bytes, bytes, int]] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()
        self._thread.start()
        self._ready.wait()

    def put(self, name, body, *, status=200, kind=b"text/event-stream", piece=1 << 30, hang=False):
        """`hang`: after the body (or, without one, instead of an answer) nothing more comes."""
        self._answers[name] = (status, kind, body, piece, hang)
        return f"http://127.0.0.1:{self.port}/{name}"

    def cut(self, name):
        """Break the connections off that hang under this name."""
        for connection in [each for each in self._hanging if each.hanging == name]:
            self._loop.call_soon_threadsafe(connection.transport.abort)

    def close(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self):
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(server.wait_closed())


class _Connection(asyncio.Protocol):
    def __init__(self, replay):
        self.replay = replay
        self.parser = httptools.HttpRequestParser(self)
        self.url, self.body = b"", bytearray()
        self.task = None
        self.hanging = ""

    def connection_made(self, transport):
        self.transport = transport

    def connection_lost(self, exc):
        if self.hanging:
            self.replay.left.append(self.hanging)
        if self.task is not None:
            self.task.cancel()

    def data_received(self, data):
        self.parser.feed_data(data)

    def on_url(self, url):
        self.url += url

    def on_body(self, body):
        self.body += body

    def on_message_complete(self):
        name = self.url.split(b"/")[1].decode()
        self.replay.asked.setdefault(name, []).append(bytes(self.body))
        self.url, self.body = b"", bytearray()
        self.task = self.replay._loop.create_task(self.answer(name, *self.replay._answers[name]))

    async def answer(self, name, status, kind, body, piece, hang):
        if hang:
            self.hanging = name
            self.replay._hanging.append(self)
            if not body:
                return
        head = b"HTTP/1.1 %d X\r\ncontent-type: %b\r\n" % (status, kind)
        if self.parser.get_method() == b"HEAD" or status == 204:
            self.transport.write(head + b"\r\n")
            return
        self.transport.write(head + b"transfer-encoding: chunked\r\n\r\n")
        for at in range(0, len(body), piece):
            part = body[at : at + piece]
            self.transport.write(b"%x\r\n%b\r\n" % (len(part), part))
            await asyncio.sleep(0)
        if not hang:
            self.transport.write(b"0\r\n\r\n")
