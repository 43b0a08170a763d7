"""How the cache's Redis or Valkey is reached, by the loop and by threads, and what it is called where its password is not to be
seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redis import Redis
from redis.asyncio.connection import ConnectionPool, parse_url
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.connection import ConnectionPool as ThreadPool
from redis.connection import parse_url as parse_thread_url
from redis.exceptions import ConnectionError as Disconnected
from redis.retry import Retry

from lockgate.stores.ports import StoreError


def connections(url: str, timeout_s: float) -> ConnectionPool:
    """What makes connections for the loop; each wait on one ends after so many seconds. Raises `StoreError` for a URL that is
    none."""
    try:
        return ConnectionPool(**{**parse_url(url), **_options(timeout_s), "retry": AsyncRetry(NoBackoff(), 0)})
    except (ValueError, TypeError):  # whose words may show the password
        raise StoreError("The URL of the cache cannot be read: redis://USER:PASSWORD@HOST:PORT/DATABASE.") from None


def client(url: str, timeout_s: float) -> Redis:
    """A client for a thread, likewise. A connection that the server has closed meanwhile is replaced, once."""
    once = Retry(NoBackoff(), 1, supported_errors=(Disconnected,))
    return Redis.from_pool(ThreadPool(**{**parse_thread_url(url), **_options(timeout_s), "retry": once}))


def _options(timeout_s: float) -> dict[str, Any]:
    """What a URL cannot change."""
    return {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s, "protocol": 2, "decode_responses": False}


def shown(options: Mapping[str, Any]) -> str:
    """Where the server is."""
    if "path" in options:
        return f"Redis at {options['path']}"
    return f"Redis at {options.get('host', 'localhost')}:{options.get('port', 6379)}"


def sentence(error: Exception) -> str:
    """What went wrong, in words."""
    return str(error).strip().rstrip(".") or type(error).__name__
