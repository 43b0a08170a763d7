"""`Client`: asks a ClickHouse server over plain HTTP (https://clickhouse.com/docs/interfaces/http), and says in a sentence what
is wrong when it does not answer.

A statement goes in the body of a POST, so that no proxy's limit on URLs applies; the data of an insert take its place there,
and are compressed. Connections are kept, one for each call that goes on at once. One that the server has closed meanwhile is
noticed when it is used again: the call is repeated once, which all our statements stand (see `store`).
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
from typing import Any
from urllib.parse import urlencode

import msgspec
import zstandard

from lockgate.stores.logs.clickhouse import rowbinary
from lockgate.stores.logs.clickhouse.address import Address
from lockgate.stores.ports import StoreError

#: The longest wait for a connection, and for an answer, in seconds.
CONNECT_S, ANSWER_S = 5.0, 60.0
#: Connections that are kept while nobody uses them.
_IDLE = 4
#: Characters of an exception that are told.
_TOLD = 300
_SETTINGS = {
    # The status of an answer is known only at its end: without this an error could stand in the midst of a 200.
    "wait_end_of_query": "1",
    "max_execution_time": str(int(ANSWER_S)),
    "max_query_size": str(16 * 1024 * 1024),  # lists of ids; the default takes 256 KiB
    "output_format_json_quote_64bit_integers": "0",
    "session_timezone": "UTC",
    # What was inserted can be read; the store knows itself what it was given before.
    "async_insert": "0",
    "insert_deduplicate": "0",
    # A request's versions are all in its day, and have the same words.
    "do_not_merge_across_partitions_select_final": "1",
    "use_skip_indexes_if_final": "1",
}
#: ClickHouse's codes of errors → what that means to whoever runs the gateway; for others, what it says itself.
_MEANINGS = {
    81: "there is no such database, and it may not be made",
    164: "the user may only read",
    192: "it does not know that user, or the password is wrong",
    193: "it does not know that user, or the password is wrong",
    194: "it does not know that user, or the password is wrong",
    243: "its disk is full",
    252: "it is not done yet with merging what was inserted (too many parts)",
    516: "it does not know that user, or the password is wrong",
}
_FULL = re.compile(r"No space left on device|not enough space", re.IGNORECASE)
_CODE = re.compile(r"^Code: (\d+)")
_NOISE = re.compile(r"^Code: \d+\. |DB::Exception: |\(version [^)]*\)|, e\.(?:displayText|what)\(\) = ")
#: What a call ends with that uses a connection which was closed while nobody used it; and any other that breaks off.
_STALE = (ConnectionError, http.client.CannotSendRequest)
_BROKEN = (http.client.HTTPException, OSError)


class Refused(StoreError):
    """The server's own no, with its code."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class Client:
    """Asks one server. Calls may come from several threads; each raises `StoreError`."""

    def __init__(self, address: Address, *, answer_s: float = ANSWER_S) -> None:
        self._address = address
        self.place = f"ClickHouse at {address}"
        self._answer_s = answer_s
        self._tls: ssl.SSLContext | None = None
        self._idle: list[http.client.HTTPConnection] = []
        self._turn = threading.Lock()

    def __repr__(self) -> str:
        return f"Client({self._address})"

    def run(self, statement: str, *, database: bool = True) -> bytes:
        """What the server answers; with `database`, within ours."""
        return self._ask({}, statement.encode(), database=database)

    def insert(self, statement: str, data: bytes) -> None:
        """Insert data in the format that the statement names: all of it, or nothing."""
        self._ask({"query": statement}, zstandard.ZstdCompressor(level=1).compress(data), encoding="zstd")

    def rows(self, query: str) -> list[list[Any]]:
        """The rows of an answer: numbers, texts and arrays."""
        lines = self.run(f"{query} FORMAT JSONCompactEachRow").splitlines()
        try:
            return [msgspec.json.decode(line) for line in lines]
        except msgspec.DecodeError:
            raise StoreError(f"{self.place}: the answer is none of ClickHouse's.") from None

    def strings(self, query: str, columns: int) -> list[list[bytes]]:
        """The rows of an answer whose columns are all strings, byte by byte."""
        try:
            return list(rowbinary.rows(self.run(f"{query} FORMAT RowBinary"), columns))
        except ValueError:
            raise StoreError(f"{self.place}: the answer is none of ClickHouse's.") from None

    def close(self) -> None:
        """Let go of the connections; the next call makes another."""
        with self._turn:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _ask(self, more: dict[str, str], body: bytes, *, encoding: str = "", database: bool = True) -> bytes:
        where = self._address
        asked = {**_SETTINGS, **dict(where.settings), **({"database": where.database} if database else {}), **more}
        headers = {"X-ClickHouse-User": _header(where.user), "X-ClickHouse-Key": _header(where.password)}
        if encoding:
            headers["Content-Encoding"] = encoding
        target = "/?" + urlencode(asked)
        with self._turn:
            connection = self._idle.pop() if self._idle else None
        try:
            if connection is not None:
                try:
                    return self._answer(connection, target, body, headers)
                except _STALE:
                    pass
            return self._answer(self._connected(), target, body, headers)
        except TimeoutError:
            raise StoreError(f"{self.place} does not answer within {self._answer_s:g} s.") from None
        except _BROKEN as error:
            raise StoreError(f"{self.place} broke off: {_reason(error)}.") from None

    def _connected(self) -> http.client.HTTPConnection:
        where = self._address
        try:
            if where.secure:
                self._tls = self._tls or ssl.create_default_context(cafile=where.ca or None)
                connection = http.client.HTTPSConnection(where.host, where.port, timeout=CONNECT_S, context=self._tls)
            else:
                connection = http.client.HTTPConnection(where.host, where.port, timeout=CONNECT_S)
            connection.connect()
        except OSError as error:
            raise StoreError(f"{self.place} cannot be reached: {_reason(error)}.") from None
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sock.settimeout(self._answer_s)
        return connection

    def _answer(self, connection: http.client.HTTPConnection, target: str, body: bytes, headers: dict[str, str]) -> bytes:
        try:
            connection.request("POST", target, body, headers)
            answer = connection.getresponse()
            data = answer.read()
        except BaseException:
            connection.close()
            raise
        with self._turn:
            if answer.will_close or len(self._idle) >= _IDLE:
                connection.close()
            else:
                self._idle.append(connection)
        if answer.status != 200:
            raise self._refused(answer, data)
        return data

    def _refused(self, answer: http.client.HTTPResponse, data: bytes) -> Refused:
        said = data.decode("utf-8", "replace").strip()
        match = _CODE.match(said)
        code = int(answer.headers.get("X-ClickHouse-Exception-Code") or (match[1] if match else 0))
        meaning = _MEANINGS.get(code) or ("its disk is full" if _FULL.search(said) else "")
        if not meaning:
            told = _NOISE.sub("", said.partition("\n")[0]).strip(" .")[:_TOLD]
            meaning = told if code else f"status {answer.status} instead of an answer"
        return Refused(code, f"{self.place}: {meaning}.")


def _header(text: str) -> str:
    """A text as `http.client` sends it in UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode("latin-1")


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return "it does not speak TLS there"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[:1].lower() + error.strerror[1:]
    return type(error).__name__
