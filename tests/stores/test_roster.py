"""stores/roster: what workers say of themselves."""

from __future__ import annotations

import os
from pathlib import Path

from lockgate.stores.roster import GONE_S, SUFFIX, Life, Parked, Pulse, Roster, lives


def life(pid: int = 0, at: float = 100.0, started_us: int = 1) -> Life:
    return Life(
        pid=pid or os.getpid(),
        at=at,
        started_us=started_us,
        in_flight=3,
        pulses=[Pulse("", "openai", "gpt-5", 2, 0.5, 0.25)],
        parked=[Parked("", "openai", "", "rate limited", 4.0)],
    )


def test_what_a_worker_says_is_read_whole(tmp_path: Path) -> None:
    roster = Roster(tmp_path / "workers")
    roster.write(life())
    roster.write(life())
    assert lives(tmp_path / "workers", 100.5) == [life()]
    assert (tmp_path / "workers").stat().st_mode & 0o077 == 0


def test_who_has_left_is_not_there(tmp_path: Path) -> None:
    roster = Roster(tmp_path / "workers")
    roster.write(life())
    roster.leave()
    roster.leave()
    assert lives(tmp_path / "workers", 100.0) == []
    assert lives(tmp_path / "nowhere", 100.0) == []


def test_who_is_silent_is_gone_and_so_is_who_spoke_before_the_machine_started(tmp_path: Path) -> None:
    Roster(tmp_path / "workers").write(life(at=100.0))
    assert len(lives(tmp_path / "workers", 100.0 + GONE_S)) == 1
    assert lives(tmp_path / "workers", 100.1 + GONE_S) == []
    assert lives(tmp_path / "workers", 5.0) == []


def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    roster = Roster(tmp_path / "workers")
    roster.write(life())
    (tmp_path / "workers" / f"1{SUFFIX}").write_bytes(b"{")
    (tmp_path / "workers" / "2.part").write_bytes(b"")
    assert lives(tmp_path / "workers", 100.0) == [life()]


def test_the_oldest_comes_first(tmp_path: Path) -> None:
    roster = Roster(tmp_path / "workers")
    roster.write(life(started_us=5))
    there = tmp_path / "workers" / f"{os.getpid()}{SUFFIX}"
    there.rename(there.with_name(f"7{SUFFIX}"))
    roster.write(life(started_us=2))
    assert [each.started_us for each in lives(tmp_path / "workers", 100.0)] == [2, 5]


def test_what_the_killed_leave_behind_is_cleared_away(tmp_path: Path) -> None:
    directory = tmp_path / "workers"
    Roster(directory)
    old, new = directory / f"1{SUFFIX}", directory / f"2{SUFFIX}"
    for path in (old, new):
        path.write_bytes(b"{}")
    os.utime(old, (1.0, 1.0))
    Roster(directory)
    assert (old.exists(), new.exists()) == (False, True)
