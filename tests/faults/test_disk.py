"""A disk that is full, and one that cannot be written: a real one, small. Requests go on; what is not on record is counted; and
when the disk works again, so does all the rest.

What a disk does at each single call is in tests/stores/test_spool.py and tests/stores/logs/test_disk.py.
"""

from __future__ import annotations

import contextlib
import os
import signal
import urllib.request
from pathlib import Path

import pytest

from lockgate.control.state import read_state
from support.house import KEY
from support.process import Gateway, until
from support.small_disk import SmallDisk

MIB = 1024 * 1024


class House:
    """A gateway whose data directory is a small disk, and the ids of all requests that it has answered."""

    def __init__(self, folder: Path, disk: SmallDisk) -> None:
        self.disk = disk
        self.gateway = Gateway(folder, "", "--workers", "2", within=disk.within).ready()
        self.answered: list[str] = []
        until(lambda: len(read_state(disk.seen).workers) == 2)

    def ask(self, count: int = 20) -> None:
        """Nobody notices anything."""
        for _ in range(count):
            status, _, headers = self.gateway.chat_whole(text="x" * 3000)
            assert status == 200
            self.answered.append(headers["x-lockgate-request-id"])

    def ask_until(self, truth) -> None:
        """Go on asking meanwhile."""

        def asked() -> bool:
            self.ask(2)
            return truth()

        until(asked)

    def left_out(self) -> tuple[int, int]:
        """As the workers that live tell it: dropped, stripped."""
        workers = read_state(self.disk.seen).workers
        return sum(each.dropped for each in workers), sum(each.stripped for each in workers)

    def counted(self) -> dict[str, int]:
        """As `/metrics` tells it."""
        request = urllib.request.Request(self.gateway.url + "/metrics", headers={"authorization": f"Bearer {KEY}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        names = ("records", "records_dropped", "records_stripped")
        found = {name: int(line.split()[1]) for line in lines for name in names if line.startswith(f"lockgate_{name}_total ")}
        return dict.fromkeys(names, 0) | found

    def kill(self, *, scribe: bool) -> None:
        """kill -9 the workers, or the scribe, and wait for those that take their place."""
        workers = set(self.gateway.children()) - self._scribes()
        for pid in self._scribes() if scribe else workers:
            os.kill(pid, signal.SIGKILL)
            until(lambda pid=pid: pid not in self.gateway.children() and len(self.gateway.children()) == 3)

    def _scribes(self) -> set[int]:
        """The scribe listens to nothing: a worker has sockets."""
        return {pid for pid in self.gateway.children() if not self._has_sockets(pid)}

    def _has_sockets(self, pid: int) -> bool:
        files = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
        return any(file.startswith("socket:") for file in files)


@pytest.fixture
def house(tmp_path):
    try:
        disk = SmallDisk(tmp_path / "data", 64 * MIB)
    except OSError as error:
        pytest.skip(f"no small disk can be made here: {error}")
    house = House(tmp_path, disk)
    yield house
    house.gateway.stop()
    disk.close()


def everything_is_on_record_or_counted(house: House) -> dict[str, dict]:
    """Each answered request once, but for as many as were dropped; without bodies as many as are told to be so. All by id."""
    until(lambda: not read_state(house.disk.seen).backlog_bytes)
    records = house.gateway.records()
    ids = {record["id"] for record in records}
    assert len(ids) == len(records)
    assert ids <= set(house.answered)
    true = {
        "records": len(ids),
        "records_dropped": len(house.answered) - len(ids),
        "records_stripped": sum(record.get("truncated", False) for record in records),
    }
    with contextlib.suppress(AssertionError):
        until(lambda: house.counted() == true)  # workers tell it once a second, and the scribe writes it down as often
    assert house.counted() == true
    return {record["id"]: record for record in records}


def test_on_a_full_disk_bodies_go_first_then_records_and_no_request(house: House) -> None:
    house.ask()
    house.disk.fill(but=3 * MIB)  # less than what is kept for records without bodies
    house.ask_until(lambda: house.left_out()[1] > 10)
    assert house.left_out()[0] == 0
    house.disk.fill()
    house.ask(60)  # what the spool's last page has room for, and more
    house.disk.empty()
    house.ask_until(lambda: house.left_out()[0] > 0)
    house.ask_until(lambda: "x" * 3000 in house.gateway.lockgate("logs", house.answered[-1]))
    house.ask(40)
    records = everything_is_on_record_or_counted(house)
    assert not any(records[id].get("truncated") for id in house.answered[-40:])
    assert house.gateway.stop() == 0


def test_where_nothing_can_be_written_requests_go_on_and_so_does_all_the_rest_afterwards(house: House) -> None:
    """Whoever has a file open writes on: so the processes are killed, and others must begin where nothing can be written."""
    house.ask()
    until(lambda: not read_state(house.disk.seen).backlog_bytes)
    house.disk.protect()
    house.kill(scribe=False)
    house.ask()
    house.kill(scribe=True)
    house.ask(40)
    house.disk.release()
    house.ask_until(lambda: house.left_out()[0] > 0)
    house.ask_until(lambda: "x" * 3000 in house.gateway.lockgate("logs", house.answered[-1]))
    house.ask()
    records = everything_is_on_record_or_counted(house)
    assert not any(records[id].get("truncated") for id in house.answered[-20:])
    assert house.gateway.stop() == 0
