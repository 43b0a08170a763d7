"""/v1/logs/repricings: looked at first, then written; and /v1/analytics/unpriced."""

import pytest

from lockgate.control.costs.carry_out import TRIES, carry_out
from lockgate.control.costs.repricings import MOST, Repricings
from lockgate.core.reply import Usage
from lockgate.core.tenancy import Tenant
from lockgate.stores.logs.ports import Filter
from lockgate.stores.logs.sqlite import SqliteLog
from lockgate.stores.ports import StoreError
from support.admin import Admin
from support.logged import logged

URL = "/v1/logs/repricings"
CONFIG = """
providers: {mine: {provider: openai, api_key: "sk-test"}}
prices: {"mine/own-model": {input: 2, output: 4}}
"""
SINCE = {"time_of_generation_min": "2020-01-01T00:00:00Z"}


@pytest.fixture
def admin(tmp_path):
    admin = Admin(tmp_path, CONFIG)
    yield admin
    admin.close()


@pytest.fixture
def log(admin):
    """A log of three requests without a price, one of them somebody else's."""
    store = SqliteLog(admin.house.data / "log", report=pytest.fail)
    store.append(
        [
            logged(
                n,
                provider="mine",
                model_sent="own-model",
                model_served="own-model",
                organisation=whose,
                cost_nusd=None,
                usage=Usage(1000, 500),
            )
            for n, whose in enumerate((admin.home.organisation, admin.home.organisation, admin.abroad.organisation))
        ]
    )
    yield store
    store.close()


@pytest.fixture
def work(admin, log):
    """What the repricer does."""
    shelf = Repricings(admin.house.data)

    def done(ending=lambda: False):
        carry_out(shelf.due(), shelf, log, admin.office.snapshot, clock=admin.office.clock, ending=ending)

    return done


def costs(log):
    return sorted(record.cost_nusd or 0 for record in log.scan(Filter()))


def test_it_is_looked_at_and_then_written_and_others_keep_theirs(admin, log, work):
    id = admin.post(URL, SINCE).json["id"]
    assert admin.get(f"{URL}/{id}").json["status"] == "looking"
    assert admin.post(f"{URL}/{id}/apply").code == "not_looked"
    work()
    looked = admin.get(f"{URL}/{id}").json
    assert (looked["status"], looked["total_records"], looked["read_records"]) == ("looked", 2, 2)
    assert (looked["report"]["total"]["newly_priced"], looked["report"]["written"]) == (2, 0)
    assert looked["report"]["total"]["difference"] == pytest.approx(0.8) and costs(log) == [0, 0, 0]
    writing = admin.post(f"{URL}/{id}/apply").json
    assert writing["status"] == "writing" and writing["report"] == looked["report"]
    work()
    written = admin.get(f"{URL}/{id}").json
    assert (written["status"], written["report"]["written"]) == ("written", 2)
    assert costs(log) == [0, 4_000_000, 4_000_000]
    assert admin.post(f"{URL}/{id}/apply").code == "not_looked"


def test_it_is_on_record_who_asked_for_it_and_had_it_written(admin, work):
    id = admin.post(URL, SINCE).json["id"]
    work()
    admin.post(f"{URL}/{id}/apply")
    rows = admin.get("/v1/audit-logs?resource_type=repricing").json["records"]
    assert [(row["action"], row["resource_id"]) for row in rows] == [("update", id), ("create", id)]


def test_one_at_a_time_and_one_is_stopped(admin, log, work):
    id = admin.post(URL, SINCE).json["id"]
    assert admin.post(URL, SINCE).code == "busy"
    assert admin.post(f"{URL}/{id}/cancel").json["status"] == "stopped"
    assert admin.post(f"{URL}/{id}/cancel").code == "not_running"
    assert admin.post(f"{URL}/{id}/apply").code == "not_looked"
    assert admin.post(URL, SINCE).status == 200


def test_who_ends_meanwhile_leaves_it_to_the_next(admin, log, work):
    id = admin.post(URL, SINCE).json["id"]
    for _ in range(7):  # oftener than it is begun after deaths
        work(lambda: True)
    assert admin.get(f"{URL}/{id}").json["status"] == "looking"
    work()
    assert admin.get(f"{URL}/{id}").json["status"] == "looked"


class Killed(BaseException):
    """As `kill -9`: nobody says anything."""


def killed(*_):
    raise Killed


