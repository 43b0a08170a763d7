"""A real gateway with two workers: an issuer of tokens that changes its keys and goes away, and people who are logged out."""

import http.server
import json
import threading
import time

import pytest

from support.house import KEY
from support.process import until
from support.tokens import ec_key, jwk, rsa_key, sign

PASSWORD = "correct horse battery staple"


class Issuer(http.server.ThreadingHTTPServer):
    """Publishes `keys`; with None it answers 500."""

    def __init__(self):
        self.keys = [jwk(rsa_key(), "1")]
        self.asked = 0
        super().__init__(("127.0.0.1", 0), _Keys)
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()


class _Keys(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked += 1
        body = json.dumps({"keys": self.server.keys}).encode()
        self.send_response(500 if self.server.keys is None else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def issuer():
    issuer = Issuer()
    yield issuer
    issuer.shutdown()
    issuer.server_close()


@pytest.fixture
def gateway(start, issuer):
    entry = {"issuer": issuer.url, "audience": ["lockgate"], "jwks_url": f"{issuer.url}/jwks"}
    return start(json.dumps({"identity": {"jwt": {"apps": entry}}}), "--workers", "2")


def token(issuer, key=None, kid="1", **more):
    claims = {"iss": issuer.url, "aud": "lockgate", "exp": int(time.time()) + 300, "portkey_oid": "default"}
    claims |= {"portkey_workspace": "default", "scope": "completions.write", "email_id": "ann@example.com"}
    return sign({**claims, **more}, key, kid)


def statuses(gateway, key, count=8):
    """What several connections get, so that each worker is asked."""
    return {gateway.chat(key=key)[0] for _ in range(count)}


def revisions(gateway, count=8):
    return {gateway.get("/readyz")[1]["revision"] for _ in range(count)}


def test_a_token_opens_the_data_plane_and_outlives_its_issuer(gateway, issuer):
    good = token(issuer)
    until(lambda: statuses(gateway, good) == {200})
    assert statuses(gateway, token(issuer, rsa_key("forged"))) == {401}
    assert statuses(gateway, token(issuer, portkey_oid="another")) == {401}
    assert gateway.get("/v1/models", key=good)[0] == 403  # not among its scopes
    issuer.keys = None
    before = revisions(gateway)
    gateway.config.write_text(json.dumps({**json.loads(gateway.config.read_text()), "log": {"body_limit": 1000}}))
    until(lambda: not before & revisions(gateway))  # a reload asks nobody either
    assert statuses(gateway, good) == {200}
    assert statuses(gateway, token(issuer, jti="another")) == {200}
    (record,) = {(each["key_name"], each["key_id"]) for each in gateway.records() if each["status"] == 200}
    assert record[0] == "ann@example.com"
    assert record[1].startswith("jwt:apps:")
    assert good not in json.dumps(gateway.records())


def test_a_token_of_a_new_key_is_asked_to_come_again_and_then_taken(start, issuer):
    issuer.keys = None  # down when the gateway starts
    entry = {"issuer": issuer.url, "audience": ["lockgate"], "jwks_url": f"{issuer.url}/jwks"}
    gateway = start(json.dumps({"identity": {"jwt": {"apps": entry}}}))
    new = token(issuer, ec_key(), "2")
    until(lambda: issuer.asked)
    status, answer, headers = gateway.chat_whole(key=new)
    assert (status, answer["error"]["code"], headers["retry-after"]) == (503, "issuer_keys_unknown", "1")
    assert gateway.chat(key=KEY)[0] == 200  # keys are known without it


def session(gateway, path="/auth/session", **headers):
    return gateway.ask("GET", path, None, None, **headers)[0]


def test_who_is_logged_out_is_out_on_every_worker_at_once(gateway):
    gateway.lockgate("users", "add", "ann@example.com", "--role", "admin", "--password-stdin", given=PASSWORD)
    gateway.lockgate("users", "add", "owner@example.com", "--role", "owner", "--no-password")
    origin = {"origin": gateway.url}

    def log_in():
        body = {"email": "ann@example.com", "password": PASSWORD}
        status, _, headers = gateway.ask_whole("POST", "/auth/login", body, None, **origin)
        assert status == 200
        return headers["set-cookie"].partition(";")[0]

    for command in ("logout", "disable"):
        cookie = log_in()
        assert {session(gateway, cookie=cookie) for _ in range(8)} == {200}
        assert {session(gateway, "/v1/configs", cookie=cookie) for _ in range(4)} == {200}
        gateway.lockgate("users", command, "ann@example.com")
        assert {session(gateway, cookie=cookie) for _ in range(8)} == {401}
        assert {session(gateway, "/v1/configs", cookie=cookie) for _ in range(4)} == {401}
