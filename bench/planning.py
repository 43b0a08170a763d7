"""What it costs to plan a request: `python -m bench.planning`.

The trees have 20 targets. `tree` is as people nest them, in four levels: a conditional, a balance in each of its branches, and
fallbacks in those; a request comes to five of its targets at most. `chain` is all fallbacks, and comes to all 20.

A plan is lazy: the first target is decided before anything is sent, each of the others when the one before it has failed. So
the first rows are what every request pays, from its header to a target that may be asked; the last two are what all the ways
out cost when everything is down. Times are the best of several rounds, in microseconds of one thread.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from lockgate.control.compile import compile_snapshot
from lockgate.control.config import read_text
from lockgate.core.call import Call, Principal
from lockgate.core.failure import Failure
from lockgate.core.redact import Redactor
from lockgate.core.sheet import Sheet
from lockgate.http.routes import SCOPES
from lockgate.pipeline.choose import Ask
from lockgate.pipeline.plan import Plan, plan
from lockgate.pipeline.runtime import Runtime
from lockgate.stores.spool import Spool

ROUNDS, TIMES = 60, 500
DOWN = Failure("server", 500, "down")


def target(name: str) -> dict[str, object]:
    """A leaf."""
    return {"provider": "@sim", "override_params": {"model": name}}


def fallback(*targets: object) -> dict[str, object]:
    """A strategy that goes on after every failure."""
    return {"strategy": {"mode": "fallback"}, "targets": targets}


def tree() -> dict[str, object]:
    """20 targets: two branches of a conditional, two draws in each, five targets in each fallback."""
    branches = [
        {
            "name": name,
            "strategy": {"mode": "loadbalance"},
            "targets": [fallback(*(target(f"{name}-{draw}-{n}") for n in range(5))) for draw in range(2)],
        }
        for name in ("paid", "free")
    ]
    conditions = [{"query": {"metadata.plan": "paid", "params.max_tokens": {"$gt": 100}}, "then": "paid"}]
    return {"strategy": {"mode": "conditional", "conditions": conditions, "default": "free"}, "targets": branches}


def chain() -> dict[str, object]:
    """20 targets: a fallback of four fallbacks of five."""
    return fallback(*(fallback(*(target(f"{each}-{n}") for n in range(5))) for each in range(4)))


def rows(folder: Path) -> list[tuple[str, Callable[[], object]]]:
    """What is measured, each ready to be done again and again."""
    text = json.dumps({"configs": {"pc-tree": tree(), "pc-chain": chain()}})
    world = compile_snapshot(read_text(text, {}), environment={}, pepper=b"", scopes=SCOPES)
    body = {"model": "@sim/chat", "max_tokens": 200, "messages": [{"role": "user", "content": "ping"}]}
    sheet = Sheet.open(json.dumps(body).encode())
    who = Principal("1", "bench")
    runtime = Runtime({}, Spool(folder, clock=lambda: 0, report=print), Redactor([]))

    def call(config: str = "") -> Call:
        said = {b"x-lockgate-config": config.encode(), b"x-lockgate-metadata": b'{"plan": "paid"}'} if config else {}
        metadata: dict[str, str | int | float | bool | None] = {"plan": "paid"}
        return Call(
            "id", "t", 0, 0.0, "POST", "/", b"", said, "chat", "openai.chat", steered=bool(said), metadata=metadata
        )  # fmt: skip

    def begun(call: Call) -> Plan:
        way = plan(call, Ask("@sim/chat", body=sheet), who, world, runtime)
        way.first()
        return way

    def ended(call: Call) -> int:
        way = begun(call)
        tried = 1
        while way.after(DOWN) is not None:
            tried += 1
        return tried

    plain, saved, long, inline = call(), call("pc-tree"), call("pc-chain"), call(json.dumps(tree()))
    assert (ended(saved), ended(inline), ended(long)) == (5, 5, 20)
    return [
        ("no route, the model names its provider", lambda: begun(plain)),
        ("a saved route of 20 targets: its first", lambda: begun(saved)),
        ("the same route inline: its first", lambda: begun(inline)),
        ("saved: the first, and the next after a failure", lambda: begun(saved).after(DOWN)),
        ("saved: the five that it comes to, all failing", lambda: ended(saved)),
        ("saved, all fallbacks: all 20, all failing", lambda: ended(long)),
    ]


def once(work: Callable[[], object]) -> float:
    """Microseconds for one, in one round."""
    start = perf_counter()
    for _ in range(TIMES):
        work()
    return (perf_counter() - start) / TIMES * 1e6


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        for name, work in rows(Path(folder)):
            print(f"{name:48} {min(once(work) for _ in range(ROUNDS)):6.2f} µs")


if __name__ == "__main__":
    main()
