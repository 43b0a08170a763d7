"""What it costs to plan a request: `python -m bench.planning`.

The tree has 20 targets in four levels: a conditional, a balance in each of its branches, and fallbacks in those. Measured is
all that a request pays for its route, from the header to the first target and on to the next after a failure; and, to compare,
a request that names its model and no route. Times are the best of several rounds, in microseconds of one thread.
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
from lockgate.pipeline.plan import plan
from lockgate.pipeline.runtime import Runtime
from lockgate.stores.spool import Spool

ROUNDS, TIMES = 20, 2000
DOWN = Failure("server", 500, "down")


def target(name: str) -> dict[str, object]:
    """A leaf."""
    return {"provider": "@sim", "override_params": {"model": name}}


def tree() -> dict[str, object]:
    """20 targets: two branches of a conditional, two draws in each, five targets in each fallback."""
    branches = [
        {
            "name": name,
            "strategy": {"mode": "loadbalance"},
            "targets": [
                {"strategy": {"mode": "fallback"}, "targets": [target(f"{name}-{draw}-{n}") for n in range(5)]}
                for draw in range(2)
            ],
        }
        for name in ("paid", "free")
    ]
    conditions = [{"query": {"metadata.plan": "paid", "params.max_tokens": {"$gt": 100}}, "then": "paid"}]
    return {"strategy": {"mode": "conditional", "conditions": conditions, "default": "free"}, "targets": branches}


def best(work: Callable[[], object]) -> float:
    """Microseconds for one, in the best round."""
    least = float("inf")
    for _ in range(ROUNDS):
        start = perf_counter()
        for _ in range(TIMES):
            work()
        least = min(least, (perf_counter() - start) / TIMES)
    return least * 1e6


def main() -> None:
    """Print the table."""
    text = json.dumps({"configs": {"pc-tree": tree()}})
    world = compile_snapshot(read_text(text, {}), environment={}, pepper=b"", scopes=SCOPES)
    sheet = Sheet.open(
        json.dumps({"model": "@sim/chat", "max_tokens": 200, "messages": [{"role": "user", "content": "ping"}]}).encode()
    )
    who = Principal("1", "bench")

    def call(**headers: str) -> Call:
        said = {f"x-lockgate-{name}".encode(): value.encode() for name, value in headers.items()}
        return Call("id", "t", 0, 0.0, "POST", "/", b"", said, "chat", "openai.chat", metadata={"plan": "paid"})

    with tempfile.TemporaryDirectory() as folder:
        runtime = Runtime({}, Spool(Path(folder), clock=lambda: 0, report=print), Redactor([]))
        plain, saved = call(), call(config="pc-tree", metadata='{"plan": "paid"}')
        inline = call(config=json.dumps(tree()), metadata='{"plan": "paid"}')

        def first(call: Call) -> object:
            return plan(call, Ask("@sim/chat", body=sheet), who, world, runtime).first()

        def second() -> object:
            way = plan(saved, Ask("@sim/chat", body=sheet), who, world, runtime)
            way.first()
            return way.after(DOWN)

        rows = (
            ("no route, the model names its provider", lambda: first(plain)),
            ("a saved route of 20 targets, its first", lambda: first(saved)),
            ("the same, and the next after a failure", second),
            ("the same route inline, 20 targets", lambda: first(inline)),
        )
        for name, work in rows:
            work()
            print(f"{name:45} {best(work):6.2f} µs")


if __name__ == "__main__":
    main()
