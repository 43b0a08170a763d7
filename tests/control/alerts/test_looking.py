"""control/alerts/looking: rules find what is in the log, once, whoever looks and dies; by times that tests say."""

import logging

import pytest

from lockgate.control.alerts.alert import title
from lockgate.control.alerts.looking import LAG_US, Known, Looking
from lockgate.control.alerts.settings import AlertsEntry, RuleEntry
from lockgate.control.stored import Stored
from lockgate.core.call import Principal
from lockgate.core.tenancy import Tenant, Workspace
from lockgate.stores.control.open import open_alert_states, sqlite_url
from lockgate.stores.logs.sqlite import SqliteLog
from lockgate.stores.ports import StoreError
from support.log_store import MemoryLog
from support.logged import DAY, HOUR, MINUTE, START, logged

NOON = 12 * HOUR
ERRORS = RuleEntry(what="error_rate", threshold=5, min_requests=10)


class Desk:
    """Rules over a log that tests write."""

    def __init__(self, path, store, **rules):
        self.path, self.store, self.now = path, store, NOON
        self.entry = AlertsEntry(rules=rules)
        self.stored = Stored()
        self.stored.home = Tenant("org", "ws")
        row = Workspace(id="ws", organisation="org", slug="work", name="Work")
        self.stored.rows[Workspace] = {"ws": row}
        self.stored.keys = {b"x": Principal("key-1", "app", organisation="org", workspace="ws")}
        self.open = []
        self.looking = self.another()

    def another(self, name="log"):
        states = open_alert_states(sqlite_url(self.path / "control.db"), START)
        made = Looking(name, self.store, states, lambda: Known(self.entry, self.stored), lambda: START + self.now + LAG_US)
        self.open.append(made)
        return made

    def log(self, count, minutes_ago=1.0, **more):
        self.store.append([logged(int(self.now - minutes_ago * MINUTE), **more) for _ in range(count)])

    def look(self, looking=None, minutes=1):
        """What is found by looks a minute apart, and told."""
        looking = looking or self.looking
        found = []
        for _ in range(minutes):
            alerts = looking.pending(100)
            looking.told(alerts)
            found += alerts
            self.now += MINUTE
        return found


@pytest.fixture(params=["memory", "sqlite"])
def desk(request, tmp_path):
    made = []

    def make(**rules):
        store = MemoryLog() if request.param == "memory" else SqliteLog(tmp_path / "log", report=print)
        made.append(Desk(tmp_path, store, **rules))
        return made[-1]

    yield make
    for each in made:
        for looking in each.open:
            looking.close()


def test_errors_are_told_once_and_that_they_are_over(desk):
    it = desk(errors=ERRORS)
    it.log(18)
    it.log(2, outcome="failed", status=500)
    (alert,) = it.look(minutes=3)
    assert title(alert) == "The error rate of the gateway, in the last 5 minutes, is 10%, which is 5% or more."
    assert (alert.kind, alert.rule, alert.value, alert.threshold, alert.at_us) == (
        "error_rate",
        "errors",
        1000,
        500,
        START + NOON,
    )
    it.log(180)
    (over,) = it.look(minutes=3)
    assert title(over) == "It is over: the error rate of the gateway, in the last 5 minutes, is 1%."
    assert (over.severity, over.id != alert.id) == ("info", True)


def test_too_few_requests_say_nothing(desk):
    it = desk(errors=ERRORS)
    it.log(9, outcome="failed")
    assert it.look(minutes=2) == []
    it.log(1, outcome="failed")
    assert len(it.look()) == 1


def test_what_we_refused_ourselves_is_nobody_s_error(desk):
    it = desk(errors=ERRORS, no=RuleEntry(what="refused", threshold=50))
    it.log(100, outcome="refused", status=429)
    it.log(20)
    (alert,) = it.look()
    assert title(alert) == (
        "The number of refused requests of the gateway, in the last 5 minutes, is 100 requests, which is 50 requests or more."
    )


def test_slow_answers_are_told(desk):
    it = desk(
        slow=RuleEntry(what="latency_p90", threshold="3s"),
        first=RuleEntry(what="ttft_p50", threshold=400, severity="critical", min_requests=5),
        fine=RuleEntry(what="latency_p50", threshold="3s"),
    )
    it.log(16)
    it.log(4, latency_us=5_000_000)
    it.log(5, ttft_us=500_000, stream=True)
    found = {alert.rule: alert for alert in it.look()}
    assert found.keys() == {"slow", "first"}
    assert found["slow"].value == pytest.approx(5000, rel=0.02)
    assert title(found["first"]).startswith("The median time to first token of the gateway, in the last 5 minutes, is ")
    assert found["first"].severity == "critical"


