"""What a hundred thousand stored keys cost: reading them at the start, following one that changes, finding one for a request.

python -m bench.keys [--keys N] [--url postgresql://…]
"""

from __future__ import annotations

import argparse
import gc
import tempfile
from hashlib import sha256
from pathlib import Path
from time import perf_counter

from lockgate.control import keys
from lockgate.control.house import House
from lockgate.core.audit import Actor
from lockgate.core.tenancy import ApiKey
from lockgate.http.routes import SCOPES
from lockgate.pipeline.admit import admit, digest

ME = Actor("cli", name="bench")
NOW = 1_800_000_000_000_000


def rss() -> float:
    """Resident memory of this process, in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def fill(house: House, count: int) -> str:
    """Store so many keys; the text of one of them."""
    with house.control() as store:
        home = store.house().home
        texts = [f"lg_{n:x}_secret" for n in range(count)]
        for start in range(0, count, 10_000):
            with store.change(home, ME, NOW) as change:
                for n in range(start, min(start + 10_000, count)):
                    hashed = digest(house.pepper, sha256(texts[n].encode()).digest())
                    where, place = home.organisation, home.workspace
                    change.add(ApiKey(id=f"{n:032x}", name=f"app {n}", digest=hashed, organisation=where, workspace=place))
    return texts[count // 2]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--url", default="")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        environment = {"LOCKGATE_CONTROL_URL": asked.url} if asked.url else {}
        house = House(Path(directory), None, SCOPES, environment)
        house.open()
        text = fill(house, asked.keys)
        gc.collect()
        house, before, began = House(Path(directory), None, SCOPES, environment), rss(), perf_counter()
        world = house.snapshot()
        print(f"start: {asked.keys} keys read and compiled in {perf_counter() - began:.2f} s, {rss() - before:.0f} MB")
        with house.control() as store:
            keys.revoke(store, store.house().home, ME, NOW, f"{1:032x}")
        began = perf_counter()
        world = house.snapshot()
        print(f"a key revoked: followed in {(perf_counter() - began) * 1000:.0f} ms; {len(world.keys)} hold")
        headers = {b"authorization": f"Bearer {text}".encode()}
        for what, clear in (("first", True), ("again", False)):
            took = float("inf")
            for _ in range(5):
                began = perf_counter()
                for _ in range(2000):
                    if clear:
                        world.seen.clear()
                    admit(headers, world)
                took = min(took, (perf_counter() - began) / 2000)
            print(f"a key found, {what}: {took * 1e6:.1f} µs")


if __name__ == "__main__":
    main()
