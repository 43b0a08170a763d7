"""/v1/logs/exports: drafts, files, links, and who may have them."""

import pytest

from lockgate.control.exports.carry_out import carry_out
from lockgate.control.exports.shelf import MOST, Exports
from lockgate.http.admin import exports as module
from lockgate.stores.logs.sqlite import SqliteLog
from support.log_store import MemoryLog
from support.logged import logged

URL = "/v1/logs/exports"


@pytest.fixture
def shelf(admin):
    return Exports(admin.house.data)


@pytest.fixture
def made(admin):
    def make(body=None, **more):
        answer = admin.post(URL, body or {"requested_data": ["id"]}, **more)
        assert answer.status == 200, answer
        return answer.json["id"]

    return make


@pytest.fixture
def finish(admin, shelf):
    """Start an export, and carry it out."""

    def done(id, *said):
        assert admin.post(f"{URL}/{id}/start").status == 200
        carry_out(shelf.due(), shelf, MemoryLog(said), clock=lambda: admin.office.clock(), ending=lambda: False)

    return done


def test_it_says_how_many_there_are_and_means_those_of_the_caller_s_place(admin, shelf, made):
    store = SqliteLog(admin.house.data / "log", report=pytest.fail)
    store.append(
        [
            logged(n, organisation=admin.home.organisation, workspace=place)
            for n, place in enumerate(("a", admin.other.workspace))
        ]
    )
    store.close()
    answer = admin.post(URL, {"filters": {"status_code": 200}})
    assert (answer.json["total"], answer.json["object"]) == (2, "export")
    inside = shelf.get(made(key=admin.key(admin.other, ["logs.export"])))
    assert (inside.meant.organisation, inside.meant.workspaces, inside.total) == (
        admin.home.organisation,
        (admin.other.workspace,),
        1,
    )


def test_filters_are_those_of_a_search_in_json(admin, shelf, made):
    filters = {
        "time_of_generation_min": "2024-10-04T00:00:00Z", "status_code": [200, 404], "metadata": {"team": "a"}, "cost_min": 1,
        "page_size": 7, "virtual_keys": None,
    }  # fmt: skip
    job = shelf.get(made({"filters": filters}))
    assert (job.limit, job.meant.status, job.meant.metadata, job.meant.cost_nusd.least) == (
        7,
        ((200, 200), (404, 404)),
        (("team", "a"),),
        10**7,
    )
    assert admin.get(f"{URL}/{job.id}").json["filters"] == filters


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"filters": {"moon": 1}}, "filters"),
        ({"filters": {"cost_min": "x"}}, "filters"),
        ({"filters": {"page_size": 0}}, "filters"),
        ({"filters": {"status_code": "9"}}, "status_code"),
        ({"requested_data": ["id", "moon"]}, "requested_data"),
        ({"format": "xml"}, "format"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(admin, body, param):
    answer = admin.post(URL, body)
    assert (answer.status, answer.param) == (400, param)


def test_parquet_is_refused_where_it_cannot_be_written(admin, monkeypatch):
    monkeypatch.setattr(module, "can_write", lambda format: format != "parquet")
    answer = admin.post(URL, {"format": "parquet"})
    assert (answer.status, answer.code) == (400, "not_installed") and "lockgate[parquet]" in answer.message


def test_a_draft_is_changed_and_one_that_was_started_is_not(admin, made):
    id = made({"description": "d"})
    assert admin.put(f"{URL}/{id}", {"requested_data": ["cost"], "format": "csv"}).status == 200
    shown = admin.get(f"{URL}/{id}").json
    assert (shown["status"], shown["requested_data"], shown["format"], shown["description"]) == ("draft", ["cost"], "csv", "d")
    admin.post(f"{URL}/{id}/start")
    assert admin.put(f"{URL}/{id}", {"format": "jsonl"}).code == "already_started"
    assert admin.post(f"{URL}/{id}/start").code == "already_started"
    assert admin.get(f"{URL}/{id}").json["status"] == "in_progress"


def test_one_is_stopped_and_started_again(admin, made):
    id = made()
    assert admin.post(f"{URL}/{id}/cancel").code == "not_running"
    admin.post(f"{URL}/{id}/start"), admin.post(f"{URL}/{id}/cancel")
    assert admin.get(f"{URL}/{id}").json["status"] == "stopped"
    admin.post(f"{URL}/{id}/start")
    assert admin.get(f"{URL}/{id}").json["status"] == "in_progress"


def test_the_file_is_had_with_the_key_or_by_the_link(admin, made, finish):
    id, record = made(), logged(0, organisation=admin.home.organisation)
    assert admin.get(f"{URL}/{id}/download").code == admin.get(f"{URL}/{id}/content").code == "not_finished"
    finish(id, record)
    shown = admin.get(f"{URL}/{id}").json
    assert (shown["status"], shown["exported_records"], shown["error"]) == ("success", 1, None)
    link = admin.get(f"{URL}/{id}/download", headers=[("host", "localhost:1")]).json["signed_url"]
    assert link.startswith("http://localhost:1/")
    path = link.removeprefix("http://localhost:1")
    for answer in (admin.get(f"{URL}/{id}/content", stays=True), admin.get(path, key="", stays=True)):
        assert (answer.status, answer.body) == (200, b'{"id":"%s"}\n' % record.id.encode())
        assert answer.headers["content-disposition"] == f'attachment; filename="logs-{id}.jsonl"'
        assert answer.headers["cache-control"] == "no-store" and answer.headers["x-content-type-options"] == "nosniff"


def test_a_link_holds_for_an_hour_and_cannot_be_made_up(admin, made, finish, monkeypatch):
    id = made()
    finish(id)
    path = "/" + admin.get(f"{URL}/{id}/download").json["signed_url"].lstrip("/")
    said, _, signature = path.rpartition("/")[2].partition(".")
    for wrong in (f"{said}.{'0' * 64}", f"{said}x.{signature}", said, ".", f"{said}.é"):
        assert admin.get(f"{module.FILES}{wrong}", key="").status == 404
    assert admin.get(path, key="").status == 200
    now = admin.office.clock()
    monkeypatch.setattr(admin.office, "clock", lambda: now + module.LINK_US + 10**6)
    assert admin.get(path, key="").status == 404


def test_exports_are_of_their_place(admin, made):
    inside, whole = made(key=admin.key(admin.other, ["logs.export"])), made()
    abroad = admin.key(admin.abroad, ["admin"])
    assert [row["id"] for row in admin.get(URL).json["data"]] == [whole, inside]
    assert [row["id"] for row in admin.get(f"{URL}?workspace_id=other").json["data"]] == [inside]
    assert admin.get(URL, key=abroad).json["data"] == []
    for id in (inside, whole):
        for method, path in (
            ("GET", ""),
            ("PUT", ""),
            ("POST", "/start"),
            ("POST", "/cancel"),
            ("GET", "/download"),
            ("GET", "/content"),
        ):
            assert admin.ask(method, f"{URL}/{id}{path}", {} if method != "GET" else None, key=abroad).status == 404
    assert admin.get(f"{URL}/{whole}", key=admin.key(admin.other, ["logs.export"])).status == 404


def test_there_are_only_so_many(admin, shelf, made):
    job = shelf.get(made())
    for n in range(MOST - 1):
        (shelf.folder / f"x{n}.job").write_bytes((shelf.folder / f"{job.id}.job").read_bytes())
    assert admin.post(URL, {}).code == "too_many"
    made(key=admin.key(admin.abroad, ["admin"]))
