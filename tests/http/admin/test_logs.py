"""/v1/logs, /v1/traces, /v1/feedback and /v1/analytics: who sees what, and how it is asked for."""

import asyncio
import json
from urllib.parse import quote, urlencode

import pytest

from lockgate.core.tenancy import Tenant
from lockgate.http.admin.log_query import LogQuery
from lockgate.http.admin.log_tail import watch
from lockgate.stores.feedback import FeedbackIngest
from lockgate.stores.logs.sqlite import SqliteLog
from support.admin import Admin
from support.house import KEY, records
from support.logged import MINUTE, logged

SCOPES = ["logs.view", "logs.list", "logs.write", "logs.export", "analytics.view"]
SPAN = "time_of_generation_min=2024-10-04T00:00:00Z&time_of_generation_max=2024-10-04T01:00:00Z"


@pytest.fixture
def log(admin):
    """Keeps records, at home unless they say otherwise."""
    store = SqliteLog(admin.house.data / "log", report=pytest.fail)

    def keep(*said):
        for record in said:
            if record.organisation == "org":
                record.organisation, record.workspace = admin.home.organisation, admin.home.workspace
        store.append(said)
        return said[0]

    keep.store = store
    yield keep
    store.close()


def at(admin, tenant, *said):
    """The records, of another tenant."""
    for record in said:
        record.organisation, record.workspace = tenant.organisation, tenant.workspace
    return said


def listed(admin, query="", key=KEY):
    answer = admin.get(f"/v1/logs?{query}", key=key)
    assert answer.status == 200, answer
    return [row["id"] for row in answer.json["data"]]


@pytest.fixture
def three(admin, log):
    """A record of the home workspace, of another one, and of another organisation: all of trace t."""
    home = log(logged(1, trace_id="t", cost_nusd=10**7, tokens=(1, 1)))
    (other,), (abroad,) = at(admin, admin.other, logged(2, trace_id="t")), at(admin, admin.abroad, logged(3, trace_id="t"))
    log.store.append([other, abroad])
    return home, other, abroad


def test_the_organisation_sees_all_of_its_own_and_a_workspace_its_own(admin, three):
    home, other, abroad = (record.id for record in three)
    inside, outside = admin.key(admin.other, SCOPES), admin.key(admin.abroad, SCOPES)
    assert listed(admin) == [other, home]
    assert listed(admin, "workspace_id=other") == listed(admin, "workspace_slug=other") == [other]
    assert listed(admin, key=inside) == [other] and listed(admin, key=outside) == [abroad]
    assert admin.get("/v1/logs?workspace_id=default", key=inside).status == 404
    for key, mine, others in (
        (KEY, (home, other), (abroad,)),
        (inside, (other,), (home, abroad)),
        (outside, (abroad,), (home, other)),
    ):
        assert {admin.get(f"/v1/logs/{id}", key=key).status for id in mine} == {200}
        assert {admin.get(f"/v1/logs/{id}", key=key).status for id in others} == {404}


def test_a_trace_has_the_spans_that_the_caller_may_see(admin, three):
    def spans(key):
        return [span["log"]["id"] for span in admin.get("/v1/traces/t", key=key).json["spans"]]

    home, other, abroad = (record.id for record in three)
    assert spans(KEY) == [home, other]
    assert spans(admin.key(admin.other, SCOPES)) == [other]
    assert spans(admin.key(admin.abroad, SCOPES)) == [abroad]
    assert admin.get("/v1/traces/nothing").status == 404


def traces(admin, query="", key=KEY):
    answer = admin.get(f"/v1/traces?{query}", key=key)
    assert answer.status == 200, answer
    return answer.json


def test_traces_are_listed_with_their_sums_of_what_the_caller_may_see(admin, three, log):
    log(logged(5, trace_id="alone"))
    alone, t = traces(admin)["data"]
    assert (alone["trace_id"], alone["span_count"]) == ("alone", 1)
    assert (t["trace_id"], t["span_count"], t["input_tokens"], t["cost"]) == (
        "t",
        2,
        1,
        1,
    )
    assert [row["trace_id"] for row in traces(admin, "span_count_min=2")["data"]] == ["t"]
    assert traces(admin, key=admin.key(admin.other, SCOPES))["data"][0]["span_count"] == 1
    assert traces(admin, key=admin.key(admin.abroad, SCOPES))["data"][0]["span_count"] == 1
    assert traces(admin, "trace_id=nothing") == {"object": "list", "data": [], "next_cursor": None}


