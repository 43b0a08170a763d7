"""/v1/cache: what is kept, whom it served and how it is forgotten, by who sees what."""

import asyncio

import pytest

from lockgate.core.cached import CachedAnswer
from lockgate.core.record import Match
from lockgate.core.tenancy import Tenant
from lockgate.http.admin import cache_shadow
from lockgate.stores.cache.open import open_cache
from lockgate.stores.logs.sqlite import SqliteLog
from support.admin import Admin
from support.house import KEY
from support.logged import HOUR, START, logged

SCOPES = ["cache.list", "cache.delete", "analytics.view", "logs.list"]
SPAN = "time_of_generation_min=2024-10-04T00:00:00Z&time_of_generation_max=2024-10-05T00:00:00Z"
NOW = 4_000_000_000_000_000


def keep(admin, *answers):
    """Answers, as a worker keeps them: (tenant, id, more)."""

    async def work():
        cache = open_cache("sqlite:", admin.house.data, 10**8, report=pytest.fail)
        for n, (tenant, id, more) in enumerate(answers):
            said = {"time_us": START + n, "expires_us": NOW, "provider": "openai", "model": "gpt-4o", **more}
            place = {"organisation": tenant.organisation, "workspace": tenant.workspace}
            cache.keep(id.encode(), CachedAnswer(id=id, status=200, headers=[], body=b"{}" * 9, **place, **said))
        await cache.close()

    asyncio.run(work())


def log(admin, *records):
    store = SqliteLog(admin.house.data / "log", report=pytest.fail)
    store.append(records)
    store.close()


def at(tenant, n=0, **more):
    return logged(n, organisation=tenant.organisation, workspace=tenant.workspace, **more)


@pytest.fixture
def kept(admin):
    """An answer of each of two workspaces, and of another organisation."""
    keep(admin, (admin.home, "home", {}), (admin.other, "other", {"namespace": "x"}), (admin.abroad, "abroad", {}))


def listed(admin, query="", key=KEY):
    answer = admin.get(f"/v1/cache/entries?{query}", key=key)
    assert answer.status == 200, answer
    assert answer.json["total"] == len(answer.json["data"])
    return [row["id"] for row in answer.json["data"]]


def test_an_organisation_sees_its_own_entries_and_a_workspace_its_own(admin, kept):
    inside, outside = admin.key(admin.other, SCOPES), admin.key(admin.abroad, SCOPES)
    assert listed(admin) == ["other", "home"]
    assert listed(admin, "workspace_id=default") == ["home"]
    assert listed(admin, key=inside) == ["other"]
    assert listed(admin, key=outside) == ["abroad"]
    assert listed(admin, "id=home", key=inside) == []
    assert admin.get("/v1/cache/entries?workspace_id=default", key=inside).status == 404


def test_a_workspaces_admin_purges_that_workspace_and_no_other(admin, kept):
    person = admin.person("member", [(admin.other.workspace, "admin")])
    key = admin.key(admin.other, SCOPES, kind="user", user=person.id)
    assert admin.delete("/v1/cache/entries?id=home", key=key).json["purged"] == 0
    assert admin.delete("/v1/cache/entries?all=true&workspace_id=default", key=key).status == 404
    assert admin.delete("/v1/cache/entries?all=true", key=key).json["purged"] == 1
    assert listed(admin) == ["home"]
    assert admin.delete("/v1/cache/entries?all=true").json["purged"] == 1
    assert listed(admin, key=admin.key(admin.abroad, SCOPES)) == ["abroad"]


@pytest.mark.parametrize("seat", ["member", "none"])
def test_who_only_looks_purges_nothing(admin, kept, seat):
    person = admin.person("member", [(admin.home.workspace, "member")] if seat == "member" else [])
    key = admin.key(admin.whole, SCOPES, kind="user", user=person.id)
    assert admin.delete("/v1/cache/entries?all=true", key=key).status == 403
    assert listed(admin) == ["other", "home"]


def test_a_purge_is_in_the_audit_log_and_says_what_was_meant(admin, kept):
    before = admin.store.house().revision
    assert admin.delete("/v1/cache/entries?ai_model=gpt-4o&workspace_id=default").json == {"object": "cache-purge", "purged": 1}
    entry = admin.get("/v1/audit-logs?resource_type=cache").json["records"][0]
    assert (entry["action"], entry["method"], entry["workspace_id"]) == ("delete", "DELETE", admin.home.workspace)
    assert entry["request_body"]["model"] == "gpt-4o" and entry["request_body"]["entries"] == 1
    assert admin.store.house().revision == before, "no worker compiles the world anew for it"


