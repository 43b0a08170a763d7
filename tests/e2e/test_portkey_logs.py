"""Portkey's SDK, unmodified, reads and writes what a real gateway has recorded: logs, feedback, analytics, exports."""

import json
import threading
from datetime import UTC, datetime, timedelta

import httpx
import portkey_ai
import pytest
from portkey_ai.api_resources.apis.logger import Logger

from support.house import KEY
from support.process import Gateway, until

FILE = """
keys:
  - {name: app, key: "${APP_KEY}", scopes: [completions.write]}
prices:
  sim/chat: {input: 1000, output: 1000}
"""
APP = "app-key-0123456789-abcdefgh"
ASK = [{"role": "user", "content": "Say pong."}]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    gateway = Gateway(tmp_path_factory.mktemp("logs"), FILE, "--workers", "2", APP_KEY=APP).ready()
    yield gateway
    gateway.stop()


@pytest.fixture(scope="module")
def http(gateway):
    with httpx.Client(base_url=gateway.url + "/v1", headers={"x-portkey-api-key": KEY}) as client:
        yield client


@pytest.fixture
def portkey(gateway, http):
    return lambda key=KEY, **more: portkey_ai.Portkey(base_url=gateway.url + "/v1", api_key=key, http_client=http, **more)


def asked(portkey, trace, **metadata):
    """A request of a trace."""
    client = portkey(trace_id=trace, metadata=metadata)
    client.chat.completions.create(model="@sim/chat", messages=ASK)


def span():
    now = datetime.now(UTC)
    return {
        "time_of_generation_min": (now - timedelta(hours=1)).isoformat(),
        "time_of_generation_max": (now + timedelta(minutes=1)).isoformat(),
    }


def found(http, trace):
    return http.get("/logs", params={"trace_id": trace}).json()["data"]


def test_a_request_is_found_at_once_and_shows_all_there_is(portkey, http):
    asked(portkey, "trace-one", team="a")
    (row,) = found(http, "trace-one")  # from the spool, if it is not in the log yet
    assert (row["ai_model"], row["provider"], row["status_code"], row["metadata"]) == ("chat", "sim", 200, {"team": "a"})
    until(lambda: http.get("/logs", params={"trace_id": "trace-one", "include_total": "true"}).json()["total"] == 1)
    detail = http.get(f"/logs/{row['id']}").json()
    assert detail["request"]["messages"] == ASK and detail["response"]["choices"][0]["message"]["content"]
    cost = detail["cost_arithmetic"]
    assert cost["total"] == detail["cost"] == sum(line["amount"] for line in cost["lines"]) and cost["is_exact"]
    assert cost["lines"][0]["price"] * cost["lines"][0]["units"] / cost["lines"][0]["per"] * 100 == cost["lines"][0]["amount"]


def test_feedback_is_given_changed_and_counted(portkey, http):
    asked(portkey, "trace-two")
    app = portkey(APP)
    made = app.feedback.create(trace_id="trace-two", value=5, weight=0.5, metadata={"why": "nice"})
    assert (made.status, len(made.feedback_ids)) == ("success", 1)
    changed = app.feedback.update(feedback_id=made.feedback_ids[0], value=-3)
    assert changed.feedback_ids == made.feedback_ids
    more = app.feedback.bulk_create(feedbacks=[{"trace_id": "trace-two", "value": 10}, {"trace_id": "trace-two", "value": 1}])
    assert len(more.feedback_ids) == 2
    (row,) = found(http, "trace-two")
    said = http.get(f"/logs/{row['id']}").json()["feedback"]
    assert sorted((each["value"], each["weight"]) for each in said) == [(-3, 0.5), (1, 1), (10, 1)]
    until(lambda: portkey().analytics.graphs.feedbacks(**span()).summary["total"] == 3)
    scores = portkey().analytics.graphs.feedbacks_scores(**span())
    assert [(point["score"], point["total"]) for point in scores.data_points] == [(-3, 1), (1, 1), (10, 1)]
    assert portkey().analytics.graphs.feedbacks_weighted(**span()).summary["avg"] == pytest.approx(9.5 / 3, abs=0.001)
    assert portkey().analytics.graphs.feedbacks_ai_models(**span()).data_points[0]["ai_model"] == "chat"
    until(lambda: len(http.get("/logs", params={"weighted_feedback_min": "1"}).json()["data"]) == 1)


def test_feedback_that_cannot_be_is_refused(portkey):
    for call in (
        lambda: portkey().feedback.create(trace_id="x", value=11),
        lambda: portkey().feedback.create(trace_id="x", value=1, weight=2),
        lambda: portkey().feedback.create(value=1),
    ):
        with pytest.raises(Exception, match=r"value|weight|trace_id") as raised:
            call()
        assert raised.value.status_code == 400
    with pytest.raises(Exception, match="no feedback") as raised:
        portkey().feedback.update(feedback_id="nothing", value=1)
    assert raised.value.status_code == 404


