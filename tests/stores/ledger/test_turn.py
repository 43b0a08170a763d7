"""stores/ledger/turn: one process of a machine at a time."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from lockgate.stores.ledger.turn import Turn
from lockgate.stores.ports import StoreError


def test_it_comes_to_the_next_when_the_first_ends(tmp_path):
    path = tmp_path / "not yet there" / "leader.lock"
    first, second = Turn(path), Turn(path)
    assert first.has_come()
    assert first.has_come()
    assert not second.has_come()
    assert (repr(first), repr(second)) == ("Turn(leader.lock, ours)", "Turn(leader.lock, waiting)")
    second.end()
    first.end()
    assert second.has_come()
    second.end()


def test_it_comes_to_the_next_when_the_first_is_killed(tmp_path):
    code = f"""
import os, signal
from pathlib import Path
from lockgate.stores.ledger.turn import Turn
turn = Turn(Path({str(tmp_path)!r}) / "leader.lock")
assert turn.has_come()
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode < 0
    turn = Turn(tmp_path / "leader.lock")
    assert turn.has_come()
    turn.end()


def test_a_file_that_cannot_be_locked_is_told(tmp_path):
    (tmp_path / "leader.lock").mkdir()
    files = len(os.listdir("/proc/self/fd"))
    with pytest.raises(StoreError, match=r"cannot lock .*leader\.lock"):
        Turn(tmp_path / "leader.lock").has_come()
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot lock"):
        Turn(tmp_path / "file" / "leader.lock").has_come()
    assert len(os.listdir("/proc/self/fd")) == files