FILTERS = {
    "namespace=x": ["b"], "namespace=": ["d", "c", "a"], "provider=@azure": ["c"], "ai_model=gpt-5": ["d"], "id=a": ["a"],
    "created_before=2024-10-04T01:00:00Z": ["b", "a"], "created_before=2024-10-04T01:00:00%2B01:00": [], "older_than=1": list("dcba"),
    "older_than=1&created_before=2024-10-04T01:00:00Z": ["b", "a"], "older_than=1000000000": [],
}  # fmt: skip


@pytest.fixture
def four(admin):
    for id, more in {
        "a": {},
        "b": {"namespace": "x", "time_us": START + 1},
        "c": {"provider": "azure", "time_us": START + HOUR},
        "d": {"model": "gpt-5", "time_us": START + HOUR + 1},
    }.items():
        keep(admin, (admin.home, id, more))


def test_each_filter_means_the_same_to_who_lists_and_who_purges(admin, four):
    for query, meant in FILTERS.items():
        assert listed(admin, query) == meant, query
    for query, meant in FILTERS.items():
        left = set(listed(admin))
        answer = admin.delete(f"/v1/cache/entries?{query}")
        assert answer.json["purged"] == len(left & set(meant)), query
        assert set(listed(admin)) == left - set(meant), query


def test_a_purge_of_nothing_in_particular_must_say_so(admin, four):
    for query in ("", "workspace_id=default", "all=false", "all=true&id=a"):
        answer = admin.delete(f"/v1/cache/entries?{query}")
        assert (answer.status, answer.code) == (400, "which_entries"), query
    assert admin.delete("/v1/cache/entries?model=gpt-5").code == "unknown_parameter", "a name that is none purges nothing"
    assert len(listed(admin)) == 4


def test_pages_of_entries_follow_each_other(admin, four):
    pages = [admin.get(f"/v1/cache/entries?page_size=3&current_page={n}").json for n in range(3)]
    assert [[row["id"] for row in page["data"]] for page in pages] == [["d", "c", "b"], ["a"], []]
    assert {page["total"] for page in pages} == {4}


def test_what_an_entry_served_is_told_with_the_entry_and_where_it_came_from(admin):
    source = at(admin.home, cache="miss")
    hits = [at(admin.home, n, cache="hit", cached_id=source.id, saved_nusd=10**7, saved_us=5000) for n in (1, 2, 3)]
    log(admin, source, *hits, at(admin.home, 4, cache="hit", cached_id="another"))
    keep(admin, (admin.home, source.id, {}))
    found = admin.get(f"/v1/cache/entries/{source.id}/served?page_size=2").json
    assert [row["id"] for row in found["data"]] == [hits[2].id, hits[1].id]
    assert (found["entry"]["id"], found["source"]["id"]) == (source.id, source.id)
    assert {(row["cached_id"], row["saved"], row["saved_time"]) for row in found["data"]} == {(source.id, 1, 5)}
    rest = admin.get(f"/v1/cache/entries/{source.id}/served?cursor={found['next_cursor']}").json
    assert ([row["id"] for row in rest["data"]], rest["next_cursor"]) == ([hits[0].id], None)
    # Asked by a request that was given it, the answer is the same.
    assert admin.get(f"/v1/cache/entries/{hits[0].id}/served?page_size=2").json == found
    # And when it is not kept any more, whom it served is known all the same.
    admin.delete(f"/v1/cache/entries?id={source.id}")
    left = admin.get(f"/v1/cache/entries/{source.id}/served").json
    assert (left["entry"], len(left["data"])) == (None, 3)
    assert [row["id"] for row in admin.get(f"/v1/logs?cached_id={source.id}").json["data"]] == [hit.id for hit in hits[::-1]]


def test_nobody_learns_whom_anothers_entry_served(admin, kept):
    source = at(admin.home)
    log(admin, source, at(admin.home, 1, cached_id=source.id, cache="hit"))
    path = f"/v1/cache/entries/{source.id}/served"
    assert len(admin.get(path).json["data"]) == 1
    for tenant in (admin.other, admin.abroad, Tenant(admin.abroad.organisation)):
        key = admin.key(tenant, SCOPES)
        assert admin.get(path, key=key).status == admin.get("/v1/cache/entries/home/served", key=key).status == 404
    assert admin.get("/v1/cache/entries/nothing/served").status == 404


