"""`lockgate cache`."""

import asyncio
import json

import pytest
from click.testing import CliRunner

from lockgate.cli import cli
from lockgate.core.cached import CachedAnswer
from lockgate.stores.cache.open import NAME
from lockgate.stores.cache.sqlite import SqliteCache

NOW = 1_800_000_000_000_000


@pytest.fixture
def data(tmp_path):
    """Three answers: two of one model, one of a namespace."""
    cache = SqliteCache(tmp_path / NAME, 1 << 20, report=pytest.fail)
    for n in range(3):
        model, namespace = f"m{n // 2}", "mine" if n == 1 else ""
        cache.keep(b"%d" % n, CachedAnswer(f"id-{n}", NOW + n, NOW * 2, 200, [], b"x" * 90, "o", "w", namespace, "up", model))
    asyncio.run(cache.close())
    return tmp_path


def run(data, *arguments):
    return CliRunner().invoke(cli, ["cache", *arguments, "--data", str(data)])


def test_what_is_kept_is_listed_newest_first(data):
    told = run(data, "ls").output
    assert [line.split()[-1] for line in told.splitlines()[1:-1]] == ["id-2", "id-1", "id-0"]
    assert told.splitlines()[-1].startswith("3 answers, ")
    assert [each["id"] for each in json.loads(run(data, "ls", "--model", "m0", "--json").output)] == ["id-1", "id-0"]


def test_what_is_meant_is_forgotten_and_nothing_else(data):
    assert run(data, "purge", "--id", "id-0").output == "1 answers forgotten\n"
    assert run(data, "purge", "--namespace", "").output == "1 answers forgotten\n"
    assert [each["id"] for each in json.loads(run(data, "ls", "--json").output)] == ["id-1"]
    assert run(data, "purge", "--all").output == "1 answers forgotten\n"


def test_nothing_is_forgotten_by_mistake(data):
    told = run(data, "purge")
    assert told.exit_code == 1
    assert "say which answers" in told.output
    assert len(json.loads(run(data, "ls", "--json").output)) == 3


def test_where_nothing_is_kept_it_is_said(tmp_path):
    told = run(tmp_path, "ls")
    assert told.exit_code == 1
    assert "no answers are kept" in told.output
