"""Machines that share their circuits through a real Redis: two gateways of two workers, each with a data directory of its own."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count, pairwise

import pytest

from lockgate.control.state import read_state
from support.bodies import GPT, SERVER
from support.crowd import ask, crowd, share
from support.faulty import answer
from support.process import Gateway, until
from support.redis import Server

COOLDOWN_S = 1.5
#: How long a circuit may take to be known elsewhere, on a machine that is busy with other tests.
LATE_S = 3.0
MANY = 4
_numbers = count()


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.signal(signal.SIGCONT)
    server.kill()


@pytest.fixture(scope="module")
def machines(upstream, redis, tmp_path_factory):
    """Two of them, which ask with keys of their own."""
    found = []
    for name in ("one", "two"):
        slugs = ["well", *(f"dead{n}" for n in range(MANY))]
        entries = [f"{slug}: {{provider: openai, api_key: sk-{name}, base_url: '{upstream.url(slug)}'}}" for slug in slugs]
        config = f"redis: {redis.url}\nlog: {{capture: metadata}}\nproviders:\n  " + "\n  ".join(entries)
        found.append(Gateway(tmp_path_factory.mktemp(name), config, "--workers", "2"))
    try:
        for each in found:
            each.ready()
        yield found
    finally:
        for each in found:
            each.stop()


class Dead:
    """A primary that fails, and a config that falls back from it. Both machines have asked it, and know that they share."""

    def __init__(self, machines, upstream):
        self.machines, self._upstream = machines, upstream
        self._slug = f"dead{next(_numbers)}"
        self.plays(answer(SERVER, 500))
        upstream.plays("well", answer(GPT))
        circuit = {"failure_threshold": 5, "cooldown_interval": int(1000 * COOLDOWN_S)}
        targets = [{"provider": f"@{slug}", "override_params": {"model": "m"}} for slug in (self._slug, "well")]
        self.config = {"strategy": {"mode": "fallback", "cb_config": circuit}, "targets": targets}
        for each in machines:
            ask(each, self.config)
        until(lambda: self.states() == ["closed", "closed"])
        until(lambda: all(read_state(each.data).shared for each in machines))

    def plays(self, *plays):
        self._upstream.plays(self._slug, *plays)

    def states(self):
        found = [{each.provider: each.state for each in read_state(machine.data).circuits} for machine in self.machines]
        return [each.get(self._slug, "") for each in found]

    def opens(self):
        """On the first machine; then everywhere, after how many seconds."""
        crowd(self.machines[0], self.config, count=20, at_once=1)
        since = time.monotonic()
        assert self.states()[0] == "open"
        until(lambda: self.states()[1] == "open", LATE_S)
        return time.monotonic() - since

    def asked(self, name=""):
        """When, by one of the machines or by all."""
        return [
            each.at
            for each in self._upstream.asked(self._slug)
            if each.headers["authorization"].startswith(f"Bearer sk-{name}")
        ]

    def crowds(self, done):
        """The answers to both machines' callers."""
        with ThreadPoolExecutor() as pool:
            ask = [pool.submit(crowd, each, self.config, at_once=4, done=done) for each in self.machines]
        return [answer for each in ask for answer in each.result()]


@pytest.fixture
def dead(machines, upstream):
    return Dead(machines, upstream)


def test_what_has_opened_on_one_is_open_on_the_other(dead):
    dead.opens()
    before = len(dead.asked("two"))
    assert share(crowd(dead.machines[1], dead.config, count=50)) == 1.0
    assert len(dead.asked("two")) == before


def test_one_probes_for_all(dead):
    dead.opens()
    begun = time.monotonic()
    assert share(dead.crowds(lambda: time.monotonic() > begun + 4 * COOLDOWN_S)) == 1.0
    times = [at for at in dead.asked() if at > begun]
    assert 2 <= len(times) <= 1 + (time.monotonic() - begun) / COOLDOWN_S
    assert all(later - earlier > COOLDOWN_S for earlier, later in pairwise(times))
    dead.plays(answer(GPT))
    assert share(dead.crowds(lambda: dead.states() == ["closed", "closed"])) == 1.0


@pytest.mark.parametrize("trouble", [signal.SIGSTOP, signal.SIGKILL])
def test_nobody_waits_for_a_redis_that_hangs_or_is_gone(dead, redis, trouble):
    dead.opens()
    redis.signal(trouble)
    until(lambda: not any(read_state(each.data).shared for each in dead.machines), LATE_S)
    begun = time.monotonic()
    times = []
    while time.monotonic() < begun + 2 * COOLDOWN_S:
        for each in dead.machines:
            before = time.monotonic()
            assert ask(each, dead.config).status == 200
            times.append(time.monotonic() - before)
    assert sorted(times)[-2] < 0.4  # of the 0.5 s that a Redis has to answer; the machine itself may halt once
    assert all([at for at in dead.asked(name) if at > begun] for name in ("one", "two"))  # each probes by itself
    assert all("Redis" in read_state(each.data).trouble for each in dead.machines)
    if trouble == signal.SIGSTOP:
        redis.signal(signal.SIGCONT)
    else:
        redis.kill()
        redis.start()
    until(lambda: all(read_state(each.data).shared for each in dead.machines), 2 * LATE_S)