def test_the_sums_say_what_the_cache_has_saved(admin, kept):
    log(
        admin,
        *(at(admin.home, n, cache="hit", latency_us=2_000, saved_nusd=3 * 10**7) for n in range(3)),
        at(admin.home, 4, cache="semantic hit", latency_us=6_000, saved_nusd=10**7),
        at(admin.home, 5, cache="miss", latency_us=500_000),
        at(admin.home, 6, cache="refresh", latency_us=700_000),
        at(admin.home, 7, cache="miss", latency_us=60_000_000, outcome="failed", status=504),  # says nothing of answers
        at(admin.home, 8, cache="", latency_us=100, outcome="refused", status=401),
        at(admin.other, 9, cache="hit", latency_us=1_000, saved_nusd=10**7),
    )
    found = admin.get(f"/v1/cache?{SPAN}&workspace_id=default").json
    assert (found["store"], found["entries"]) == ("sqlite", 1) and found["size"] > 0
    assert [found[name] for name in ("requests", "hits", "semantic_hits", "misses", "refreshes")] == [8, 3, 1, 2, 1]
    assert found["hit_rate"] == pytest.approx(66.667)  # of what was looked up
    assert (found["saved"], found["avg_hit_latency"], found["avg_miss_latency"]) == (10, 3, 600)
    assert found["saved_time"] == 4 * (600 - 3)
    assert admin.get(f"/v1/cache?{SPAN}").json["hits"] == 4
    assert admin.get(f"/v1/cache?{SPAN}", key=admin.key(admin.other, SCOPES)).json["hits"] == 1
    assert admin.get("/v1/cache").json["hits"] == 0, "those were long ago"
    assert admin.get(f"/v1/cache?{SPAN.replace('05T', '03T')}").status == 400


def test_what_the_shadow_would_have_given_is_told_to_whose_it_is(admin, monkeypatch):
    def would(answers, alike):
        return Match("verified", "from", 0.99, 0.96, 0.9, shadow=True, answers=answers, alike=alike)

    missed = {"cache": "semantic miss", "cost_nusd": 10**7}
    other = at(admin.home, 2, match=would("other", 0.5), **missed)
    log(
        admin,
        at(admin.home, **missed),
        at(admin.home, 1, match=would("equal", 1.0), **missed),
        other,
        at(admin.other, 3, match=would("equal", 1.0), **missed),
    )
    found = admin.get(f"/v1/cache/shadow?{SPAN}&workspace_id=default").json
    (level,) = found["levels"]
    assert (found["missed"], found["whole"], level["level"], level["would_hit"], level["saved"]) == (3, True, "verified", 2, 2)
    assert [level[name] for name in ("compared", "equal", "canonical", "other", "alike")] == [2, 1, 0, 1, 0.5]
    assert level["worst"] == [{"id": other.id, "cached_id": "from", "alike": 0.5, "score": 0.99}]
    assert admin.get(f"/v1/cache/shadow?{SPAN}").json["missed"] == 4
    assert admin.get(f"/v1/cache/shadow?{SPAN}", key=admin.key(admin.other, SCOPES)).json["missed"] == 1
    assert admin.get("/v1/cache/shadow").json["levels"] == [], "those were long ago"
    monkeypatch.setattr(cache_shadow, "MOST", 2)
    newest = admin.get(f"/v1/cache/shadow?{SPAN}").json
    assert (newest["missed"], newest["whole"]) == (2, False)


def test_a_cache_in_memory_says_that_nobody_can_look(tmp_path):
    admin = Admin(tmp_path, "cache: {store: 'memory:'}")
    try:
        log(admin, at(admin.home, cache="miss"))
        found = admin.get(f"/v1/cache?{SPAN}").json
        assert (found["store"], found["entries"], found["size"], found["misses"]) == ("memory", None, None, 1)
        for method, path in (("GET", "/v1/cache/entries"), ("DELETE", "/v1/cache/entries?all=true")):
            answer = admin.ask(method, path)
            assert (answer.status, answer.code) == (409, "cache_in_memory")
    finally:
        admin.close()