def test_spend_of_a_day_by_the_calendar_is_told_once_a_day(desk):
    it = desk(spend=RuleEntry(what="spend", threshold=10, window="day", recovery=False))
    it.log(1, cost_nusd=9_999_999_999)
    assert it.look() == []
    it.log(1, cost_nusd=1)
    it.log(2, cost_nusd=None, tokens=(1, 1))
    (alert,) = it.look(minutes=600)
    assert title(alert) == "The spend of the gateway, today, is $10.00, which is $10.00 or more."
    assert alert.note == "2 requests have no price, and are not in it."
    it.now = NOON + DAY  # nobody has looked meanwhile
    it.log(1, cost_nusd=20_000_000_000)
    assert [each.value for each in it.look()] == [20_000_000_000]


def test_the_last_minute_of_a_day_is_that_day_s(desk):
    it = desk(spend=RuleEntry(what="spend", threshold=10, window="day"))
    it.now = DAY
    it.log(1, cost_nusd=10_000_000_000)
    assert [each.value for each in it.look()] == [10_000_000_000]
    assert it.look(minutes=3) == []  # a day that begins is no news
    it.log(1, cost_nusd=30_000_000_000)
    assert [each.value for each in it.look()] == [30_000_000_000]  # nor does yesterday's alarm hold it back


def test_spend_is_compared_with_the_time_before(desk):
    it = desk(rise=RuleEntry(what="spend_rise", threshold=100, window="1h", min_requests=2))
    it.log(2, minutes_ago=30, cost_nusd=100)
    assert it.look() == []  # there was nothing before
    it.now = NOON + HOUR
    it.log(2, minutes_ago=10, cost_nusd=150)
    assert it.look() == []  # half more
    it.log(1, minutes_ago=10, cost_nusd=100)
    (alert,) = it.look()
    assert title(alert) == "The rise of spend of the gateway, in the last hour, is +100%, which is +100% or more."


def test_silence_is_told(desk):
    it = desk(silence=RuleEntry(what="requests", threshold=1, below=True, window="10m", keys=["app"]))
    it.log(1, minutes_ago=9)
    assert it.look() == []
    (alert,) = it.look(minutes=2)
    assert (
        title(alert)
        == "The number of requests of key app, in the last 10 minutes, is 0 requests, which is less than 1 request."
    )


def test_a_rule_means_the_requests_of_its_filter(desk):
    it = desk(
        errors=RuleEntry(
            what="error_rate", threshold=5, min_requests=5, providers=["openai"], models=["gpt-*"], workspaces=["work"],
            metadata={"team": "b*"}, operations=["chat"], keys=["app"],
        )
    )  # fmt: skip
    meant = {"outcome": "failed", "metadata": {"team": "blue"}}
    for other in (
        {"provider": "x"}, {"model_asked": "o1", "model_sent": "o1", "model_served": "o1"}, {"workspace": "elsewhere"},
        {"metadata": {"team": "red"}}, {"operation": "embed"}, {"key_id": "key-2", "key_name": "other"},
    ):  # fmt: skip
        it.log(4, **meant | other)
    it.log(4, **meant)
    assert it.look() == []
    it.log(1, **meant)
    (alert,) = it.look()
    assert (str(alert.subject), alert.subject.slug, alert.subject.workspace) == ("key app", "work", "ws")


def test_a_workspace_that_is_not_there_means_nothing_and_is_told(desk, caplog):
    it = desk(errors=RuleEntry(what="requests", threshold=1, workspaces=["nowhere"]))
    it.log(5)
    with caplog.at_level(logging.WARNING, "lockgate"):
        assert it.look(minutes=3) == []
    assert caplog.text.count("not all of its workspaces are there: nowhere") == 1


