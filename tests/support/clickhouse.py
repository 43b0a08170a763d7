"""ClickHouse for the tests: its engine behind the HTTP interface, in a process of its own (`support.clickhouse_front`)."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from urllib.parse import quote

import pytest

USER, PASSWORD = "lock", "s3cret: word@"
_numbers = itertools.count()


class Server:
    """One server, on a port of its own, with its data in a folder: it can be killed and started again."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="clickhouse")
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    def start(self) -> None:
        front = Path(__file__).with_name("clickhouse_front.py")
        command = [sys.executable, str(front), str(self.port), self._folder.name, USER, PASSWORD]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self._process.stdout.readline())

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process.stdin.close()
            self._process.stdout.close()
            self._process = None

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def remove(self) -> None:
        self.kill()
        self._folder.cleanup()

    def url(self, database: str) -> str:
        return f"clickhouse://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{self.port}/{quote(database)}?compile_expressions=0&compile_aggregate_expressions=0"


@cache
def server() -> Server:
    """The server of this test process: started when a test first asks, removed when the session ends (`tests/conftest.py`)."""
    pytest.importorskip("chdb")
    server = Server()
    server.start()
    return server


def stop() -> None:
    """Stop the server, if there is one, and remove its data."""
    if server.cache_info().currsize:
        server().remove()
        server.cache_clear()


def new_database() -> str:
    """The URL of a database that is not there yet."""
    return server().url(f"logs {next(_numbers)}")
