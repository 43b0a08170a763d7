"""/v1/admin/settings: what the operator has set up, and no secret of it."""

import time

import pytest

from lockgate.control.alerts.of_house import log_known_as
from lockgate.control.alerts.rule_state import RuleState
from lockgate.core.json import encode
from lockgate.core.tenancy import Tenant
from lockgate.stores.alert_states import State
from lockgate.stores.control.open import open_alert_states
from lockgate.stores.logs.sqlite import SqliteLog
from support.admin import Admin
from support.logged import logged

URL = "/v1/admin/settings"
SECRET = "hush-hush"
CONFIG = """
log:
  capture: metadata
  retention_days: 7
  redact: {patterns: ['card \\d+'], fields: [user]}
workspace: {capture: full}
prices: {"sim/own": {input: 1, output: 2}}
cache: {store: "redis://cache:hush-hush@cache.example.com:6379/1"}
egress: {allow: [10.0.0.0/8]}
identity:
  public_url: https://gateway.example.com
  passwords: off
  oidc:
    okta:
      issuer: https://example.okta.com
      client_id: lockgate
      client_secret: hush-hush
      allowed_domains: [example.com]
      groups: [{group: ml, workspace: default, role: manager}]
  jwt:
    apps: {issuer: "https://issuer.example.com", audience: [lockgate], jwks_url: "https://issuer.example.com/jwks"}
sinks:
  hook: {type: webhook, url: "https://hooks.example.com/hush-hush", secret: hush-hush-hush-hush}
  lake: {type: s3, bucket: logs, aws_region: eu-central-1, aws_access_key_id: AKIA, aws_secret_access_key: hush-hush, privacy: full, where: {status: [5xx]}}
alerts:
  channels:
    ops: {type: webhook, url: "https://hooks.example.com/hush-hush", secret: hush-hush-hush-hush, kinds: [spend, error_rate]}
    chat: {type: slack, url: "https://slack.example.com/hush-hush", kinds: [latency]}
  rules:
    many: {what: requests, threshold: 2, window: 1h}
    dear: {what: spend, threshold: 1000, window: 1h, channels: [ops]}
    each: {what: requests, threshold: 100, window: 1h, each: model}
"""
TABS = ("log", "prices", "identity", "gateway", "alerts")


@pytest.fixture
def told(tmp_path):
    admin = Admin(tmp_path, CONFIG, LOCKGATE_REDIS_URL="redis://x:hush-hush@shared.example.com/2")
    yield admin
    admin.close()


@pytest.mark.parametrize("tab", TABS)
def test_there_is_no_secret_in_it(told, tab):
    answer = told.get(f"{URL}/{tab}")
    assert answer.status == 200, answer
    assert SECRET not in answer.body.decode()


@pytest.mark.parametrize("tab", TABS)
def test_it_tells_other_organisations_nothing(told, tab):
    answer = told.get(f"{URL}/{tab}", key=told.key(Tenant(told.abroad.organisation), ["admin"]))
    assert (answer.status, answer.code) == (403, "operators_only")


@pytest.mark.parametrize("tab", TABS)
def test_it_tells_managers_of_a_workspace_nothing(told, tab):
    user = told.person("member", [(told.home.workspace, "admin")])
    answer = told.get(f"{URL}/{tab}", key=told.key(told.whole, sorted(told.house.scopes), kind="user", user=user.id))
    assert answer.status == 403


def test_the_log_says_what_is_kept_and_how_large_it_is(told):
    store = SqliteLog(told.house.data / "log", report=pytest.fail)
    store.append([logged(0), logged(1)])
    store.close()
    said = told.get(f"{URL}/log").json
    assert (said["store"], said["capture"], said["retention_days"], said["days"]) == ("sqlite", "metadata", 7, 1)
    assert said["redact"] == {"patterns": ["card \\d+"], "fields": ["user"]}
    assert said["size"] > 0 and said["free_bytes"] > 0 and said["declared_in"] == "lockgate.yaml"


def test_prices_say_their_version_and_the_operators_own(told):
    said = told.get(f"{URL}/prices").json
    assert said["own"] == ["sim/own"] and said["version"] and said["taken_at"] is None and said["refresh"] is False


def test_identity_says_who_may_come_in_as_what(told):
    said = told.get(f"{URL}/identity").json
    (okta,), (apps,) = said["oidc"], said["jwt"]
    assert (said["passwords"], said["session_hours"]) == (False, 12)
    assert (okta["has_secret"], okta["callback"]) == (True, "https://gateway.example.com/auth/oidc/okta/callback")
    assert okta["groups"] == [{"group": "ml", "role": "manager", "workspace": "default"}]
    assert apps["keys"] == "https://issuer.example.com/jwks"


def test_the_gateway_says_where_things_are_and_who_says_so(told):
    said = told.get(f"{URL}/gateway").json
    places = {each["what"]: (each["kind"], each["address"], each["said_by"]) for each in said["stores"]}
    assert places["cache"] == ("redis", "redis://cache.example.com:6379/1", "cache.store")
    assert places["shared"] == ("redis", "redis://shared.example.com/2", "LOCKGATE_REDIS_URL")
    assert places["control"][::2] == ("sqlite", None)
    assert {each["name"]: (each["address"], each["privacy"], each["filtered"]) for each in said["sinks"]} == {
        "hook": ("hooks.example.com", "metadata", False),
        "lake": ("s3://logs/lockgate", "full", True),
    }


def test_rules_say_how_they_stand_what_is_measured_and_who_hears_it(told):
    now_us = told.office.clock()
    store = SqliteLog(told.house.data / "log", report=pytest.fail)
    store.append([logged(n, time_us=now_us - 60_000_000, organisation=told.home.organisation) for n in range(3)])
    store.close()
    states = open_alert_states(told.house.control_url, now_us)
    state = State("many", "", now_us, encode(RuleState(alarming_us=now_us - 5, alarm_us=now_us - 5, raised_us=now_us)))
    states.change(log_known_as(told.house), None, state)
    states.close()
    rules = {each["name"]: each for each in told.get(f"{URL}/alerts").json["rules"]}
    many = rules["many"]
    assert (many["state"], many["value"], many["threshold"]) == ("firing", "3 requests", "2 requests")
    assert many["alarms"][0]["since"] and many["raised_at"] and many["channels"] == []
    assert (rules["dear"]["state"], rules["dear"]["channels"], rules["dear"]["threshold"]) == ("quiet", ["ops"], "$1,000.00")
    assert (rules["each"]["value"], rules["each"]["each"]) == ("3 requests", "model") and rules["each"]["worst"]


def test_a_trial_that_does_not_arrive_says_why_and_is_on_record(told):
    before = time.monotonic()
    answer = told.post(f"{URL}/alerts/channels/nobody/test")
    assert (answer.status, answer.code) == (404, "channel_not_found")
    answer = told.post(f"{URL}/alerts/channels/ops/test")
    assert answer.status in (200, 503) and time.monotonic() - before < 30
    rows = told.get("/v1/audit-logs?resource_type=alert-channel").json["records"]
    assert len(rows) == (answer.status == 200)
