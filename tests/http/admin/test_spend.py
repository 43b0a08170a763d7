"""/v1/analytics/spend: what was spent, and by whom it may be seen."""

import csv
import io

import pytest

from lockgate.core.tenancy import Tenant
from lockgate.stores.logs.sqlite import SqliteLog
from support.logged import logged

SPAN = "time_of_generation_min=2024-10-04T00:00:00Z&time_of_generation_max=2024-10-04T01:00:00Z"


@pytest.fixture
def kept(admin):
    """A record of the home workspace, one of another without a price, and one of another organisation."""
    store = SqliteLog(admin.house.data / "log", report=pytest.fail)
    places = [Tenant(admin.home.organisation, admin.home.workspace), admin.other, admin.abroad]
    records = [logged(n, cost_nusd=cost, tokens=(9, 1)) for n, cost in ((1, 5_000_000_001), (2, None), (3, 7))]
    for record, place in zip(records, places, strict=True):
        record.organisation, record.workspace = place.organisation, place.workspace
    store.append(records)
    store.close()
    return records


def spend(admin, query="", path="", **more):
    return admin.get(f"/v1/analytics/spend{path}?{SPAN}&{query}", **more)


def test_an_organisation_sees_its_own_and_what_has_no_price(admin, kept):
    told = spend(admin, "by=workspace,model&step=day").json
    assert (told["total"]["cost_usd"], told["total"]["requests"], told["total"]["unpriced"]) == ("5.000000001", 2, 1)
    assert [(row["workspace_name"], row["cost_nusd"], row["start"]) for row in told["rows"]] == [
        ("Default", 5_000_000_001, "2024-10-04T00:00:00Z"),
        ("other", 0, "2024-10-04T00:00:00Z"),
    ]
    (unpriced,) = told["unpriced"]
    assert (unpriced["model"], unpriced["requests"]) == (kept[1].model_sent, 1)


def test_a_workspace_sees_its_own(admin, kept):
    inside = admin.key(admin.other, ["analytics.view"])
    assert spend(admin, key=inside).json["total"]["requests"] == 1
    assert spend(admin, "workspace_id=other").json["total"]["requests"] == 1
    assert spend(admin, "workspace_id=default", key=inside).status == 404
    assert spend(admin, key=admin.key(admin.other, ["logs.view"])).code == "scope_missing"


def test_tables_are_files(admin, kept):
    answer = spend(admin, "by=provider", "/csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="spend.csv"'
    (row,) = csv.DictReader(io.StringIO(answer.body.decode()))
    assert (row["provider"], row["cost_usd"], row["unpriced"]) == (kept[0].provider, "5.000000001", "1")
    rows = list(csv.DictReader(io.StringIO(spend(admin, "by=metadata.team", "/focus").body.decode())))
    assert [(each["BilledCost"], each["x_UnpricedRequests"]) for each in rows] == [("5.000000001", "0"), ("0.000000000", "1")]


@pytest.mark.parametrize(
    ("query", "path", "status", "param"),
    [
        ("by=planet", "", 400, "by"),
        ("step=week", "", 400, "step"),
        ("step=all", "/focus", 400, "step"),
        ("", "/xml", 404, None),
        ("color=red", "", 400, "color"),
    ],
)
def test_what_is_wrong_is_named(admin, query, path, status, param):
    answer = spend(admin, query, path)
    assert (answer.status, answer.param) == (status, param)
