"""stores/ledger/journal: what a worker has under way, and what it leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from lockgate.policy.purse import DISPATCHED, HELD, POSTED
from lockgate.stores.ledger import journal as module
from lockgate.stores.ledger.journal import LEASES, Entry, FileJournal, boot_id, dead_journals
from lockgate.stores.ports import StoreError

ID = "019ac0de-0000-7000-8000-000000000000"


def left(directory, **more):
    (journal,) = dead_journals(directory, **more)
    try:
        return journal.sound, journal.entries
    finally:
        journal.close(gone=False)


def test_it_says_what_is_under_way_and_what_was_posted(tmp_path):
    journal = FileJournal(tmp_path, 7, slots=4)
    _, sent, posted, free = (journal.open(ID, n, [n, 9], 10**15 + n, 20, 1) for n in range(4))
    journal.dispatch(sent)
    journal.dispatch(posted)
    journal.post(posted, 5, 2**61, 11, 1)
    journal.free(free)
    assert repr(journal) == "FileJournal(000000000007.journal, 3 of 4 slots)"
    journal.close(gone=False)
    sound, entries = left(tmp_path)
    assert sound
    assert entries == [
        Entry(HELD, 0, ID, 0, (0, 9), (10**15, 20, 1), (0, 0, 0)),
        Entry(DISPATCHED, 0, ID, 1, (1, 9), (10**15 + 1, 20, 1), (0, 0, 0)),
        Entry(POSTED, 5, ID, 2, (2, 9), (10**15 + 2, 20, 1), (2**61, 11, 1)),
    ]


def test_a_slot_is_used_again_and_says_nothing_of_the_last(tmp_path):
    journal = FileJournal(tmp_path, 7, slots=1)
    slot = journal.open("a" * 48, 3, [1, 2, 3], 1, 2, 3)
    journal.post(slot, 5, 6, 7, 8)
    assert journal.open("b", 0, [], 0, 0, 0) == -1
    journal.free(slot)
    assert journal.open("b", 0, [4], 9, 0, 0) == slot
    journal.close(gone=False)
    (entry,) = left(tmp_path)[1]
    assert (entry.state, entry.id, entry.leases, entry.reserved, entry.posted) == (HELD, "b", (4,), (9, 0, 0), (0, 0, 0))


def test_as_many_leases_as_there_is_a_place_for(tmp_path):
    journal = FileJournal(tmp_path, 7, slots=2)
    assert journal.open(ID, 0, range(LEASES), 1, 1, 1) >= 0
    assert journal.open(ID, 0, range(LEASES + 1), 1, 1, 1) == -1
    journal.close(gone=False)
    assert left(tmp_path)[1][0].leases == tuple(range(LEASES))


def test_a_living_workers_journal_is_left_alone(tmp_path):
    journal = FileJournal(tmp_path, 7, slots=1)
    assert list(dead_journals(tmp_path)) == []
    journal.close(gone=True)
    assert list(tmp_path.iterdir()) == []


def test_it_outlives_a_kill(tmp_path):
    code = f"""
import os, signal, time
from pathlib import Path
from lockgate.stores.ledger.journal import FileJournal
journal = FileJournal(Path({str(tmp_path)!r}), 7)
for number in range(1000):
    slot = journal.open(str(number), 0, [1], number, 0, 1)
    journal.dispatch(slot)
    if number % 2:
        journal.post(slot, number, number // 2, 0, 1)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGKILL
    sound, entries = left(tmp_path)
    assert sound
    assert sorted(int(each.id) for each in entries if each.state == DISPATCHED) == list(range(0, 1000, 2))
    assert sorted(each.posted[0] for each in entries if each.state == POSTED) == [n // 2 for n in range(1, 1000, 2)]


def test_two_do_not_read_the_same(tmp_path):
    FileJournal(tmp_path, 7, slots=1).close(gone=False)
    first = list(dead_journals(tmp_path))
    assert list(dead_journals(tmp_path)) == []
    assert repr(first[0]) == "DeadJournal(000000000007.journal, 0 entries)"
    first[0].close(gone=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("boot", ["another start", ""])
def test_after_the_machine_went_down_it_is_not_believed(tmp_path, boot):
    FileJournal(tmp_path, 7, slots=1, boot="one start").close(gone=False)
    assert left(tmp_path, boot=boot) == (False, [])
    assert left(tmp_path, boot="one start") == (True, [])


@pytest.mark.parametrize("damage", [b"", b"short", b"x" * 640])
def test_a_damaged_one_is_not_believed(tmp_path, damage):
    journal = FileJournal(tmp_path, 7, slots=1)
    journal.close(gone=False)
    assert journal.path.stat().st_size == 640
    journal.path.write_bytes(damage)
    assert left(tmp_path) == (False, [])


def test_another_epochs_name_is_not_believed(tmp_path):
    journal = FileJournal(tmp_path, 7, slots=1)
    journal.close(gone=False)
    journal.path.rename(journal.path.with_name("000000000008.journal"))
    assert left(tmp_path) == (False, [])


def test_one_that_vanishes_while_it_is_looked_at_is_nobodys(tmp_path, monkeypatch):
    FileJournal(tmp_path, 7, slots=1).close(gone=False)
    opened = os.open

    def open_late(path, flags, *more):
        if str(path).endswith(".journal"):
            os.unlink(path)
        return opened(path, flags, *more)

    monkeypatch.setattr(module.os, "open", open_late)
    assert list(dead_journals(tmp_path)) == []
    monkeypatch.undo()
    FileJournal(tmp_path, 7, slots=1).close(gone=False)
    locked = module.fcntl.flock

    def lock_late(fd, how):
        locked(fd, how)
        (tmp_path / "000000000007.journal").unlink()

    monkeypatch.setattr(module.fcntl, "flock", lock_late)
    assert list(dead_journals(tmp_path)) == []


def test_a_place_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot make a journal"):
        FileJournal(tmp_path / "file" / "journals", 7)
    monkeypatch.setattr(module.mmap, "mmap", lambda *more: (_ for _ in ()).throw(OSError(12, "no memory")))
    with pytest.raises(StoreError, match="cannot make a journal"):
        FileJournal(tmp_path, 7, slots=1)


def test_a_place_that_cannot_be_read_is_told(tmp_path):
    (tmp_path / "000000000007.journal").symlink_to("/dev/null")
    with pytest.raises(StoreError, match="cannot read the journal"):
        list(dead_journals(tmp_path))


def test_a_machine_that_has_no_name_for_its_start_believes_no_journal(monkeypatch, tmp_path):
    assert len(boot_id()) == 36
    monkeypatch.setattr(module, "Path", lambda path: tmp_path / "nothing")
    assert boot_id() == ""


def test_one_that_cannot_be_made_takes_no_room(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "solid", full)
    with pytest.raises(StoreError, match="No space left"):
        FileJournal(tmp_path, 7)
    assert list(tmp_path.iterdir()) == []


def test_one_that_cannot_be_deleted_is_let_go_of_and_found_again(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(30, "Read-only file system")

    unlink = os.unlink
    monkeypatch.setattr(os, "unlink", refuse)
    FileJournal(tmp_path, 7, slots=4).close(gone=True)
    for _ in range(2):
        (dead,) = dead_journals(tmp_path)
        dead.close(gone=True)
    monkeypatch.setattr(os, "unlink", unlink)
    (dead,) = dead_journals(tmp_path)
    dead.close(gone=True)
    assert list(tmp_path.iterdir()) == []
