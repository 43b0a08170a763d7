"""`GET /metrics` of a real gateway: right with several workers, whoever of them answers, and whoever is killed."""

import os
import signal
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from lockgate.control.state import read_state
from support.crowd import ASK, crowd, share
from support.house import KEY
from support.process import until

CONFIG = {"provider": "@sim", "override_params": {"model": "chat"}}


def scrape(gateway, accept=""):
    headers = {"authorization": f"Bearer {KEY}", "accept": accept}
    with urllib.request.urlopen(urllib.request.Request(gateway.url + "/metrics", headers=headers), timeout=10) as answer:
        text = answer.read().decode()
    families = list(read_openmetrics(text) if "openmetrics" in accept else read_text(text))
    return {(each.name, *sorted(each.labels.items())): each.value for family in families for each in family.samples}


def total(numbers, name, **labels):
    return sum(value for (each, *said), value in numbers.items() if each == name and labels.items() <= dict(said).items())


@pytest.fixture
def gateway(start):
    gateway = start("", "--workers", "2")
    until(lambda: len(read_state(gateway.data).workers) == 2)
    return gateway


def chats(gateway, count):
    answers = crowd(gateway, CONFIG, count=count, at_once=8, body=ASK)
    assert share(answers) == 1.0


def test_all_workers_are_counted_whoever_is_asked(gateway):
    chats(gateway, 40)
    for accept in ("", "application/openmetrics-text; version=1.0.0"):
        until(lambda accept=accept: total(scrape(gateway, accept), "lockgate_requests_total") == 40)
    for _ in range(10):  # whichever of the two answers
        numbers = scrape(gateway)
        assert total(numbers, "lockgate_requests_total", provider="sim", model="chat", outcome="ok", status="2xx") == 40
        assert total(numbers, "lockgate_request_duration_seconds_count") == 40
        assert total(numbers, "lockgate_tokens_total", kind="output") > 0
        assert total(numbers, "lockgate_workers") == 2
        assert total(numbers, "lockgate_resident_memory_bytes") > 20_000_000


def test_each_request_counts_once_whoever_is_killed(gateway):
    chats(gateway, 20)
    until(lambda: total(scrape(gateway), "lockgate_requests_total") == 20)
    before = scrape(gateway)
    for pid in _children(gateway):  # both workers, and the scribe
        os.kill(pid, signal.SIGKILL)
    until(lambda: gateway.get("/readyz")[0] == 200)
    chats(gateway, 20)
    until(lambda: total(scrape(gateway), "lockgate_requests_total") == 40)
    after = scrape(gateway)
    assert all(after[key] >= value for key, value in before.items() if key[0].endswith(("_total", "_count", "_bucket")))


def test_the_numbers_are_kept_over_a_restart(gateway, start):
    chats(gateway, 5)
    gateway.stop()
    again = start("", "--workers", "1")
    until(lambda: total(scrape(again), "lockgate_requests_total") == 5)


def test_what_is_under_way_is_told(gateway):
    stop = time.monotonic() + 4
    with ThreadPoolExecutor() as pool:
        busy = pool.submit(crowd, gateway, CONFIG, at_once=8, done=lambda: time.monotonic() > stop)
        until(lambda: total(scrape(gateway), "lockgate_requests_in_flight") > 0)
        busy.result()
    until(lambda: total(scrape(gateway), "lockgate_requests_in_flight") == 0)


def _children(gateway):
    pid = gateway.process.pid
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(each) for each in file.read().split()]