def test_a_trace_is_on_one_page_even_if_its_requests_are_far_apart(admin, log):
    for n in range(7):
        log(logged(n, trace_id=f"t{n % 3}"))
    seen, cursor = [], ""
    for _ in range(10):
        page = traces(admin, f"page_size=1&cursor={cursor}")
        seen += [(row["trace_id"], row["span_count"]) for row in page["data"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == [("t0", 3), ("t2", 2), ("t1", 2)]


def test_a_trace_of_which_one_request_is_meant_is_told_with_all_of_them(admin, log):
    log(logged(1, trace_id="t", outcome="failed"))
    log(logged(2, trace_id="t"))
    log(logged(3, trace_id="good"))
    (row,) = traces(admin, "outcome=failed")["data"]
    assert (row["trace_id"], row["span_count"], row["error_count"]) == ("t", 2, 1)


def test_analytics_are_of_what_the_caller_may_see(admin, three):
    def count(key, more=""):
        return admin.get(f"/v1/analytics/graphs/requests?{SPAN}{more}", key=key).json["summary"]["total"]

    assert (count(KEY), count(admin.key(admin.other, SCOPES)), count(admin.key(admin.abroad, SCOPES))) == (2, 1, 1)
    assert count(KEY, "&workspace_slug=other") == 1
    rows = admin.get(f"/v1/analytics/groups/workspaces?{SPAN}").json["data"]
    assert {row["workspace"] for row in rows} == {admin.home.workspace, admin.other.workspace}


def test_a_person_without_a_place_sees_nothing(admin, three):
    person = admin.person("member", [(admin.other.workspace, "member")])
    key = admin.key(admin.whole, SCOPES, kind="user", user=person.id)
    assert listed(admin, key=key) == [three[1].id]
    assert admin.get("/v1/logs?workspace_id=default", key=key).status == 404


def test_pages_follow_each_other_without_a_gap(admin, log):
    made = [log(logged(n)).id for n in range(7)]
    seen, cursor = [], ""
    for _ in range(10):
        page = admin.get(f"/v1/logs?page_size=3&cursor={cursor}").json
        seen += [row["id"] for row in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == made[::-1]


FILTERS = [
    "status_code=404", "status_code=4xx", "status_code=400-499,200-201&outcome=failed", "cost_min=2", "cost_min=2&cost_max=3",
    "total_units_min=100", "prompt_token_min=90", "completion_token_max=11&completion_token_min=10", "latency_min=5000",
    "virtual_keys=@azure", "provider=azure", "ai_org_model=azure__gpt-5", "model=gpt-5", "model=gpt-5*,x", "configs=pc-x",
    "api_key_ids=key-9", "user=u1", "outcome=failed,broken", "operation=embed", "error_code=e1", "cache_status=HIT",
    "trace_id=abc", "span_id=s1", "prompt_slug=p1", f"metadata={quote(json.dumps({'team': 'a', 'n': 3}))}", "text=fox%20QUICK",
    "time_of_generation_min=2024-10-04T00:05:00Z", "time_of_generation_min=2024-10-04T02:05:00%2B02:00",
    "time_of_generation_min=2024-10-04T02:05:00+02:00", "time_to_first_token_min=50",
]  # fmt: skip


@pytest.mark.parametrize("query", FILTERS)
def test_each_filter_finds_what_is_meant_and_nothing_else(admin, log, query):
    log(logged(1, tokens=(1, 1), cost_nusd=1))
    meant = log(
        logged(
            6 * MINUTE, status=404, outcome="failed", tokens=(90, 10), cost_nusd=25 * 10**6, latency_us=6_000_000, provider="azure",
            model_asked="gpt-5", model_sent="gpt-5", model_served="gpt-5", route="pc-x", key_id="key-9", user="u1",
            operation="embed", error_code="e1", cache="hit", trace_id="abc", span_id="s1", ttft_us=60_000, request=b'"the quick fox"',
            metadata={"_prompt": "p1", "team": "a", "n": "3"},
        )
    )  # fmt: skip
    assert listed(admin, query) == [meant.id]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("status_code=9", "status_code"),
        ("ai_org_model=gpt-4o", "ai_org_model"),
        ("metadata=[1]", "metadata"),
        ("metadata={", "metadata"),
        ("cost_min=-1", "cost_min"),
        ("weighted_feedback_min=11", "weighted_feedback_min"),
        ("cursor=!!", "cursor"),
        ("cursor=e30", "cursor"),
        ("page_size=0", "page_size"),
        ("page_size=201", "page_size"),
        ("time_of_generation_min=yesterday", "time_of_generation_min"),
        ("moon=1", "moon"),
        ("user=" + ",".join(map(str, range(101))), "user"),
    ],
)
def test_a_filter_that_is_none_is_refused_by_its_name(admin, query, param):
    answer = admin.get(f"/v1/logs?{query}")
    assert (answer.status, answer.param) == (400, param)


def test_analytics_need_a_span(admin):
    answer = admin.get("/v1/analytics/graphs/cost")
    assert answer.status == 400 and "time_of_generation_min" in answer.message
    assert admin.get(f"/v1/analytics/groups/moon?{SPAN}").status == 404
    assert admin.get(f"/v1/analytics/groups/users?{SPAN}&order_by=age").param == "order_by"


def test_a_record_shows_all_bodies_decisions_attempts_and_what_was_said(admin, log):
    record = log(
        logged(1, trace_id="t9", request=b'{"a":1}', response=b"plain", sent=b'{"b":2}', received=b'{"c":3}', tokens=(1000, 10))
    )
    kept = admin.post("/v1/feedback", {"trace_id": "t9", "value": 3, "weight": 0.25, "metadata": {"why": "x"}})
    shown = admin.get(f"/v1/logs/{record.id}").json
    assert (shown["request"], shown["response"], shown["transformed_request"], shown["upstream_response"]) == (
        {"a": 1},
        "plain",
        {"b": 2},
        {"c": 3},
    )
    (said,) = shown["feedback"]
    assert (said["id"], said["value"], said["weight"], said["metadata"]) == (
        kept.json["feedback_ids"][0],
        3,
        0.25,
        {"why": "x"},
    )


def test_what_is_posted_is_redacted_and_belongs_to_whoever_posts_it(admin):
    key = admin.key(admin.other, ["logs.write"])
    body = {"request": {"body": {"text": "sk-ant-of-the-environment"}}, "response": {"body": {}}, "metadata": {"team": "a"}}
    made = admin.post("/v1/logs", [body, body], key=key)
    assert (made.status, len(made.json["log_ids"])) == (200, 2)
    for record, id in zip(records(admin.house.data.parent), made.json["log_ids"], strict=True):
        assert (record.id, record.organisation, record.workspace) == (id, admin.other.organisation, admin.other.workspace)
        assert b"sk-ant" not in record.request and record.source == "posted"
    assert admin.get(f"/v1/logs/{made.json['log_ids'][0]}", key=admin.key(admin.abroad, SCOPES)).status == 404


@pytest.mark.parametrize(("capture", "bodies", "kept"), [("metadata", False, True), ("off", False, False)])
def test_what_nobody_may_keep_is_not_kept_because_it_is_posted(tmp_path, capture, bodies, kept):
    admin = Admin(tmp_path, f"log: {{capture: '{capture}'}}")
    admin.post("/v1/logs", {"request": {"body": {"text": "secret"}}, "response": {}, "metadata": {"team": "a"}})
    (record,) = records(tmp_path)
    admin.close()
    assert (bool(record.request), not record.unkept, bool(record.metadata)) == (bodies, kept, kept)


@pytest.mark.parametrize("body", [[], {}, [{"request": {}}], {"request": {}, "response": {"status": "bad"}}, b"[1]", b"{"])
def test_what_is_no_record_is_refused(admin, body):
    assert admin.post("/v1/logs", body).status == 400


def test_the_entry_at_fault_is_named_and_nothing_of_the_others_is_kept(admin):
    good = {"request": {}, "response": {}}
    answer = admin.post("/v1/logs", [good, {**good, "metadata": {"x": "y" * 200}}])
    assert (answer.status, answer.param) == (400, "[1].metadata")
    assert records(admin.house.data.parent) == []


def test_a_large_record_may_be_posted_and_a_larger_one_not(admin):
    body = {"request": {"body": "x" * 2_000_000}, "response": {}}
    assert admin.post("/v1/logs", body).status == 200
    assert admin.post("/v1/logs", b" " * (16 * 1024 * 1024 + 1)).status == 413


def test_feedback_is_changed_by_those_of_its_place_alone(admin):
    made = admin.post("/v1/feedback?workspace_id=other", [{"trace_id": "a/b?c", "value": 1}, {"trace_id": "é", "value": 2}])
    first, second = made.json["feedback_ids"]
    for id in (first, second):
        assert admin.put(f"/v1/feedback/{id}", {"value": 9}, key=admin.key(admin.abroad, ["admin"])).status == 404
        assert admin.put(f"/v1/feedback/{id}", {"value": 9}, key=admin.key(admin.home, SCOPES)).status == 404
        assert admin.put(f"/v1/feedback/{id}", {"weight": 0.5}, key=admin.key(admin.other, SCOPES)).status == 200
    store = SqliteLog(admin.house.data / "log", report=pytest.fail)
    ingest = FeedbackIngest(admin.house.data / "feedback", store, report=pytest.fail)
    ingest.step()
    assert [(each.value, each.weight) for each in store.feedback(["a/b?c", "é"])] == [(1, 500), (2, 500)]
    ingest.close(), store.close()


@pytest.mark.parametrize("id", ["x", "x.!!", "x.YQ", "..", "%00"])
def test_an_id_that_nobody_gave_changes_nothing(admin, id):
    assert admin.put(f"/v1/feedback/{id}", {"value": 1}).status == 404


@pytest.mark.parametrize(
    "body",
    [
        {"trace_id": "t"},
        {"trace_id": "", "value": 1},
        {"trace_id": "t", "value": 1.5},
        {"trace_id": "t", "value": -11},
        {"trace_id": "t", "value": 1, "weight": -0.1},
        {"trace_id": "t", "value": 1, "metadata": {"x": "y" * 2000}},
        {"trace_id": "t", "value": 1, "moon": 1},
        [],
    ],
)
def test_feedback_that_cannot_be_is_refused(admin, body):
    assert admin.post("/v1/feedback", body).status == 400


def test_a_key_of_an_application_may_say_something_and_see_nothing(admin):
    key = admin.key(admin.home, ["completions.write"])
    assert admin.post("/v1/feedback", {"trace_id": "t", "value": 1}, key=key).status == 200
    for path in ("/v1/logs", "/v1/traces/t", f"/v1/analytics/graphs/cost?{SPAN}", "/v1/logs/exports", "/v1/logs/tail"):
        assert admin.get(path, key=key).code == "scope_missing"
    assert admin.post("/v1/logs", {"request": {}, "response": {}}, key=key).code == "scope_missing"


def test_too_many_questions_are_refused_and_hold_up_nothing_else(admin, monkeypatch):
    admin.get("/v1/logs")
    insight = next(close.__self__ for close in admin.office.beside)
    monkeypatch.setattr(insight.readers, "_most", 0)
    assert admin.get("/v1/logs").code == "busy"
    assert admin.get("/v1/configs").status == 200


def test_the_tail_is_of_what_the_caller_may_see(admin):
    admin.get("/v1/logs")
    insight = next(close.__self__ for close in admin.office.beside)
    insight.tails._look_s = 0

    class Ask:
        tenant, office = Tenant(admin.home.organisation, admin.home.workspace), admin.office

    Ask.insight = insight
    posts = [admin.key(admin.home, ["logs.write"]), admin.key(admin.other, ["logs.write"])]

    async def see():
        events = watch(Ask, LogQuery()).body_iterator
        begun = [await anext(events)]
        reading = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0.05)  # the first look, after which whatever is completed is seen
        for key in posts[::-1]:
            await admin._ask("POST", "/v1/logs", {"request": {}, "response": {}, "metadata": {"k": "v"}}, key, (), None)
        event = await asyncio.wait_for(reading, 10)
        while event.startswith(b":"):  # still here
            event = await asyncio.wait_for(anext(events), 10)
        begun.append(event)
        await events.aclose()
        return begun

    first, event = asyncio.run(see())
    assert first == b"retry: 1000\n\n"
    id, kind, data = event.decode().strip().split("\n")
    row = json.loads(data.removeprefix("data: "))
    assert (kind, id) == ("event: log", f"id: {row['id']}") and row["workspace_id"] == admin.home.workspace


def test_urls_of_analytics_are_those_of_the_sdk(admin):
    query = urlencode(
        {"time_of_generation_min": "2024-10-04T00:00:00+00:00", "time_of_generation_max": "2024-10-05T00:00:00+00:00"}
    )
    for path in ("graphs/requests", "graphs/errors/status-codes", "groups/users", "groups/metadata/team", "summary/cache"):
        assert admin.get(f"/v1/analytics/{path}?{query}").status == 200
