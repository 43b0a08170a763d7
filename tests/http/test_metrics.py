"""http/metrics, http/pages: what is counted and what is so now, for those who may know, in both formats."""

from __future__ import annotations

import os
import time
from types import SimpleNamespace

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from lockgate import __version__
from lockgate.control.presence import Presence
from lockgate.control.state import Target
from lockgate.core.failure import Failure
from lockgate.http.gateway import Gateway
from lockgate.http.metrics import OPENMETRICS, TEXT, Metrics, gauges, wants_openmetrics, write_page
from lockgate.http.pages import OPEN, PAGES, Page, lay_out_pages
from lockgate.http.routes import UnguardedRoute
from lockgate.policy.breaker import BreakerPolicy
from lockgate.stores.board import Board
from lockgate.stores.metrics import families as of
from lockgate.stores.metrics.counting import Counting
from lockgate.stores.metrics.families import COUNTED, LIVE
from lockgate.stores.metrics.names import Names
from lockgate.stores.roster import NAME, Roster
from lockgate.stores.sinks.state import State as SinkState
from lockgate.stores.sinks.state import write_state
from support.asgi import ask
from support.house import AUTH, make_app

SAY = {"model": "@sim/chat", "messages": [{"role": "user", "content": "Say pong."}]}
BAD = Failure("server", 500, "It broke.")
READER = "metrics-reader-key-0123456789"
CONFIG = f"keys: [{{name: prometheus, key: {READER}, scopes: [metrics.read]}}, {{name: app, key: {READER}-app}}]"


class House:
    """A gateway in this process, its worker's word for itself and its scribe's numbers."""

    def __init__(self, folder, config=CONFIG):
        self.data = folder / "data"
        self.app = make_app(folder, config)
        self.gateway = Gateway(self.app.world, self.app.runtime, metrics=Metrics(self.data))
        self.runtime = self.app.runtime
        self.board = Board(self.data / "circuits", clock=self.runtime.clock)
        self.runtime.health.cells = self.board.cell

    def chat(self, **more):
        return ask(self.gateway, "POST", "/v1/chat/completions", body={**SAY, **more}, headers=AUTH)

    def say(self):
        presence = Presence(self.data, self.runtime, lambda: self.app.world.snapshot)
        Roster(self.data / NAME).write(presence.life())

    def count(self):
        counting = Counting(self.data / "spool", self.data / "metrics", report=print)
        while counting.step():
            pass
        counting.save()
        counting.close()

    def scrape(self, accept="", key=READER):
        headers = [("authorization", f"Bearer {key}")] if key else []
        return ask(self.gateway, "GET", "/metrics", headers=[*headers, ("accept", accept)])

    def numbers(self):
        """(name, labels) → value."""
        self.say()
        self.count()
        families = read_text(self.scrape().body.decode())
        return {(each.name, *sorted(each.labels.items())): each.value for family in families for each in family.samples}

    def close(self):
        self.board.close()


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path)
    yield house
    house.close()


def test_a_request_is_counted(house):
    assert house.chat().status == 200
    assert house.chat(stream=True).status == 200
    numbers = house.numbers()
    at = (("model", "chat"), ("provider", "sim"))
    whole = ("lockgate_requests_total", at[0], ("operation", "chat"), ("outcome", "ok"), at[1], ("status", "2xx"))
    assert numbers[whole] == 2
    assert numbers["lockgate_attempts_total", at[0], at[1], ("result", "ok")] == 2
    assert numbers["lockgate_tokens_total", ("kind", "output"), *at] > 0
    assert numbers["lockgate_time_to_first_token_seconds_count", *at] == 1
    assert numbers["lockgate_records_total",] == 2
    assert numbers["lockgate_build_info", ("version", __version__)] == 1
    assert numbers["lockgate_workers",] == 1


def test_what_is_refused_is_counted_by_its_code(house):
    assert ask(house.gateway, "POST", "/v1/chat/completions", body=SAY).status == 401
    numbers = house.numbers()
    assert numbers["lockgate_refusals_total", ("code", "missing_key"), ("operation", "chat")] == 1


