"""The real OpenAI client in a workspace that keeps no bodies: what it says is in no file of the gateway."""

import httpx
import openai
import pytest

from support.house import KEY
from support.process import Gateway, until

SECRET = "walrusharbour"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    gateway = Gateway(tmp_path_factory.mktemp("privacy"), "", "--workers", "2").ready()
    yield gateway
    gateway.stop()


@pytest.fixture(scope="module")
def admin(gateway):
    with httpx.Client(base_url=gateway.url + "/v1", headers={"x-portkey-api-key": KEY}) as client:
        yield client


def said_by(gateway, admin, workspace, text):
    """Ask by a new key of a workspace, whole and streamed; the record of the last one, once it is in the log."""
    made = admin.post(
        "/api-keys/workspace/service",
        params={"workspace_id": workspace},
        json={"name": "app", "scopes": ["completions.write"]},
    ).json()
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key=made["key"], max_retries=0) as client:
        ask = {"model": "@sim/chat", "messages": [{"role": "user", "content": text}], "user": "u-1"}
        until(lambda: answers(client, ask))
        for chunk in client.chat.completions.create(**ask, stream=True):
            assert chunk.id
    return until(lambda: logged(admin, workspace, made["id"]))


def answers(client, ask):
    """A key is known to all workers within a second."""
    try:
        return client.chat.completions.create(**ask).choices[0].message.content
    except openai.AuthenticationError:
        return None


def logged(admin, workspace, key):
    page = admin.get("/logs", params={"workspace_id": workspace, "page_size": 200, "include_total": "true"}).json()
    rows = [row for row in page["data"] if row["api_key_id"] == key] if page["total"] >= len(page["data"]) else []
    return rows[0] if len(rows) >= 2 else None


def files_with(gateway, text):
    """The files of the gateway in which a text stands."""
    return [path.name for path in gateway.data.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def test_a_workspace_that_keeps_no_bodies_keeps_none(gateway, admin):
    quiet = admin.post("/admin/workspaces", json={"name": "Quiet", "capture": "metadata"}).json()
    row = said_by(gateway, admin, quiet["id"], f"Say pong. {SECRET}")
    detail = admin.get(f"/logs/{row['id']}", params={"workspace_id": quiet["id"]}).json()
    assert (row["status_code"], row["ai_model"], detail["request"], detail["response"]) == (200, "chat", None, None)
    assert row["tokens"]
    assert admin.get("/logs", params={"workspace_id": quiet["id"], "text": SECRET}).json()["data"] == []
    assert files_with(gateway, SECRET) == []


def test_one_beside_it_keeps_them_until_it_says_otherwise(gateway, admin):
    loud = admin.post("/admin/workspaces", json={"name": "Loud"}).json()
    row = said_by(gateway, admin, loud["id"], "Say pong. heronroof")
    detail = admin.get(f"/logs/{row['id']}", params={"workspace_id": loud["id"]}).json()
    assert detail["request"]["messages"][0]["content"] == "Say pong. heronroof"
    assert len(admin.get("/logs", params={"workspace_id": loud["id"], "text": "heronroof"}).json()["data"]) == 2
    assert admin.put(f"/admin/workspaces/{loud['id']}", json={"capture": "metadata"}).json()["capture"] == "metadata"
    row = said_by(gateway, admin, loud["id"], f"Say pong. {SECRET}")
    detail = admin.get(f"/logs/{row['id']}", params={"workspace_id": loud["id"]}).json()
    assert (detail["request"], files_with(gateway, SECRET)) == (None, [])
