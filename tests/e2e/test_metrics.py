"""`GET /metrics` of a real gateway: right with several workers, whoever of them answers, and whoever is killed."""

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

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


def test_counters_never_go_back_while_workers_die_under_traffic(start):
    """Read again and again, in both formats, whoever answers."""
    gateway = start("", "--workers", "3")
    until(lambda: len(read_state(gateway.data).workers) == 3)
    seen, killed = [], 0
    stop = time.monotonic() + 6
    with ThreadPoolExecutor() as pool:
        busy = pool.submit(crowd, gateway, CONFIG, at_once=8, done=lambda: time.monotonic() > stop)
        while not busy.done():
            accept = "application/openmetrics-text; version=1.0.0" if len(seen) % 2 else ""
            try:
                seen.append(scrape(gateway, accept))
            except OSError:
                continue  # it was killed while it answered
            if total(seen[-1], "lockgate_requests_total") > 0 and killed < 4:
                os.kill(_children(gateway)[killed % 3], signal.SIGKILL)
                killed += 1
        answers = busy.result()
    whole = sum(each.status == 200 for each in answers)
    until(lambda: total(scrape(gateway), "lockgate_requests_total", outcome="ok") >= whole)
    seen.append(scrape(gateway))
    assert killed == 4 and len(seen) > 10
    for before, after in pairwise(seen):
        back = {key for key, value in before.items() if counts(key[0]) and after.get(key, 0) < value}
        assert not back


def test_what_callers_invent_makes_no_series(gateway):
    """Models, keys, metadata, headers, paths, configs: ten times as many are as many series."""
    invent(gateway, range(5))
    until(lambda: total(scrape(gateway), "lockgate_records_total") >= 5 * INVENTED)
    before = series(scrape(gateway))
    invent(gateway, range(5, 55))
    until(lambda: total(scrape(gateway), "lockgate_records_total") >= 55 * INVENTED)
    numbers = scrape(gateway)
    assert series(numbers) == before
    assert "invented" not in repr(numbers)
    assert labels(numbers, "model") <= {"", "chat", "other"}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="Debian's package prometheus has promtool")
def test_promtool_finds_nothing_wrong(gateway):
    chats(gateway, 20)
    invent(gateway, range(3))
    until(lambda: total(scrape(gateway), "lockgate_records_total") >= 20 + 3 * INVENTED)
    text = urllib.request.urlopen(
        urllib.request.Request(gateway.url + "/metrics", headers={"authorization": f"Bearer {KEY}"}), timeout=10
    ).read()
    told = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, timeout=30)
    assert (told.returncode, told.stdout, told.stderr) == (0, b"", b"")


#: How many requests `invent` has recorded of a number: what has no route is none.
INVENTED = 4


def invent(gateway, numbers):
    for n in numbers:
        name = f"invented-{n}"
        said = {
            "x_portkey_metadata": json.dumps({name: name, "_user": name}),
            "x_portkey_trace_id": name,
            "user_agent": name,
        }
        assert gateway.chat(**said)[0] == 200
        assert gateway.chat(model=f"@sim/{name}", **said)[0] >= 400
        assert gateway.chat(model=f"@{name}/{name}", **said)[0] >= 400
        assert gateway.chat(key=name)[0] == 401
        assert gateway.ask("POST", f"/v1/{name}", {"model": name}, **said)[0] >= 400


def counts(name):
    return name.endswith(("_total", "_count", "_sum", "_bucket"))


def series(numbers):
    """All that counts, with its labels."""
    return {key for key in numbers if counts(key[0])}


def labels(numbers, name):
    return {value for _, *said in numbers for label, value in said if label == name}