@pytest.mark.parametrize(
    ("accept", "kind", "read"), [("", TEXT, read_text), (OPENMETRICS.decode(), OPENMETRICS, read_openmetrics)]
)
def test_both_formats_are_read_by_the_official_parser(house, accept, kind, read):
    house.chat()
    house.say()
    house.count()
    answer = house.scrape(accept)
    assert answer.status == 200
    assert answer.headers["content-type"] == kind.decode()
    families = {family.name: family for family in read(answer.body.decode())}
    told = {family.name for family in (*COUNTED, *LIVE)}
    assert set(families) == told
    for family in (*COUNTED, *LIVE):
        assert families[family.name].type == family.kind
        assert {label for each in families[family.name].samples for label in each.labels} <= {*family.labels, "le"}


def test_both_formats_say_the_same(house):
    house.chat()
    house.say()
    house.count()
    found = []
    for accept, read in (("", read_text), (OPENMETRICS.decode(), read_openmetrics)):
        families = read(house.scrape(accept).body.decode())
        names = {"lockgate_counters_age_seconds"}
        found.append(
            {
                (each.name, *sorted(each.labels.items())): each.value
                for f in families
                for each in f.samples
                if f.name not in names
            }
        )
    assert found[0] == found[1]


def test_circuits_parked_keys_and_targets_are_told(house):
    house.chat()
    health, now = house.runtime.health, house.runtime.clock()
    for policy in (BreakerPolicy(failures=1), BreakerPolicy(failures=9)):
        health.failed(("sim", "chat"), policy, now, now, BAD)
    health.failed(("sim", "chat"), None, now, now, Failure("rate_limit", 429, "Slow.", retry_after=60.0))
    health.begin_anyway(("sim", "chat"))
    health.pulse(("sim", "chat")).quota = 0.125
    house.board.share(5.0)
    house.runtime.in_flight = 4
    numbers = house.numbers()
    at = (("model", "chat"), ("provider", "sim"))
    assert numbers["lockgate_circuit_state", *at] == 2
    assert numbers["lockgate_keys_parked", *at, ("why", "rate limited")] == 1
    assert numbers["lockgate_target_requests_in_flight", *at] == 1
    assert numbers["lockgate_target_quota_ratio", *at] == 0.125
    assert numbers["lockgate_circuits_shared",] == 1
    assert numbers["lockgate_requests_in_flight",] == 4


def test_a_model_that_never_answered_has_no_label_of_its_own(house):
    now = house.runtime.clock()
    for at in range(300):
        house.runtime.health.failed(("sim", f"invented-{at}"), BreakerPolicy(), now, now, BAD)
        house.runtime.health.begin_anyway(("sim", f"invented-{at}"))
    house.chat()
    numbers = house.numbers()
    assert {dict(labels).get("model") for _, *labels in numbers} == {None, "chat", "other"}


def test_before_the_scribe_has_counted_what_is_so_now_is_told(house):
    answer = house.scrape()
    families = {family.name: family for family in read_text(answer.body.decode())}
    assert families["lockgate_requests"].samples == []
    assert families["lockgate_counters_age_seconds"].samples == []
    assert families["lockgate_workers"].samples[0].value == 0


def test_how_old_the_numbers_are_is_told(house):
    house.count()
    then = time.time() - 100
    os.utime(house.data / "metrics", (then, then))
    families = {family.name: family for family in read_text(house.scrape().body.decode())}
    assert families["lockgate_counters_age_seconds"].samples[0].value == pytest.approx(100, abs=30)


def test_a_scrape_is_no_request(house):
    house.scrape()
    house.scrape(key="")
    assert house.numbers().get(("lockgate_records_total",), 0) == 0


# --- who may ask


@pytest.mark.parametrize(
    ("key", "status"),
    [("", 401), ("wrong", 401), (f"{READER}-app", 403), (READER, 200), (dict(AUTH)["authorization"][7:], 200)],
)
def test_a_key_with_the_scope_is_needed(house, key, status):
    assert house.scrape(key=key).status == status


