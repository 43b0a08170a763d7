"""supervisor: who must be there, and who may be missing for a while. (The rest of it is in tests/e2e/test_serve.py.)"""

from __future__ import annotations

import subprocess
import sys

import pytest

HOUSE = """
import errno, os, signal, socket, sys, time
from lockgate import supervisor
from lockgate.supervisor import Role, Supervisor
supervisor.FAILURES = 2
supervisor.ROOM_S = 0.01

def fails(lifeline):
    print("failed", flush=True)
    return 1

def works(lifeline):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    time.sleep(60)

def says(lifeline):
    print("works", flush=True)
    return works(lifeline)

def dawdle():
    print("born", flush=True)
    for _ in range(2000):
        if signal.SIGTERM in signal.sigpending():
            break
        time.sleep(0.01)

tries = iter(range(4))

def no_fork(fork=os.fork):
    if next(tries) == 3:
        os.fork = fork
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

roles = [Role("worker", works), Role("other", fails, vital=sys.argv[1] == "vital")]
if sys.argv[1] == "slow":
    os.register_at_fork(after_in_child=dawdle)
    roles = [Role("worker", works)]
if sys.argv[1] == "full":
    os.fork = no_fork
    roles = [Role("worker", says)]
with socket.create_server(("127.0.0.1", 0)) as listener:
    sys.exit(Supervisor(roles, listener, 60.0).run())
"""


def house(kind: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", HOUSE, kind], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("kind", ["vital", "helpful"])
def test_one_that_never_starts_ends_the_house_only_if_nothing_goes_without_it(kind: str) -> None:
    with house(kind) as child:
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


def test_one_that_was_just_born_hears_that_it_is_over() -> None:
    with house("slow") as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "born\n"
        child.terminate()
        try:
            assert child.wait(15) == 0
        finally:
            child.kill()


def test_where_there_is_no_room_for_another_process_it_is_tried_again() -> None:
    with house("full") as child:
        assert child.stdout is not None and child.stderr is not None
        assert child.stdout.readline() == "works\n"
        child.terminate()
        assert child.wait(20) == 0
        told = child.stderr.read()
        assert told.count("worker cannot be started: ") == 4
        assert "giving up" not in told
