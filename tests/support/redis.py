"""A real Redis, as a process at a socket in a folder."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


class Server:
    """redis-server. It is not started yet; without one on this machine, the test is skipped."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("redis-server") is None:
            pytest.skip("there is no redis-server here")
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self._arguments = ["redis-server", "--port", "0", "--unixsocket", str(self.socket), "--save", "", "--dir", str(folder)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._arguments, stdout=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while self("PING") != b"+PONG\r\n":
            assert time.monotonic() < until, "redis-server does not start"

    def __call__(self, *words: str | int) -> bytes:
        """Say something to it; the beginning of what it answers."""
        parts = [str(word).encode() for word in words]
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(5)
                connection.connect(str(self.socket))
                connection.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
                return connection.recv(65536)
        except (FileNotFoundError, ConnectionRefusedError):
            return b""

    def signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture(scope="session")
def one_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def server(one_server: Server) -> Iterator[Server]:
    """A running, empty one, whatever the test before has done to it."""
    one_server.signal(signal.SIGCONT)
    if one_server("PING") != b"+PONG\r\n":
        one_server.kill()
        one_server.start()
    one_server("FLUSHALL")
    yield one_server