@pytest.mark.parametrize(
    ("each", "more", "said", "slug"),
    [
        ("provider", {"provider": "bad"}, "provider bad", ""),
        ("model", {"model_sent": "bad"}, "model bad", ""),
        ("key", {"provider": "bad"}, "key app", "work"),
        ("workspace", {"provider": "bad"}, "workspace Work", "work"),
        ("route", {"route": "pc-bad"}, "route pc-bad", ""),
        ("metadata.team", {"metadata": {"team": "bad"}}, "metadata team=bad", ""),
    ],
)
def test_a_rule_may_tell_apart(desk, each, more, said, slug):
    it = desk(errors=RuleEntry(what="error_rate", threshold=50, each=each))
    calm = {"key_id": "key-2", "key_name": "calm", "workspace": "calm", "route": "pc-calm", "metadata": {"team": "calm"}}
    it.log(50, **calm)
    it.log(10, outcome="failed", **more)
    (alert,) = it.look(minutes=2)
    assert (str(alert.subject), alert.subject.slug) == (said, slug)


def test_each_has_alarms_of_its_own_and_who_falls_silent_is_let_go(desk):
    it = desk(errors=RuleEntry(what="error_rate", threshold=50, each="provider", window="5m", cool_down="0m"))
    it.log(10, provider="a", outcome="failed")
    assert [str(alert.subject) for alert in it.look()] == ["provider a"]
    it.log(10, provider="b", outcome="failed")
    assert [str(alert.subject) for alert in it.look()] == ["provider b"]
    found = it.look(minutes=15)
    assert sorted(title(alert) for alert in found) == [
        f"It cannot be told any more, for want of requests: the error rate of provider {name}, in the last 5 minutes."
        for name in "ab"
    ]
    assert it.looking._states.states("log", "errors") == []


def test_a_restart_raises_no_alarm_again(desk):
    it = desk(errors=ERRORS)
    it.log(20, outcome="failed")
    assert len(it.look()) == 1
    it.log(20, outcome="failed")
    assert it.look(it.another(), minutes=3) == []


def test_what_was_found_and_not_told_is_told_after_a_restart_as_the_same(desk):
    it = desk(errors=ERRORS)
    it.log(20, outcome="failed")
    (alert,) = it.looking.pending(100)  # and dies before the outbox has it
    again = it.another()
    assert again.pending(100) == [alert] == it.looking.pending(100)
    again.told([alert])
    assert again.pending(100) == []


def test_a_minute_is_looked_at_once_by_all_together(desk):
    it = desk(errors=ERRORS)
    others = [it.another(), it.another()]
    it.log(20, outcome="failed")
    asked = []
    it.store.groups, whole = lambda *a, **k: asked.append(1) or whole(*a, **k), it.store.groups
    for each in (it.looking, *others, it.looking):
        each.pending(100)
    assert len(asked) == 1
    assert len(it.looking.pending(100)) == 1


def test_a_machine_with_a_log_of_its_own_has_alarms_of_its_own(desk):
    it = desk(errors=ERRORS)
    it.log(20, outcome="failed")
    assert len(it.look()) == 1
    it.now -= MINUTE
    assert len(it.look(it.another("other"))) == 1


def test_two_that_look_at_once_change_a_state_once(desk):
    """One has hung for so long that another one looks at the next minute; what it has seen is old by then."""
    it = desk(errors=ERRORS)
    it.log(20, outcome="failed")
    groups, other = it.store.groups, it.another()

    def hang(*args, **named):
        it.store.groups = groups
        it.now += MINUTE
        other._look(START + it.now)
        return groups(*args, **named)

    it.store.groups = hang
    assert len(it.looking.pending(100)) == 1


def test_a_log_that_cannot_be_read_changes_nothing(desk):
    it = desk(errors=ERRORS)
    it.log(20, outcome="failed")
    assert len(it.look()) == 1
    groups = it.store.groups

    def fail(*args, **named):
        raise StoreError("the log is away")

    it.store.groups = fail
    with pytest.raises(StoreError):
        it.look()
    it.now += MINUTE
    it.store.groups = groups
    it.log(20, outcome="failed")
    assert it.look(minutes=2) == []


def test_without_rules_nothing_is_asked(desk):
    it = desk()
    it.store.groups = None
    assert it.look(minutes=3) == []


def test_new_rules_hold_from_the_next_look_on(desk):
    it = desk(errors=ERRORS)
    it.log(20)
    assert it.look() == []
    it.entry = AlertsEntry(rules={"many": RuleEntry(what="requests", threshold=20)})
    assert [alert.rule for alert in it.look()] == ["many"]
