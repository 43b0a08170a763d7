"""A gateway that serves while its request log is loaded and asked: real processes, a fake provider, and a pulse of requests.

Records come into the log as those of another worker would: through the spool, which the gateway's scribe empties.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from bench.governed.process import Tree

from lockgate.core.record import Record
from lockgate.stores.spool import Spool, held, segments

KEY = "lg_bench_0123456789abcdef"
#: Requests a second that the gateway answers meanwhile.
PULSE = 20
#: Bytes that may lie in the spool while it is filled; and how long it may take to be emptied of the rest.
AHEAD, PATIENCE_S = 256 * 1024 * 1024, 600.0


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


class Gateway:
    """`lockgate serve` over a data directory, with its provider, and somebody who asks it `PULSE` times a second.

    `phase` names what goes on; latencies are kept by it. `log` are the members of the configuration's `log`.
    """

    def __init__(self, data: Path, log: dict[str, object]) -> None:
        self.phase = "alone"
        self._data = data
        self._took: dict[str, list[float]] = defaultdict(list)
        self._wrong: dict[str, int] = defaultdict(int)
        self._over = threading.Event()
        provider, self._port = free_port(), free_port()
        config = data / "bench.json"
        config.write_text(
            json.dumps(
                {
                    "providers": {"up": {"provider": "openai", "base_url": f"http://127.0.0.1:{provider}/v1", "api_key": "k"}},
                    "configs": {"chat": {"provider": "@up", "upstream_api": "chat"}},
                    "keys": [{"name": "bench", "key": KEY}],
                    "egress": {"allow": ["127.0.0.0/8"]},
                    "log": {"retention_days": 0, **log},  # the days of the bench are long past
                }
            )
        )
        python, said = [sys.executable, "-m"], data / "bench.out"
        self._provider = Tree([*python, "bench.upstream", "--port", str(provider)], said, None)
        serve = ["lockgate", "serve", "--port", str(self._port), "--data", str(data), "--config", str(config)]
        self._gateway = Tree([*python, *serve], said, None)
        self._caller = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> Gateway:
        until = time.monotonic() + 60
        while True:
            try:
                if self._answer(http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)):
                    break
            except OSError:
                pass
            if time.monotonic() > until or not self._gateway.alive():
                self.__exit__()
                raise SystemExit(f"the gateway does not answer: {self._gateway.last_words()}")
            time.sleep(0.1)
        self._caller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._caller.ident is not None:
            self._caller.join(10)
        self._gateway.stop()
        self._provider.stop()

    def load(self, batches: Iterable[list[Record]]) -> tuple[int, float, float]:
        """Bring these records into the log: how many, seconds until all are in it, CPU seconds of the gateway meanwhile."""
        began, used, done = time.monotonic(), self._gateway.cpu_s(), 0
        spool = Spool(self._data / "spool", clock=lambda: time.time_ns() // 1000, report=print)
        for batch in batches:
            while held(self._data / "spool") > AHEAD:
                time.sleep(0.05)
            for record in batch:
                spool.append(record)
            done += len(batch)
            if done % 100_000 == 0:
                seconds, cpu = time.monotonic() - began, self._gateway.cpu_s() - used
                print(f"{done:,}, {done / seconds:,.0f}/s, {cpu / done * 1e6:.0f} µs CPU each", file=sys.stderr)
        spool.close()
        until = time.monotonic() + PATIENCE_S
        while any(f"-{os.getpid()}-" in path.name for path in segments(self._data / "spool")):
            if time.monotonic() > until:
                raise SystemExit(f"the spool is not emptied: {self._gateway.last_words()}")
            time.sleep(0.05)
        if spool.dropped or spool.stripped:
            raise SystemExit(f"the spool was full: {spool}")
        return done, time.monotonic() - began, self._gateway.cpu_s() - used

    def table(self) -> str:
        """What the requests took, by phase."""
        lines = [
            f"| {PULSE} requests a second | requests | p50, ms | p99, ms | not answered well |",
            "| --- | ---: | ---: | ---: | ---: |",
        ]
        for phase, took in self._took.items():
            ranked = sorted(took)
            p50, p99 = (ranked[len(ranked) * part // 100] * 1000 for part in (50, 99))
            lines.append(f"| {phase} | {len(took):,} | {p50:.1f} | {p99:.1f} | {self._wrong[phase]} |")
        return "\n".join(lines)

    def _ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        at = time.monotonic()
        while not self._over.is_set():
            phase, began = self.phase, time.perf_counter()
            try:
                good = self._answer(connection)
            except (OSError, http.client.HTTPException):
                good = False
                connection.close()
            self._took[phase].append(time.perf_counter() - began)
            self._wrong[phase] += not good
            at += 1 / PULSE
            self._over.wait(max(0.0, at - time.monotonic()))

    def _answer(self, connection: http.client.HTTPConnection) -> bool:
        body = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "Is anybody there?"}]})
        headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json", "x-lockgate-config": "chat"}
        connection.request("POST", "/v1/chat/completions", body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status == 200
