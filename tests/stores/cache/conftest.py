"""Caches of every kind, each empty, and one loop for a test."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from lockgate.stores.cache import lanes
from lockgate.stores.cache.open import open_cache, open_shelf
from support.answers import MOST
from support.postgres import new_database


@pytest.fixture
def said():
    """What was reported."""
    return []


@pytest.fixture
def run():
    """Runs a coroutine in the test's loop, which goes on between two of them."""
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture
def patient(monkeypatch):
    """The machine that runs the tests may be slow; that a server hangs is another test."""
    monkeypatch.setattr(lanes, "TICK_S", 0.1)


@pytest.fixture
def opened(run, said, tmp_path):
    """Opens caches, which are closed at the end."""
    with contextlib.ExitStack() as closing:

        def opened(url, most_bytes=MOST):
            cache = open_cache(url, tmp_path, most_bytes, report=said.append)
            closing.callback(lambda: run(cache.close()))
            return cache

        yield opened


@pytest.fixture
def url_of(request):
    """The URL of an empty store of a kind."""

    def url_of(kind):
        if kind == "redis":
            return request.getfixturevalue("server").url
        return new_database() if kind == "postgres" else f"{kind}:"

    return url_of


@pytest.fixture(params=["sqlite", "redis", "postgres"])
def shared(request, url_of):
    """The URL of a store that others see too."""
    return url_of(request.param)


@pytest.fixture
def shelf(shared, tmp_path):
    return open_shelf(shared, tmp_path)