def test_one_that_is_killed_while_it_writes_is_gone_on_with(admin, log, work, monkeypatch):
    id = admin.post(URL, SINCE).json["id"]
    work()
    admin.post(f"{URL}/{id}/apply")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(log, "reprice", killed)
        work()
    assert admin.get(f"{URL}/{id}").json["status"] == "writing"
    work()
    assert admin.get(f"{URL}/{id}").json["status"] == "written" and costs(log) == [0, 4_000_000, 4_000_000]


def test_one_whose_doer_always_dies_is_given_up(admin, log, work, monkeypatch):
    id = admin.post(URL, SINCE).json["id"]
    monkeypatch.setattr(log, "scan", killed)
    for _ in range(TRIES):
        with pytest.raises(Killed):
            work()
    work()
    said = admin.get(f"{URL}/{id}").json
    assert (said["status"], said["error"]) == ("failed", f"Whoever did it has died {TRIES} times.")


def test_a_log_in_trouble_is_told_and_it_may_be_applied_again(admin, log, work, monkeypatch):
    def full(*_):
        raise StoreError("cannot write to 2026-11-26.db: database or disk is full")

    id = admin.post(URL, SINCE).json["id"]
    work()
    admin.post(f"{URL}/{id}/apply")
    with monkeypatch.context() as patch:
        patch.setattr(log, "reprice", full)
        work()
    said = admin.get(f"{URL}/{id}").json
    assert said["status"] == "failed" and "disk is full" in said["error"] and costs(log) == [0, 0, 0]
    assert admin.post(f"{URL}/{id}/apply").json["status"] == "writing"
    work()
    assert costs(log) == [0, 4_000_000, 4_000_000]


def test_a_configuration_that_cannot_be_read_is_said(admin, log):
    id = admin.post(URL, SINCE).json["id"]
    shelf = Repricings(admin.house.data)

    def world():
        raise ValueError("prices: nonsense")

    carry_out(shelf.due(), shelf, log, world, clock=admin.office.clock, ending=lambda: False)
    said = admin.get(f"{URL}/{id}").json
    assert (said["status"], said["error"]) == ("failed", "prices: nonsense")


@pytest.mark.parametrize("body", [{}, {"time_of_generation_min": "moon"}, {**SINCE, "provider": "x"}, {**SINCE, "moon": 1}])
def test_what_cannot_be_is_refused(admin, body):
    assert admin.post(URL, body).status == 400


def test_there_are_so_many_and_no_more(admin):
    for _ in range(MOST):
        admin.post(f"{URL}/{admin.post(URL, SINCE).json['id']}/cancel")
    assert admin.post(URL, SINCE).code == "too_many"
    shelf = Repricings(admin.house.data)
    assert shelf.prune(admin.office.clock() + 31 * 86_400_000_000) == MOST and admin.get(URL).json["total"] == 0


def test_another_organisation_sees_none_of_it(admin):
    id = admin.post(URL, SINCE).json["id"]
    key = admin.key(Tenant(admin.abroad.organisation), ["admin"])
    assert admin.get(URL, key=key).json["total"] == 0
    assert [admin.ask(method, f"{URL}/{id}{end}", key=key).status for method, end in (("GET", ""), ("POST", "/cancel"))] == [
        404
    ] * 2


def test_an_admin_looks_on_and_an_owner_does_it(admin):
    for role, status in (("admin", 403), ("owner", 200)):
        key = admin.key(admin.whole, ["admin"], kind="user", user=admin.person(role).id)
        assert admin.get(URL, key=key).status == 200
        assert admin.post(URL, SINCE, key=key).status == status


def test_what_has_no_price_is_told_with_what_to_write(admin, log):
    log.append(
        [
            logged(
                5,
                provider="mine",
                model_sent="else",
                model_served="else",
                organisation=admin.home.organisation,
                cost_nusd=None,
                usage=Usage(7, 5),
            )
        ]
    )
    span = "time_of_generation_min=2020-01-01T00:00:00Z&time_of_generation_max=2030-01-01T00:00:00Z"
    said = admin.get(f"/v1/analytics/unpriced?{span}").json
    assert {each["model"]: (each["requests"], each["priced_now"]) for each in said["data"]} == {
        "own-model": (2, True),
        "else": (1, False),
    }
    assert '"mine/else": {input: …, output: …}' in said["yaml"] and "own-model" not in said["yaml"]
