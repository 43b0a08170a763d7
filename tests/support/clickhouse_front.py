"""ClickHouse's engine, as `chdb` has it, behind ClickHouse's HTTP interface: `clickhouse_front.py PORT FOLDER USER PASSWORD`.

It speaks as much of https://clickhouse.com/docs/interfaces/http as a client of ours needs: POST with the statement in the body, or
in the URL and the data in the body (which may be compressed with Zstandard); databases, users, settings, and errors with their
code. It prints the port once it listens, and ends when its standard input does: when whoever started it is gone.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qsl, urlsplit

import zstandard
from chdb.session import Session

_FORMAT = re.compile(r"\sFORMAT (\w+)$")
#: What is asked of HTTP, and is none of the engine's settings.
_OF_HTTP = ("query", "wait_end_of_query")
_STATUS = {516: 403, 81: 404, 60: 404}


class Front(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    session: ClassVar[Session]
    folder: ClassVar[Path]
    who: ClassVar[tuple[str, str]]
    turn: ClassVar[threading.Lock] = threading.Lock()  # one call at a time, as the engine does it
    now: ClassVar[dict[str, str]] = {}  # the settings and the database of the call before

    def do_POST(self) -> None:
        asked = {"database": "default", **dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))}
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "zstd":
            body = zstandard.ZstdDecompressor().decompressobj().decompress(body)
        if (
            tuple(self.headers.get(f"X-ClickHouse-{name}", "").encode("latin-1").decode() for name in ("User", "Key"))
            != self.who
        ):
            self._refuse(
                "Code: 516. DB::Exception: lock: Authentication failed: password is incorrect. (AUTHENTICATION_FAILED)"
            )
            return
        try:
            with self.turn:
                data = self._run(asked, body)
        except Exception as error:
            self._refuse(str(error))
        else:
            self._answer(200, data)

    def _run(self, asked: dict[str, str], body: bytes) -> bytes:
        for name, value in asked.items():
            if name not in _OF_HTTP and self.now.get(name) != value:
                self.session.query(f"USE `{value}`" if name == "database" else f"SET {name} = '{value}'")
                self.now[name] = value
        if "query" not in asked:
            statement = body.decode()
            form = _FORMAT.search(statement)
            return self.session.query(_FORMAT.sub("", statement), form[1] if form else "TSV").bytes()
        with tempfile.NamedTemporaryFile(dir=self.folder) as file:
            file.write(body)
            file.flush()
            return self.session.query(asked["query"].replace(" FORMAT ", f" FROM INFILE '{file.name}' FORMAT ")).bytes()

    def _refuse(self, said: str) -> None:
        code = int(found[1]) if (found := re.search(r"Code: (\d+)", said)) else 1002
        self._answer(_STATUS.get(code, 500), (said[said.find("Code:") :] + "\n").encode(), code)

    def _answer(self, status: int, data: bytes, code: int = 0) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-ClickHouse-Exception-Code", str(code))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    Front.session, Front.folder, Front.who = Session(str(folder / "data")), folder, (sys.argv[3], sys.argv[4])
    Front.session.query("SET fsync_metadata = 0")  # what it keeps need not outlive the machine
    server = ThreadingHTTPServer(("127.0.0.1", port), Front)
    server.daemon_threads = True
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    print(server.server_port, flush=True)
    server.serve_forever()
