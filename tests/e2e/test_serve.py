"""The `serve` command as an operator meets it: starting, reloading, stopping, dying."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from support.house import KEY
from support.process import until


def test_the_first_start_prints_an_admin_key_that_works_and_never_again(start):
    gateway = start(admin_key=None, stocked=False)
    key = until(lambda: next((line.split()[-1] for line in gateway.out if "admin key" in line), None))
    assert gateway.chat(key=key)[0] == 200
    assert gateway.stop() == 0
    again = start(admin_key=None)
    assert again.chat(key=key)[0] == 200
    assert "admin key" not in again.said()
    assert key not in again.said()


BUDGETED = "keys: [{name: app, key: app-key-0123456789-abcdef-0123456789, usage_limits: {credit_limit: 5}}]"


def test_what_prices_are_read_with_is_in_no_process_that_stays(start):
    """Neither at the first start, when the price list is put on the shelf, nor at the second, when it lies there."""
    for _ in range(2):
        gateway = start(BUDGETED, stocked=False)
        assert gateway.chat(key="app-key-0123456789-abcdef-0123456789")[0] == 200
        assert sorted(path.name for path in (gateway.data / "shelf").glob("*.json")) == ["models.json", "prices.json"]
        for process in gateway.children():
            assert "pydantic_core" not in Path(f"/proc/{process}/maps").read_text()
        assert gateway.stop() == 0


def test_a_start_without_budgets_does_not_wait_for_prices(start):
    gateway = start(stocked=False)
    assert gateway.chat()[0] == 200
    until(lambda: len(list((gateway.data / "shelf").glob("*.json"))) == 2)
    kept = Path(f"/proc/{gateway.process.pid}/task/{gateway.process.pid}/children")  # those that have ended as well
    until(lambda: len(kept.read_text().split()) == 2)


def test_a_shelf_that_is_spoilt_is_made_again(start):
    gateway = start(BUDGETED)
    gateway.stop()
    shelf = gateway.data / "shelf" / "prices.json"
    whole = shelf.read_bytes()
    shelf.write_bytes(whole[:1000])
    assert start(BUDGETED).chat(key="app-key-0123456789-abcdef-0123456789")[0] == 200
    assert shelf.read_bytes() == whole


@pytest.mark.parametrize(
    ("config", "environment", "words"),
    [
        ("providers: {x: {}}", {}, "providers.x.provider"),
        ("surprise: 1", {}, "surprise"),
        ("", {"LOCKGATE_ADMIN_KEY": "sk-1234"}, "too weak"),
    ],
)
def test_a_bad_start_is_one_message_and_a_status(tmp_path, config, environment, words):
    (tmp_path / "c.yaml").write_text(config)
    command = [sys.executable, "-m", "lockgate", "serve", "--port", "0", "--config", "c.yaml", "--data", "data"]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, **environment}, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_busy_port_is_one_message_and_a_status(start, tmp_path):
    gateway = start()
    command = [sys.executable, "-m", "lockgate", "serve", "--port", str(gateway.port), "--data", str(tmp_path / "other")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, cwd=tmp_path, env=gateway.env)
    assert done.returncode == 1
    assert f"cannot listen at 127.0.0.1:{gateway.port}" in done.stderr


def test_a_changed_file_is_read_and_a_bad_one_is_not(start):
    gateway = start("configs: {pc-a: {provider: '@sim'}}")
    assert gateway.chat("echo", x_lockgate_config="pc-b")[0] == 404
    gateway.config.write_text("configs: {pc-b: {provider: '@sim'}}")
    until(lambda: gateway.chat("echo", x_lockgate_config="pc-b")[0] == 200)
    gateway.config.write_text("configs: {pc-b: {provider: '@nobody'}}")
    until(lambda: "configs.pc-b.provider" in gateway.said())
    assert gateway.chat("echo", x_lockgate_config="pc-b")[0] == 200


def test_a_revoked_key_is_refused_within_a_second_or_so(start):
    gateway = start()
    key = gateway.lockgate("keys", "create", "app").strip()
    until(lambda: gateway.chat(key=key)[0] == 200)
    id = next(line.split()[0] for line in gateway.lockgate("keys", "list").splitlines() if "app" in line)
    gateway.lockgate("keys", "revoke", id)
    until(lambda: gateway.chat(key=key)[0] == 401)


def test_a_stream_that_is_running_ends_before_the_gateway_does(start):
    gateway = start()
    connection = gateway.connect()
    body = b'{"model": "@sim/slow", "stream": true, "messages": [{"role": "user", "content": "hello there"}]}'
    connection.sendall(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nauthorization: Bearer "
        + KEY.encode() + b"\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    )  # fmt: skip
    got = connection.recv(65536)
    assert b"200 OK" in got
    gateway.tell(signal.SIGTERM)
    while piece := connection.recv(65536):
        got += piece
    connection.close()
    assert b"[DONE]" in got
    assert gateway.stop() == 0


def test_a_dead_worker_is_replaced_and_nothing_that_was_completed_is_missing(start):
    gateway = start("", "--workers", "2")
    seen: list[str] = []
    stop = threading.Event()

    def load():
        while not stop.is_set():
            status, _, headers = gateway.chat_whole()
            if status == 200:
                seen.append(headers["x-lockgate-request-id"])

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for kill in range(4):
        enough = (kill + 1) * 40
        until(lambda enough=enough: len(seen) >= enough)
        victims = until(
            lambda: workers if len(workers := [pid for pid in gateway.children() if _is_worker(pid)]) == 2 else None
        )
        os.kill(victims[kill % 2], signal.SIGKILL)
    until(lambda: len(seen) >= 240)
    stop.set()
    for thread in threads:
        thread.join()
    assert gateway.stop() == 0
    kept = [record["id"] for record in gateway.records() if record["outcome"] == "ok"]
    assert len(kept) == len(set(kept))
    assert not set(seen) - set(kept)


def _is_worker(pid):
    """The scribe listens to nothing: a worker has sockets."""
    try:
        return any(os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:") for fd in os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return False


def test_only_workers_hold_the_socket_that_callers_reach(start):
    """Whoever else held it would keep the address taken, and take callers whom nobody answers."""
    gateway = start("", "--workers", "2")
    until(lambda: len(gateway.children()) == 3)
    assert sorted(_is_worker(pid) for pid in gateway.children()) == [False, True, True]


def test_no_child_outlives_a_killed_supervisor(start):
    gateway = start("", "--workers", "2")
    children = until(lambda: children if len(children := list(gateway.children())) == 3 else None)
    gateway.process.kill()
    gateway.process.wait()
    until(lambda: not any(_alive(pid) for pid in children))


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rsplit(") ", 1)[1][0] != "Z"
