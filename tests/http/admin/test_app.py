"""What holds for every operation, whatever it is about."""

import asyncio
import json
import threading

import pytest

from lockgate.control.insight import READERS
from lockgate.control.search import Search
from lockgate.core.holdings import SavedConfig
from lockgate.http.admin.app import BODY_LIMIT, LEFT
from lockgate.stores.logs.patience import too_long
from lockgate.stores.logs.ports import Page
from lockgate.stores.ports import StoreError
from support.asgi import Line
from support.house import KEY

CONFIG = {"name": "A", "config": {"provider": "openai"}}


def test_an_error_says_the_same_to_portkeys_sdk_and_in_portkeys_envelope(admin):
    answer = admin.post("/v1/configs", {"name": "A", "config": {"targets": [{"provider": "openai", "wait": 1}]}})
    assert answer.status == 400
    assert answer.json["success"] is False
    assert answer.json["data"]["errorCode"] == "AB01"
    assert answer.json["error"] == {
        "message": answer.message,
        "type": "admin_error",
        "code": answer.code,
        "param": "config.targets[0]",
    }


@pytest.mark.parametrize(
    ("key", "code"), [("", "missing_key"), ("nobody-has-this-key-0123456789", "invalid_key"), (KEY + "x", "invalid_key")]
)
def test_nobody_is_let_in_without_a_key_that_is_known(admin, key, code):
    for answer in (admin.get("/v1/configs", key=key), admin.post("/v1/configs", CONFIG, key=key)):
        assert (answer.status, answer.code, answer.json["data"]["errorCode"]) == (401, code, "AB05")
    assert not admin.rows(SavedConfig)


def test_who_asks_is_told_apart_before_the_body_is_read(admin):
    assert admin.post("/v1/configs", b"{" * 10, key="nobody-has-this-key-0123456789").status == 401


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"{", "invalid_json", None),
        (b"[]", "invalid_type", None),
        ({"name": "A"}, "invalid_type", None),
        ({**CONFIG, "slag": "x"}, "unknown_member", "slag"),
        ({**CONFIG, "name": "x" * 256}, "invalid_type", "name"),
        ({**CONFIG, "is_default": 7}, "invalid_type", "is_default"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_with_what_is_wrong(admin, body, code, param):
    answer = admin.post("/v1/configs", body)
    assert (answer.status, answer.code, answer.param) == (400, code, param)


def test_a_body_where_there_is_none_is_refused_but_an_empty_one_is_not(admin):
    slug = admin.post("/v1/configs", CONFIG).json["slug"]
    assert admin.ask("DELETE", f"/v1/configs/{slug}", {"force": True}).code == "unexpected_body"
    assert admin.ask("DELETE", f"/v1/configs/{slug}", {}).status == 200


def test_bodies_are_bounded_also_those_that_do_not_say_how_long_they_are(admin):
    said = admin.post("/v1/configs", b"{}", headers=[("content-length", str(BODY_LIMIT + 1))])
    unsaid = admin.post("/v1/configs", b"", pieces=[b" " * (BODY_LIMIT // 2 + 1)] * 2)
    assert said.status == unsaid.status == 413


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("content-type", "text/plain")], 415),
        ([("content-type", "application/json; charset=utf-8")], 200),
        ([("content-encoding", "gzip")], 415),
        ([("x-portkey-api-key", KEY)], 400),
        ([("if-match", '"1"'), ("if-match", "*")], 400),
    ],
)
def test_headers_that_cannot_be_meant_are_refused(admin, headers, status):
    assert admin.post("/v1/configs", CONFIG, headers=headers).status == status


@pytest.mark.parametrize(
    ("query", "code", "param"),
    [
        ("workspaceid=x", "unknown_parameter", "workspaceid"),
        ("page_size=0", "invalid_type", "page_size"),
        ("page_size=1001", "invalid_type", "page_size"),
        ("page_size=many", "invalid_type", "page_size"),
        ("page_size=1&pageSize=2", "repeated_parameter", "page_size"),
    ],
)
def test_a_query_that_is_not_known_is_refused_and_never_left_out(admin, query, code, param):
    answer = admin.get(f"/v1/configs?{query}")
    assert (answer.status, answer.code, answer.param) == (400, code, param)


def test_a_wrong_method_says_the_right_ones(admin):
    answer = admin.ask("PATCH", "/v1/api-keys/x")
    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "DELETE, GET, PUT"
    assert admin.post("/openapi.json").headers["allow"] == "GET"


@pytest.mark.parametrize("path", ["/v1/configs", "/v1/configs/none", "/openapi.json", "/v1/api-keys?x=1"])
def test_no_answer_is_kept_framed_or_guessed_at(admin, path):
    headers = admin.get(path).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert not [name for name in headers if name.startswith("access-control")]


