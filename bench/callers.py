"""Callers that remember: a few connections that ask a gateway in turn, each request with a trace of its own, and note every
answer that came whole. Half of a conversation's turns are streamed; each sends its history again, as chats do.

They run in a thread. A gateway that goes away is asked again as soon as somebody listens; what was under way then is noted as
broken: nobody can tell whether it has been completed.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import threading
import time
from typing import Any, NamedTuple

import httptools

#: How long an answer may take, in seconds.
PATIENCE_S = 60.0
#: Turns of a conversation before another one begins.
TURNS = 8
#: Between two tries to reach a gateway that is away.
_AGAIN_S = 0.02


def digest(data: bytes) -> bytes:
    """What a body is compared by."""
    return hashlib.blake2b(data, digest_size=16).digest()


class Answer(NamedTuple):
    """One that came whole: the request's trace, a word that only this request says, the id that the gateway gave it, and
    digests of the bodies. `at`: when it was asked, monotonic; it took `seconds`."""

    trace: str
    word: str
    id: str
    status: int
    request: bytes
    response: bytes
    at: float
    seconds: float


class Callers:
    """`connections` ask the gateway at `port`, each with a pause of about `pause_s` between two requests. `padding` is how many
    bytes each turn of a conversation has beside its words."""

    def __init__(
        self, port: int, headers: dict[str, str], *, connections: int, pause_s: float, padding: int = 300, seed: int = 0
    ) -> None:
        self.answers: list[Answer] = []
        self.broken: list[str] = []
        self._port, self._headers = port, headers
        self._connections, self._pause_s, self._padding = connections, pause_s, padding
        self._draw = random.Random(seed)
        self._asked = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask nothing new, and read what is under way to its end."""
        self._stop.set()
        self._thread.join()

    async def _run(self) -> None:
        await asyncio.gather(*(self._call(number) for number in range(self._connections)))

    async def _call(self, number: int) -> None:
        """One connection after another, until told to stop."""
        talk: list[dict[str, str]] = []
        while not self._stop.is_set():
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError:
                await asyncio.sleep(_AGAIN_S)
                continue
            try:
                while not self._stop.is_set():
                    await self._turn(number, talk, reader, writer)
                    await asyncio.sleep(self._pause_s * self._draw.uniform(0.5, 1.5))
            except (OSError, TimeoutError, httptools.HttpParserError):
                await asyncio.sleep(_AGAIN_S)
            finally:
                writer.transport.abort()

    async def _turn(
        self, number: int, talk: list[dict[str, str]], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._asked += 1
        trace, word = f"trace-{number}-{self._asked}", f"word{number}x{self._asked}"
        if len(talk) >= 2 * TURNS:
            talk.clear()
        talk.append({"role": "user", "content": f"{word} {self._draw.randbytes(self._padding // 2).hex()}"})
        streams = bool(self._asked % 2)
        body = json.dumps({"model": "@up/gpt-4o", "messages": talk, "stream": streams}).encode()
        at = time.monotonic()
        try:
            writer.write(self._request(trace, number, body))
            async with asyncio.timeout(PATIENCE_S):
                said = await _Said(reader).read()
        except (OSError, TimeoutError, httptools.HttpParserError):
            self.broken.append(trace)
            raise
        answer = Answer(trace, word, said.id, said.status, digest(body), digest(said.body), at, time.monotonic() - at)
        self.answers.append(answer)
        talk.append({"role": "assistant", "content": f"an answer to {word}"})

    def _request(self, trace: str, number: int, body: bytes) -> bytes:
        headers = {
            "host": "127.0.0.1",
            "content-type": "application/json",
            "content-length": str(len(body)),
            "x-lockgate-trace-id": trace,
            "x-lockgate-metadata": json.dumps({"caller": str(number)}),
            **self._headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST /v1/chat/completions HTTP/1.1\r\n{head}\r\n".encode() + body


class _Said:
    """An answer while it is read. Raises `ConnectionError` when it ends before its end."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self.id, self.status, self.body = "", 0, b""
        self._reader = reader
        self._parser: Any = httptools.HttpResponseParser(self)
        self._pieces: list[bytes] = []
        self._whole = False

    async def read(self) -> _Said:
        while not self._whole:
            data = await self._reader.read(65536)
            if not data:
                raise ConnectionError("the answer has no end")
            self._parser.feed_data(data)
        return self

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"x-lockgate-request-id":
            self.id = value.decode()

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)

    def on_message_complete(self) -> None:
        self.status, self.body, self._whole = self._parser.get_status_code(), b"".join(self._pieces), True