def test_logs_are_posted_by_the_sdk_and_by_its_logger(portkey, http, gateway):
    request = {"url": "https://api.openai.com/v1/chat/completions", "provider": "openai", "body": {"model": "gpt-4o"}}
    answer = {
        "model": "gpt-4o",
        "choices": [],
        "usage": {"prompt_tokens": 1_000_000, "completion_tokens": 0, "total_tokens": 1_000_000},
    }
    kept = portkey().logs.create(
        request=request,
        response={"status": 200, "body": answer, "response_time": 1500},
        metadata={"trace_id": "posted", "span_id": "1", "span_name": "root", "team": "a"},
    )
    assert kept.json()["status"] == "success"
    logger = Logger(api_key=KEY, base_url=gateway.url + "/v1")
    entry = {
        "request": {"method": "POST", "body": {"tool": "search"}},
        "response": {"status": 500, "body": {}, "response_time": "0120"},
        "metadata": {"traceId": "posted", "spanId": 2, "parentSpanId": "1", "spanName": "tool"},
    }
    assert logger.log([entry]).status_code == 200
    (root,) = http.get("/traces/posted").json()["spans"]
    assert (root["log"]["source"], root["log"]["latency"], root["log"]["cost"]) == ("posted", 1500, 250)
    (child,) = root["children"]
    assert (child["log"]["span_name"], child["log"]["latency"], child["log"]["is_success"]) == ("tool", 120, False)


GRAPHS = [
    "requests", "cost", "latency", "tokens", "users", "users_requests", "errors", "errors_rate", "errors_stacks",
    "errors_status_codes", "requests_rescued", "cache_hit_rate", "cache_latency", "feedbacks", "feedbacks_scores",
    "feedbacks_weighted", "feedbacks_ai_models",
]  # fmt: skip


@pytest.mark.parametrize("name", GRAPHS)
def test_every_graph_of_the_sdk_is_drawn(portkey, name):
    graph = getattr(portkey().analytics.graphs, name)(**span(), status_code="200", ai_org_model="sim__chat", cost_min=0)
    assert graph.object == "analytics-graph"
    assert isinstance(graph.summary, dict) and isinstance(graph.data_points, list)


def test_what_was_asked_is_counted_grouped_and_summed(portkey, http):
    asked(portkey, "trace-three", _user="ann", team="b")
    until(lambda: portkey().analytics.groups.users(**span()).data)
    analytics = portkey().analytics
    (row,) = analytics.groups.users(**span()).data
    assert (row["user"], row["requests"], row["object"]) == ("ann", 1, "analytics-group")
    assert "chat" in [row["ai_model"] for row in analytics.groups.ai_models(**span()).data]
    assert [row["metadata_value"] for row in analytics.groups.metadata(metadata_key="team", **span()).data if row["cost"]]
    for by in ("ai_service", "model", "status_code", "api_key", "config", "workspace", "provider", "prompt"):
        assert analytics.groups.group_by(group_by=by, **span(), columns="requests", include_total=True).object == "list"
    assert analytics.groups.workspaces(**span()).data[0]["requests"]
    summary = analytics.summary.cache(**span())
    assert (summary.object, summary.summary["hits"]) == ("analytics-summary", 0)
    cost = analytics.graphs.cost(**span(), metadata=json.dumps({"team": "b"}))
    assert (
        cost.summary["total"] == pytest.approx(sum(point["total"] for point in cost.data_points)) and cost.summary["total"] > 0
    )
    fast = http.get("/analytics/summary/speed", params=span()).json()["data"][0]
    assert (fast["provider"], fast["ai_model"]) == ("sim", "chat")


def test_an_export_is_described_started_and_downloaded(portkey, http):
    asked(portkey, "trace-four")
    until(lambda: http.get("/logs", params={"trace_id": "trace-four", "include_total": "true"}).json()["total"])
    exports = portkey().logs.exports
    made = exports.create(
        filters={**span(), "trace_id": "trace-four"},
        requested_data=["id", "trace_id", "request", "response", "cost", "metadata"],
        description="All of it",
    )
    assert (made.object, made.total) == ("export", 1)
    assert exports.retrieve(export_id=made.id).status == "draft"
    exports.update(export_id=made.id, filters={"trace_id": "trace-four"}, requested_data=["id", "request", "response"])
    assert exports.start(export_id=made.id).object == "export"
    until(lambda: exports.retrieve(export_id=made.id).status == "success")
    assert made.id in [each["id"] for each in exports.list().data]
    link = exports.download(export_id=made.id).signed_url
    with httpx.Client() as stranger:
        answer = stranger.get(link)
        assert stranger.get(link[:-1] + ("0" if link[-1] != "0" else "1")).status_code == 404
    (line,) = answer.text.splitlines()
    row = json.loads(line)
    assert list(row) == ["id", "request", "response"] and row["request"]["messages"] == ASK and row["response"]["choices"]
    assert http.get(f"/logs/exports/{made.id}/content").text == answer.text
    with pytest.raises(Exception, match="nothing to stop") as raised:
        exports.cancel(export_id=made.id)
    assert raised.value.status_code == 409


def test_the_tail_shows_requests_as_they_are_completed(portkey, http, gateway):
    with http.stream("GET", "/logs/tail", params={"trace_id": "trace-five"}, timeout=20) as tail:
        assert tail.headers["content-type"].startswith("text/event-stream")
        lines = tail.iter_lines()
        assert next(lines) == "retry: 1000"
        asking = threading.Timer(1.2, asked, (portkey, "trace-five"))  # after the first look
        asking.start()
        data = next(line for line in lines if line.startswith("data: "))
        asking.join()
    assert json.loads(data.removeprefix("data: "))["trace_id"] == "trace-five"


def test_a_key_that_only_asks_sees_nothing(portkey):
    app = portkey(APP)
    for call in (
        lambda: app.analytics.graphs.requests(**span()),
        lambda: app.logs.exports.list(),
        lambda: app.logs.create(request={}, response={}, metadata={}),
    ):
        with pytest.raises(Exception, match="lacks the scope") as raised:
            call()
        assert raised.value.status_code == 403
