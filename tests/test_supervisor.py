"""supervisor: who must be there, and who may be missing for a while. (The rest of it is in tests/e2e/test_serve.py.)"""

from __future__ import annotations

import subprocess
import sys

import pytest

HOUSE = """
import signal, socket, sys, time
from lockgate import supervisor
from lockgate.supervisor import Role, Supervisor
supervisor.FAILURES = 2

def fails(lifeline):
    print("failed", flush=True)
    return 1

def works(lifeline):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    time.sleep(60)

with socket.create_server(("127.0.0.1", 0)) as listener:
    roles = [Role("worker", works), Role("other", fails, vital=sys.argv[1] == "vital")]
    sys.exit(Supervisor(roles, listener, 1.0).run())
"""


@pytest.mark.parametrize("kind", ["vital", "helpful"])
def test_one_that_never_starts_ends_the_house_only_if_nothing_goes_without_it(kind: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOUSE, kind], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None and child.stderr is not None
        starts = [child.stdout.readline() for _ in range(2 if kind == "vital" else 4)]
        assert starts == ["failed\n"] * len(starts)
        if kind == "vital":
            assert child.wait(20) == 1
        else:
            assert child.poll() is None
            child.terminate()
            assert child.wait(20) == 0
        assert ("giving up" in child.stderr.read()) is (kind == "vital")