def test_an_answer_says_under_which_id_it_is_in_the_audit_log(admin):
    answer = admin.post("/v1/configs?workspace_id=default", CONFIG)
    entries = admin.store.audit(admin.whole)
    assert {entry.actor.request_id for entry in entries[:2]} == {answer.headers["x-lockgate-request-id"]}
    actor = entries[0].actor
    assert (actor.kind, actor.id, actor.method, actor.client_ip) == ("api_key", "admin", "POST", "192.0.2.7")
    assert actor.uri == "/v1/configs?workspace_id=default"
    assert answer.headers["x-portkey-request-id"] == answer.headers["x-lockgate-request-id"]
    assert "x-portkey-request-id" not in admin.get("/v1/configs", key="", headers=[("x-lockgate-api-key", KEY)]).headers


def test_what_cannot_be_audited_is_not_done(admin):
    admin.store.audit_key = b""
    answer = admin.post("/v1/configs", CONFIG)
    assert (answer.status, answer.code) == (503, "store_unavailable")
    assert not admin.rows(SavedConfig)


def test_trouble_with_the_store_is_told_without_telling_of_the_machine(admin, monkeypatch, caplog):
    def fail(*arguments, **more):
        raise StoreError("/secret/place/control.db: disk I/O error")

    monkeypatch.setattr(admin.store, "page", fail)
    answer = admin.get("/v1/configs")
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "store_unavailable", "5")
    assert b"/secret" not in answer.body
    assert answer.headers["x-lockgate-request-id"] in caplog.text and "/secret/place" in caplog.text


def test_a_question_that_reads_too_much_is_told_what_would_be_less(admin, monkeypatch):
    def give_up(*arguments, **more):
        raise too_long(60)

    monkeypatch.setattr(admin.store, "page", give_up)
    answer = admin.get("/v1/configs")
    assert (answer.status, answer.code) == (400, "too_much_to_read")
    assert b"Ask for a shorter time" in answer.body


def test_a_bug_of_ours_is_answered_and_logged_with_the_requests_id(admin, monkeypatch, caplog):
    monkeypatch.setattr(admin.store, "page", lambda *arguments, **more: 1 / 0)
    answer = admin.get("/v1/configs")
    assert (answer.status, answer.code) == (500, "internal_error")
    assert answer.headers["x-lockgate-request-id"] in caplog.text and "ZeroDivisionError" in caplog.text
    assert b"ZeroDivision" not in answer.body


def test_an_etag_is_a_rows_version_and_if_match_holds_to_it(admin):
    slug = admin.post("/v1/configs", CONFIG).json["slug"]
    tag = admin.get(f"/v1/configs/{slug}").headers["etag"]
    assert admin.put(f"/v1/configs/{slug}", {"name": "B"}, headers=[("if-match", tag)]).status == 200
    late = admin.put(f"/v1/configs/{slug}", {"name": "C"}, headers=[("if-match", tag)])
    assert (late.status, late.code) == (412, "changed_meanwhile")
    assert admin.delete(f"/v1/configs/{slug}", headers=[("if-match", tag)]).status == 412
    assert admin.get(f"/v1/configs/{slug}").json["name"] == "B"
    assert admin.put(f"/v1/configs/{slug}", {"name": "D"}, headers=[("if-match", "*")]).status == 200
    assert admin.put(f"/v1/configs/{slug}", {"name": "E"}).status == 200


def test_what_is_deeper_than_anyone_writes_is_refused(admin):
    deep = json.dumps(CONFIG).replace('{"provider": "openai"}', "[" * 100_000 + "]" * 100_000).encode()
    assert admin.post("/v1/configs", deep).status == 400


def test_no_more_requests_wait_for_the_store_than_it_can_bear(admin, monkeypatch):
    monkeypatch.setattr(admin.office._crew, "_most", 0)
    answer = admin.get("/v1/configs")
    assert (answer.status, answer.code) == (503, "busy")


def test_what_somebody_has_left_again_is_not_read_and_takes_nobodys_place(admin, monkeypatch):
    let_go, begun = threading.Event(), []

    def read(*arguments):
        begun.append(threading.get_ident())
        assert let_go.wait(20)
        return Page([], None)

    monkeypatch.setattr(Search, "page", read)
    monkeypatch.setattr("lockgate.control.insight.MOST", READERS + 6)  # what one browser asks at a time

    async def scenario():
        lines = [Line() for _ in range(READERS + 6)]
        left = [asyncio.create_task(admin._ask("GET", "/v1/logs", stays=True, line=line)) for line in lines]
        async with asyncio.timeout(20):
            while len(begun) < READERS or not all(line.when_lost for line in lines):
                await asyncio.sleep(0)
        for line in lines:
            line.lost = True
            line.when_lost()
        assert {answer.status for answer in await asyncio.gather(*left)} == {LEFT}  # which reaches nobody
        back = [asyncio.create_task(admin._ask("GET", "/v1/logs", stays=True)) for _ in range(6)]
        await asyncio.sleep(0)
        let_go.set()
        return [answer.status for answer in await asyncio.gather(*back)]

    assert asyncio.run(scenario()) == [200] * 6
    assert len(begun) == READERS + 6


def test_what_somebody_has_changed_and_left_is_changed(admin):
    line = Line()
    line.lost = True
    assert asyncio.run(admin._ask("POST", "/v1/configs", CONFIG, line=line)).status == 200
    assert [row.name for row in admin.rows(SavedConfig)] == ["A"]
