"""A real Redis for those who ask for it."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from support.redis import Server


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
