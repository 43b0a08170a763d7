"""Behind a proxy of the operator's own, who asks is who the proxy has seen; `support.admin` asks from 192.0.2.7."""

import pytest

from lockgate.core.tenancy import Tenant
from support.admin import Admin


@pytest.fixture(params=["server: {trusted_proxies: [192.0.2.0/24]}", ""], ids=["trusted", "not trusted"])
def behind(request, tmp_path):
    admin = Admin(tmp_path, request.param)
    admin.trusted = bool(request.param)
    yield admin
    admin.close()


def from_(address):
    return [("X-Forwarded-For", address)]


def test_the_audit_log_has_the_address_that_the_proxy_has_seen(behind):
    said = {"name": "app"}
    assert behind.post("/v1/api-keys/workspace/service", said, headers=from_("6.6.6.6, 198.51.100.1")).status == 200
    entry = behind.store.audit(Tenant(behind.home.organisation), limit=1)[0]
    assert entry.actor.client_ip == ("198.51.100.1" if behind.trusted else "192.0.2.7")


def guess(admin, n, address):
    body = {"token": f"{admin.home.organisation}.{n}", "name": "A", "password": "correct horse battery"}
    return admin.post("/v1/admin/users/invites/accept", body, key="", headers=from_(address)).status


def test_those_behind_a_proxy_do_not_wait_for_each_other(behind):
    found = {guess(behind, n, f"198.51.100.{n}") for n in range(40)}
    assert found == ({404} if behind.trusted else {404, 429})


def test_who_makes_up_addresses_waits_all_the_same(behind):
    found = [guess(behind, n, f"203.0.113.{n}, 198.51.100.1") for n in range(40)]
    assert found[-1] == 429


def test_a_login_is_of_the_address_that_the_proxy_has_seen(behind):
    headers = [("host", "localhost:8787"), ("origin", "http://localhost:8787"), ("content-type", "application/json")]
    seen = []
    behind.office.reception.throttle.enter = lambda account, address: seen.append(address)
    body = {"email": "ann@example.com", "password": "correct horse battery"}
    behind.post("/auth/login", body, key="", headers=[*headers, *from_("198.51.100.1")])
    assert seen == ["198.51.100.1" if behind.trusted else "192.0.2.7"]


def test_a_proxy_that_is_named_while_it_runs_is_believed_from_then_on(tmp_path):
    admin = Admin(tmp_path, "server: {trusted_proxies: []}")
    try:
        admin.house.config_path.write_text("server: {trusted_proxies: [192.0.2.7]}")
        admin.reload()
        admin.post("/v1/api-keys/workspace/service", {"name": "app"}, headers=from_("198.51.100.1"))
        assert admin.store.audit(Tenant(admin.home.organisation), limit=1)[0].actor.client_ip == "198.51.100.1"
    finally:
        admin.close()
