"""What is stored while a gateway runs holds on every worker within a second; what it knows outlives its database."""

import time

import pytest

from support import postgres
from support.house import KEY
from support.process import until


@pytest.fixture(params=["sqlite", "postgresql"])
def gateway(request, start):
    where = {} if request.param == "sqlite" else {"LOCKGATE_CONTROL_URL": postgres.new_database()}
    return start("", "--workers", "2", **where)


def statuses(gateway, key, count=8):
    """What several connections get: of each worker, unless chance has it that all come to one."""
    return {gateway.chat("@mine/chat", key=key)[0] for _ in range(count)}


def within_a_second(gateway, key, wanted):
    began = time.monotonic()
    until(lambda: statuses(gateway, key) == wanted)
    assert time.monotonic() - began < 3.0  # a second, and the asking on a busy machine


def test_a_stored_provider_and_key_work_rotate_and_end_without_a_restart(gateway):
    key = gateway.lockgate("keys", "create", "app").splitlines()[0]
    gateway.lockgate("providers", "add", "mine", "--provider", "sim", "--no-key")
    within_a_second(gateway, key, {200})
    gateway.lockgate("vault", "rotate")
    new = gateway.lockgate("keys", "rotate", key.split("_")[1]).splitlines()[0]
    within_a_second(gateway, new, {200})
    assert statuses(gateway, key) == {200}
    gateway.lockgate("keys", "revoke", key.split("_")[1])
    within_a_second(gateway, key, {401})
    within_a_second(gateway, new, {401})  # another worker may be asked than was before
    gateway.lockgate("providers", "remove", "mine")
    within_a_second(gateway, KEY, {404})


def test_while_its_database_hangs_known_keys_are_served_and_unknown_ones_are_not_called_wrong(start):
    url = postgres.new_database()
    gateway = start("", LOCKGATE_CONTROL_URL=url)
    key = gateway.lockgate("keys", "create", "app").splitlines()[0]
    gateway.lockgate("providers", "add", "mine", "--provider", "sim", "--no-key")
    within_a_second(gateway, key, {200})
    with postgres.hung(url):
        until(lambda: statuses(gateway, "lg_made-a-moment-ago-0123456789", 1) == {503})
        assert statuses(gateway, key, 20) == {200}
    until(lambda: statuses(gateway, "lg_made-a-moment-ago-0123456789", 1) == {401})
    gateway.lockgate("keys", "revoke", key.split("_")[1])
    within_a_second(gateway, key, {401})