def test_a_key_that_is_given_twice_is_refused(house):
    answer = ask(
        house.gateway, "GET", "/metrics", headers=[("authorization", "Bearer x"), ("authorization", f"Bearer {READER}")]
    )
    assert answer.status == 400


def test_the_key_of_prometheus_can_do_nothing_else(house):
    answer = ask(house.gateway, "POST", "/v1/chat/completions", body=SAY, headers=[("authorization", f"Bearer {READER}")])
    assert answer.status == 403


def test_it_is_asked_with_get(house):
    assert ask(house.gateway, "POST", "/metrics", headers=[("authorization", f"Bearer {READER}")]).status == 404
    assert ask(house.gateway, "HEAD", "/metrics", headers=[("authorization", f"Bearer {READER}")]).status == 200


def test_a_gateway_without_a_data_directory_has_no_metrics(house):
    bare = Gateway(house.app.world, house.runtime)
    assert ask(bare, "GET", "/metrics", headers=[("authorization", f"Bearer {READER}")]).status == 404


def test_a_page_that_declares_no_policy_stops_the_start_up():
    for pages in ([Page("/x", "")], [Page("/x", "no.such.scope")], [Page("/x", OPEN), Page("/x", OPEN)]):
        with pytest.raises(UnguardedRoute):
            lay_out_pages(pages)


def test_every_page_declares_its_policy_and_those_that_are_open_tell_nothing(house):
    assert {page.path for page in PAGES} == set(house.gateway._pages)
    assert {page.path for page in PAGES if page.scope == OPEN} == {"/", "/healthz", "/readyz"}


@pytest.mark.parametrize(
    ("accept", "wants"),
    [
        ("", False),
        ("*/*", False),
        ("text/plain", False),
        ("application/openmetrics-text", True),
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", True),
        ("application/openmetrics-text;version=0.0.1", False),
        # What Prometheus 2.50 and 3.0 send.
        (
            "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
            "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            True,
        ),
        ("text/plain;version=0.0.4;q=0.9,application/openmetrics-text;version=1.0.0;q=0.5", False),
        ("application/openmetrics-text;version=1.0.0;q=nonsense", False),
        ("application/openmetrics-text;version=1.0.0;q=0", False),
    ],
)
def test_the_format_is_the_one_that_is_liked_better(accept, wants):
    assert wants_openmetrics(accept.encode()) is wants


def test_names_of_two_workspaces_are_one(house):
    targets = [
        Target(place=place, provider="p", model="m", in_flight=2, latency_s=0.0, quota=q)
        for place, q in (("", 0.5), ("w", 0.2))
    ]
    state = SimpleNamespace(
        workers=[], circuits=[], parked=[], targets=targets, shared=False, spool_bytes=0, backlog_bytes=0, sinks=[]
    )
    found = gauges(state, Names(5, {"m": 1}), Names(5, {"p": 1}))
    assert found[of.TARGET_IN_FLIGHT] == {("p", "m"): 4}
    assert found[of.QUOTA] == {("p", "m"): 0.2}


def test_sinks_are_shown_with_what_became_of_their_records(tmp_path):
    state = SinkState(kind="webhook", sent=7, refused=1, dropped=2, retries=3, backlog_bytes=512, trouble="down", trouble_us=5)
    write_state(tmp_path / "sinks" / "audit.json", state)
    write_state(tmp_path / "sinks" / "gone.json", SinkState(off=True))
    text = write_page(tmp_path, openmetrics=True).decode()
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in read_openmetrics(text)
        for sample in family.samples
        if sample.name.startswith("lockgate_sink")
    }
    assert found == {
        ("lockgate_sink_records_total", "audit", "sent"): 7,
        ("lockgate_sink_records_total", "audit", "refused"): 1,
        ("lockgate_sink_records_total", "audit", "dropped"): 2,
        ("lockgate_sink_retries_total", "audit"): 3,
        ("lockgate_sink_backlog_bytes", "audit"): 512,
        ("lockgate_sink_up", "audit"): 0,
    }
