"""`lockgate cache`: what is kept, as an operator sees and forgets it."""

import asyncio
import json

import pytest
from click.testing import CliRunner

from lockgate.cli import cli
from lockgate.control.house import House
from lockgate.core.cached import CachedAnswer
from lockgate.core.record import Match, new_id
from lockgate.http.routes import SCOPES
from lockgate.pipeline.runtime import now_us
from lockgate.stores.cache.open import open_cache
from lockgate.stores.logs.sqlite import SqliteLog
from support.logged import logged

DAY_US = 86_400_000_000


class Operator:
    def __init__(self, folder):
        self.data = folder / "lockgate-data"
        self.house = House(self.data, None, SCOPES, {})
        self.house.open()
        with self.house.control() as store:
            self.home = store.house().home

    def run(self, *arguments, status=0, given=None):
        result = CliRunner().invoke(cli, ["cache", *arguments], input=given)
        assert result.exit_code == status, result.output
        return result.output

    def keep(self, id, **more):
        async def work():
            cache = open_cache("sqlite:", self.data, 10**8, report=pytest.fail)
            now = now_us()
            said = {"time_us": now - DAY_US, "expires_us": now + DAY_US, "provider": "openai", "model": "gpt-4o", **more}
            place = {"organisation": self.home.organisation, "workspace": self.home.workspace}
            cache.keep(id.encode(), CachedAnswer(id=id, status=200, headers=[], body=b"{}", **place | said))
            await cache.close()

        asyncio.run(work())

    def log(self, *said):
        store = SqliteLog(self.data / "log", report=pytest.fail)
        now, records = now_us(), []
        for n, more in enumerate(said):
            place = {"organisation": self.home.organisation, "workspace": self.home.workspace}
            records.append(logged(**{"id": new_id(now - 1000 + n, n), "time_us": now - 1000 + n, **place, **more}))
        store.append(records)
        store.close()
        return records

    def ids(self, *arguments):
        return [json.loads(line)["id"] for line in self.run("ls", "--json", *arguments).splitlines()]


@pytest.fixture
def operator(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("LOCKGATE_DATA", "LOCKGATE_CONFIG", "LOCKGATE_ROOT_KEY", "LOCKGATE_CONTROL_URL", "LOCKGATE_ADMIN_KEY"):
        monkeypatch.delenv(name, raising=False)
    return Operator(tmp_path)


def test_the_summary_says_what_is_kept_and_saved(operator):
    operator.keep("a")
    operator.log(
        {"cache": "miss", "latency_us": 500_000},
        *({"cache": "hit", "latency_us": 2_000, "saved_nusd": 2 * 10**9} for _ in range(3)),
    )
    output = operator.run()
    assert "sqlite: 1 answers" in output and "3 hits of 4 looked up, 75.0%" in output
    assert "saved $6.000000 and 1.5 s, 2.0 ms in place of 500 ms each" in output
    told = json.loads(operator.run("--json"))
    assert (told["entries"], told["hits"], told["misses"], told["saved_nusd"], told["hit_rate"]) == (1, 3, 1, 6 * 10**9, 75)
    assert json.loads(operator.run("--json", "--since", "2020-01-01"))["hits"] == 3
    assert "neither a duration" in operator.run("--since", "soon", status=1)


def test_entries_are_listed_by_what_is_said_of_them(operator):
    operator.keep("a")
    operator.keep("b", namespace="x\x1b[2J", provider="azure", model="gpt-5", time_us=now_us() - 3 * DAY_US)
    operator.keep("c", workspace="w" * 36)
    operator.keep("elsewhere", organisation="o" * 36)
    assert (
        operator.ids("--provider", "@azure") == operator.ids("--model", "gpt-5") == operator.ids("--older-than", "2d") == ["b"]
    )
    assert sorted(operator.ids("--namespace", "")) == ["a", "c"]
    assert sorted(operator.ids()) == ["a", "b", "c"], "of one organisation"
    assert operator.ids("--workspace", "default", "--id", "a") == ["a"]
    assert operator.ids("--workspace", "w" * 36) == ["c"]
    assert operator.ids("--organisation", "o" * 36) == ["elsewhere"]
    assert "there is no workspace 'nowhere'" in operator.run("ls", "--workspace", "nowhere", status=1)
    output = operator.run("ls")
    assert "@azure/gpt-5" in output and "default" in output
    assert "\x1b" not in output, "a terminal obeys nothing that a stranger wrote"


def test_a_purge_is_asked_for_and_stands_in_the_audit_log(operator):
    for id, more in {"a": {}, "b": {"namespace": "x"}, "c": {"workspace": "w" * 36}}.items():
        operator.keep(id, **more)
    assert "say which answers" in operator.run("purge", "--yes", status=1)
    assert "say which answers" in operator.run("purge", "--yes", "--all", "--id", "a", status=1)
    operator.run("purge", "--namespace", "x", status=1, given="n\n")
    assert len(operator.ids()) == 3
    assert "Forgotten: 1." in operator.run("purge", "--namespace", "x", given="y\n")
    assert "nothing of that kind" in operator.run("purge", "--namespace", "x", "--yes")
    assert "Forgotten: 1." in operator.run("purge", "--workspace", "w" * 36, "--yes")
    assert operator.ids() == ["a"]
    assert "Forgotten: 1." in operator.run("purge", "--all", "--yes")
    audit = CliRunner().invoke(cli, ["audit", "list", "--json"])
    entries = [line for line in map(json.loads, audit.output.splitlines()) if line["resource_type"] == "cache"]
    assert sorted(entry["detail"].get("namespace", "") for entry in entries) == ["", "", "x"]
    assert {entry["action"] for entry in entries} == {"delete"}


def test_whom_an_answer_served_is_found_from_either_end(operator):
    (source,) = operator.log({"cache": "miss"})
    hits = operator.log(*({"cache": "hit", "cached_id": source.id} for _ in range(2)))
    for id in (source.id, hits[0].id):
        output = operator.run("served", id)
        assert [each.id in output for each in (source, *hits)] == [True] * 3
        assert [json.loads(line)["id"] for line in operator.run("served", "--json", id).splitlines()] == [
            hits[1].id,
            hits[0].id,
        ]
    assert "no answer" in operator.run("served", "nothing", status=1)


def test_a_cache_in_memory_is_nobodys_to_look_into(operator, tmp_path):
    (tmp_path / "lockgate.yaml").write_text("cache: {store: 'memory:'}")
    assert "in the memory of each worker" in operator.run()
    for command in (("ls",), ("purge", "--all", "--yes")):
        assert "in the memory of each worker" in operator.run(*command, status=1)


def test_what_a_cache_in_the_shadow_would_have_given_is_summed_up(operator):
    shadowed = Match("verified", "one", 0.99, 0.96, 0.9, shadow=True, answers="other", alike=0.5)
    operator.log({"cache": "semantic miss"}, {"cache": "semantic miss", "match": shadowed, "cost_nusd": 2_000_000})
    said = operator.run("shadow")
    assert "2 requests were looked up and not found" in said
    assert "verified: 1 (50.0%) would have been given, for $0.002000" in said
    assert "of 1 compared: 0 equal, 0 but for spelling, 1 otherwise, with a cosine of 0.50" in said
    assert "answered otherwise than  one  0.50" in said
    assert json.loads(operator.run("shadow", "--json"))["levels"][0]["would_hit"] == 1
