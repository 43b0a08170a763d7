"""What the request log takes and gives: `python -m bench.logs --records 10000000`, or `make bench-logs`; `--store URL`: another
than the embedded one.

Loads synthetic requests of thirty days into the log of a gateway that serves meanwhile: half of them alone, half of them turns
of conversations that send their history again; 200 keys, 50 models, 2,000 users, 3% errors. Then asks for pages and graphs by
every filter, each several times at chance places, and says what it took, as tables for docs/benchmark.md. A second run with the
same `--data` goes on where the first one was ended, or only asks.
"""

from __future__ import annotations

import argparse
import itertools
import random
import re
import shutil
import sqlite3
import statistics
import string
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from bench.log_gateway import Gateway

from lockgate.core.record import Attempt, Record, new_id
from lockgate.core.reply import Usage
from lockgate.stores.logs.open import open_log
from lockgate.stores.logs.ports import Feedback, Filter, LogStore, Range
from lockgate.stores.logs.rollup import DAY_US, HOUR_US, MINUTE_US

BATCH = 1000
START_US = 1_790_000_000_000_000 // DAY_US * DAY_US
KEYS, MODELS, USERS, DAYS = 200, 50, 2000, 30
#: How long the gateway serves before anything else goes on, in seconds.
ALONE_S = 15.0
#: What may still have been on its way when a load was ended.
AGAIN_US = 6 * HOUR_US
PROVIDERS = ("openai", "anthropic", "google", "mistral", "bedrock")


class World:
    """What synthetic requests are drawn from."""

    def __init__(self, seed: int) -> None:
        self.draw = draw = random.Random(seed)
        self.bytes = 0  # of bodies, until now
        letters = string.ascii_lowercase
        words = ["".join(draw.choices(letters, k=draw.randint(2, 10))) for _ in range(50_000)]
        weights = list(itertools.accumulate(1 / (place + 3) for place in range(len(words))))  # Zipf's law
        self._text = draw.choices(words, cum_weights=weights, k=400_000)
        self.rare = words[-1]
        self.common = words[0]
        self._systems = [self.text(60) for _ in range(20)]
        self._talks: list[list[dict[str, str]]] = [[] for _ in range(400)]

    def text(self, words: int) -> str:
        """So many words."""
        at = self.draw.randrange(len(self._text) - words)
        return " ".join(self._text[at : at + words])

    def turn(self) -> tuple[bytes, bytes]:
        """A request and its answer: half of them stand alone, the others are the next turn of one of the conversations that go
        on at once."""
        draw = self.draw
        alone = draw.random() < 0.5
        talk: list[dict[str, str]] = [] if alone else draw.choice(self._talks)
        if not talk or draw.random() < 0.2:  # five turns on average
            talk[:] = [{"role": "system", "content": draw.choice(self._systems)}]
        talk.append({"role": "user", "content": self.text(draw.randint(5, 70))})
        answer = self.text(draw.randint(10, 120))
        request = msgspec.json.encode({"model": "gpt-4o", "messages": talk, "max_tokens": 500, "temperature": 0.2})
        talk.append({"role": "assistant", "content": answer})
        usage = {"prompt_tokens": 290, "completion_tokens": 130, "total_tokens": 420}
        choice = {"index": 0, "message": {"role": "assistant", "content": answer, "refusal": None}, "finish_reason": "stop"}
        answered = {"id": f"chatcmpl-{draw.getrandbits(100):x}", "object": "chat.completion", "created": 1790000000}
        response = msgspec.json.encode({**answered, "model": "gpt-4o-2024-08-06", "choices": [choice], "usage": usage})
        return request, response

    def record(self, time_us: int) -> Record:
        """A request of that moment."""
        draw = self.draw
        model, user = draw.randrange(MODELS), int(USERS * draw.random() ** 2)  # some ask much, most little
        key = user * KEYS // USERS
        provider = PROVIDERS[model % len(PROVIDERS)]
        failed, hit, stream = draw.random() < 0.03, draw.random() < 0.05, draw.random() < 0.5
        latency = int(draw.lognormvariate(13.5, 0.8))
        request, response = self.turn()
        self.bytes += len(request) + len(response)
        id = new_id(time_us, draw.getrandbits(62))
        put, got = len(request) // 4, len(response) // 5
        return Record(
            id=id, time_us=time_us, trace_id=id.replace("-", "") if draw.random() < 0.8 else f"{draw.getrandbits(128):032x}",
            span_id=f"{draw.getrandbits(64):016x}", organisation="acme", workspace=f"workspace-{key % 7}", user=f"user-{user}",
            key_id=f"key_{key:04}", key_name=f"key of team {key}", route=f"pc-route-{model % 9}",
            provider=provider, provider_kind=provider,
            operation="chat", path="/v1/chat/completions", dialect_in="openai.chat", dialect_out="openai.chat", gear="relay",
            model_asked=f"model-{model}", model_sent=f"model-{model}", model_served=f"model-{model}-2026-01-01", stream=stream,
            status=draw.choice((429, 500, 503)) if failed else 200, outcome="failed" if failed else "ok", finish="stop",
            target="config",
            attempts=[Attempt("config", provider, f"model-{model}", 200, start_us=120, duration_us=latency)],
            usage=None if failed else Usage(input=put, output=got, cached=put // 3 if hit else 0,
                        raw=msgspec.Raw(b'{"prompt_tokens":290,"completion_tokens":130,"total_tokens":420}')),
            usage_source="provider", cost_nusd=None if failed else put * 2500 + got * 10_000,
            price_version="genai-prices 0.2.3",
            latency_us=latency, ttft_us=latency // 5, gap_us=latency // 50 if stream else None, gateway_us=140,
            cache="hit" if hit else "miss", saved_nusd=1000 if hit else 0, bytes_in=len(request), bytes_out=len(response),
            error_code=draw.choice(("rate_limited", "upstream_error", "timeout")) if failed else "",
            metadata={"team": f"team-{draw.randrange(40)}", "customer": f"c{user * 3 // 2}"}, revision="9f86d081",
            request=request, response=response,
        )  # fmt: skip


def records(world: World, count: int, after_us: int) -> Iterator[list[Record]]:
    """Batches of requests, spread over the days: those that end after a moment."""
    for start in range(0, count, BATCH):
        batch = [world.record(START_US + at * DAYS * DAY_US // count) for at in range(start, min(start + BATCH, count))]
        if batch[-1].time_us > after_us:
            yield batch


def filters(world: World) -> dict[str, Callable[[], Filter]]:
    """What pages are asked for."""
    draw = world.draw
    user, model, key = (
        (lambda: f"user-{draw.randrange(USERS)}"),
        (lambda: f"model-{draw.randrange(MODELS)}"),
        (lambda: f"key_{draw.randrange(KEYS):04}"),
    )
    return {
        "nothing": lambda: Filter(until_us=START_US + DAYS * DAY_US),
        "a time within": lambda: Filter(until_us=START_US + draw.randrange(DAYS * DAY_US)),
        "model": lambda: Filter(models=(model(),)),
        "models, by pattern": lambda: Filter(models=("model-1*",)),
        "provider": lambda: Filter(providers=("google",)),
        "key": lambda: Filter(keys=(key(),)),
        "user": lambda: Filter(users=(user(),)),
        "workspace": lambda: Filter(workspaces=("workspace-3",)),
        "route": lambda: Filter(routes=("pc-route-4",)),
        "status 5xx": lambda: Filter(status=((500, 599),)),
        "outcome failed": lambda: Filter(outcomes=("failed",)),
        "error": lambda: Filter(errors=("timeout",)),
        "cache hit": lambda: Filter(caches=("hit",)),
        "metadata, 40 values": lambda: Filter(metadata=(("team", f"team-{draw.randrange(40)}"),)),
        "metadata, 3,000 values": lambda: Filter(metadata=(("customer", f"c{draw.randrange(3000)}"),)),
        "a trace": lambda: Filter(traces=(f"{draw.getrandbits(128):032x}",)),
        "cost, rare": lambda: Filter(cost_nusd=Range(20_000_000)),
        "cost, most": lambda: Filter(cost_nusd=Range(1_000_000)),
        "latency, rare": lambda: Filter(latency_us=Range(25_000_000)),
        "tokens, none": lambda: Filter(tokens=Range(1_000_000)),
        "first token, 10%": lambda: Filter(ttft_us=Range(400_000)),
        "a word, common": lambda: Filter(text=world.common),
        "a word, rare": lambda: Filter(text=world.rare),
        "two words": lambda: Filter(text=f"{world.text(1)} {world.text(1)}"),
        "user and model": lambda: Filter(users=(user(),), models=(model(),)),
        "key and outcome failed": lambda: Filter(keys=(key(),), outcomes=("failed",)),
        "model and another's provider": lambda: Filter(models=("model-1",), providers=("openai",)),
        "user and a word": lambda: Filter(users=(user(),), text=world.common),
        "provider and latency, rare": lambda: Filter(providers=("google",), latency_us=Range(20_000_000)),
    }


def graphs(world: World) -> dict[str, Callable[[LogStore], object]]:
    """What is asked of roll-ups: of the month, and of its last day."""
    draw = world.draw
    end = START_US + DAYS * DAY_US
    month, day = Filter(since_us=START_US, until_us=end), Filter(since_us=end - DAY_US - 1234, until_us=end - 1234)
    of = msgspec.structs.replace
    failed, one_user = of(month, outcomes=("failed",)), of(month, users=("user-900",))
    return {
        "month by day": lambda log: log.series(month, DAY_US),
        "month by hour": lambda log: log.series(month, HOUR_US),
        "day by minute": lambda log: log.series(day, MINUTE_US),
        "month by day, a model": lambda log: log.series(of(month, models=(f"model-{draw.randrange(MODELS)}",)), DAY_US),
        "month by hour, a provider": lambda log: log.series(of(month, providers=("google",)), HOUR_US),
        "month by day, a key": lambda log: log.series(of(month, keys=(f"key_{draw.randrange(KEYS):04}",)), DAY_US),
        "month by day, a user": lambda log: log.series(of(month, users=(f"user-{draw.randrange(USERS)}",)), DAY_US),
        "month by day, failed, a workspace": lambda log: log.series(of(failed, workspaces=("workspace-3",)), DAY_US),
        "month by day, a model, failed": lambda log: log.series(of(failed, models=("model-7",)), DAY_US),
        "month by day, a team of metadata": lambda log: log.series(of(month, metadata=(("team", "team-7"),)), DAY_US),
        "month by day, a user and a model (rows)": lambda log: log.series(of(one_user, models=("model-7",)), DAY_US),
        "month by day, a key and failed (rows)": lambda log: log.series(of(failed, keys=("key_0100",)), DAY_US),
        "month, models": lambda log: log.groups(month, "model"),
        "month, models, percentiles": lambda log: log.groups(month, "model", sketches=True),
        "month, keys by cost": lambda log: log.groups(month, "key", order="cost_nusd"),
        "month, users by cost": lambda log: log.groups(month, "user", order="cost_nusd"),
        "month, errors": lambda log: log.groups(month, "error"),
        "month, metadata.team": lambda log: log.groups(month, "metadata.team"),
        "month, metadata.customer": lambda log: log.groups(month, "metadata.customer"),
        "month, models of a provider": lambda log: log.groups(of(month, providers=("google",)), "model"),
        "month, models of a user (rows)": lambda log: log.groups(one_user, "model"),
        "24 hours, models": lambda log: log.groups(day, "model"),
        "24 hours, users": lambda log: log.groups(day, "user"),
    }  # fmt: skip


def clock(work: Callable[[], object], times: int) -> tuple[float, float]:
    """Milliseconds: the median and the most."""
    took: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took), max(took)


def ask(store: LogStore, world: World, times: int) -> None:
    """Print the tables of pages and graphs."""
    print("\n| a page of 50, by | p50, ms | max, ms |\n| --- | ---: | ---: |")
    for name, meant in filters(world).items():
        p50, most = clock(lambda meant=meant: store.page(meant()), times)
        print(f"| {name} | {p50:.1f} | {most:.1f} |", flush=True)
    print("\n| a graph or table | p50, ms | max, ms |\n| --- | ---: | ---: |")
    for name, work in graphs(world).items():
        p50, most = clock(lambda work=work: work(store), times)
        print(f"| {name} | {p50:.1f} | {most:.1f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser("bench.logs", description="What the request log takes and gives.")
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--data", type=Path, help="the gateway's data directory; not loaded again when its log is there")
    parser.add_argument("--store", default="", help="the URL of another store, empty at first; SQLite in --data without")
    parser.add_argument("--no-text", action="store_true", help="without search by words")
    parser.add_argument("--times", type=int, default=7, help="how often each question is asked")
    asked = parser.parse_args()
    place = asked.data or Path(tempfile.mkdtemp(prefix="lockgate-bench-"))
    place.mkdir(exist_ok=True)
    world, log = World(1), place / "log"
    store = open_log(asked.store, place, report=print)
    try:
        with Gateway(place, {"store": asked.store, "text": not asked.no_text}) as gateway:
            time.sleep(ALONE_S)
            newest = store.page(Filter(until_us=START_US + DAYS * DAY_US), limit=1).records
            if not newest or newest[0].time_us < START_US + (DAYS * DAY_US - 2 * DAYS * DAY_US // asked.records):
                gateway.phase = "while it is loaded"
                # What was under way when a load was ended may be told again: a record is kept once.
                after_us = newest[0].time_us - AGAIN_US if newest else 0
                count, took, cpu = gateway.load(records(world, asked.records, after_us))
                said = [Feedback(id=f"f{n}", trace_id=f"no-trace-{n}", time_us=START_US, value=5) for n in range(1000)]
                store.rate(said)
                found = parts(asked.store, log)
                size, every = world.bytes / asked.records, asked.records
                print(f"{every:,} requests of {DAYS} days, bodies of {size:,.0f} bytes on average\n")
                print("|  |  |\n| --- | ---: |")
                print(f"| ingest, requests/s (of the last {count:,}) | {count / took:,.0f} |")
                print(f"| ingest, CPU of the gateway a request | {cpu / count * 1e6:.1f} µs |")
                print(f"| stored, bytes a request | {sum(found.values()) / every:,.0f} |")
                for name, part in found.items():
                    print(f"| of these, {name} | {part / every:,.0f} |")
            gateway.phase = "while it is asked"
            ask(store, world, asked.times)
            print("\n" + gateway.table())
    finally:
        store.close()
        if not asked.data:
            shutil.rmtree(place)


def parts(url: str, log: Path) -> dict[str, int]:
    """Bytes by what they are for, as far as a store tells."""
    measure = {"": lambda: of_files(log), "postgresql": lambda: of_tables(url)}.get(url.partition(":")[0])
    return measure() if measure is not None else {}


def of_files(place: Path) -> dict[str, int]:
    """Bytes of SQLite's files by what they are for."""
    found: dict[str, int] = dict.fromkeys(["bodies", "facts", "rows", "terms", "words", "roll-ups", "names"], 0)
    kinds = {"bodies": "bodies", "facts": "facts", "requests": "rows", "rollups": "roll-ups", "names": "names"}
    for path in place.glob("*.db"):
        db = sqlite3.connect(path)
        for name, size in db.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"):
            kind = "terms" if name.startswith("find") else "words" if name.startswith("said") else kinds.get(name, "names")
            found[kind] += size
        db.close()
    return found


def of_tables(url: str) -> dict[str, int]:
    """Bytes of PostgreSQL's tables and indexes; the planner gets to know them, as a server does by itself after a minute."""
    import psycopg

    apart = "coalesce(pg_total_relation_size(nullif(reltoastrelid, 0)), 0)"
    query = f"SELECT relname, pg_relation_size(oid), {apart} FROM pg_class WHERE relname ~ '^log_'"
    found: dict[str, int] = {}
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("VACUUM ANALYZE")
        for name, size, apart in db.execute(query):
            kind = re.sub(r"_\d{8}", "", name)
            found[kind] = found.get(kind, 0) + size
            found[f"{kind}, out of line"] = found.get(f"{kind}, out of line", 0) + apart
    return {kind: size for kind, size in sorted(found.items()) if size}


if __name__ == "__main__":
    main()
