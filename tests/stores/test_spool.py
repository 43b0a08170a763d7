"""stores/spool: what `append` has taken is there, whatever disks and processes do."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.core.record import Record, pack, unpack
from lockgate.stores.spool import FRAME_LIMIT, MAGIC, RESERVE, Segment, Spool, frame, held, scan, segments

SECOND = 1_000_000


class Clock:
    def __init__(self) -> None:
        self.now = 1_790_000_000 * SECOND

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def make(tmp_path: Path, clock: Clock, said: list[str]) -> Callable[..., Spool]:
    return lambda **options: Spool(tmp_path / "spool", clock=clock, report=said.append, **options)


def record(number: int, body: bytes = b"") -> Record:
    return Record(id=f"r{number}", time_us=number, request=body)


Open = Callable[..., Segment]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Opens segments, and closes them after the test."""
    with ExitStack() as stack:

        def open_one(path: Path, at: int = 0) -> Segment:
            return stack.enter_context(closing(Segment(path, at)))

        yield open_one


def ids(directory: Path) -> list[str]:
    out: list[str] = []
    for path in segments(directory):
        segment = Segment(path)
        while payloads := segment.read():
            out += [unpack(payload).id for payload in payloads]
        segment.close()
    return out


def test_what_is_appended_is_read(make: Callable[..., Spool], tmp_path: Path) -> None:
    spool = make()
    assert all(spool.append(record(n, b"x" * n)) for n in range(100))
    assert ids(tmp_path / "spool") == [f"r{n}" for n in range(100)]


def test_files_are_private(make: Callable[..., Spool], tmp_path: Path) -> None:
    make().append(record(1))
    (path,) = segments(tmp_path / "spool")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_segment_ends_when_it_is_full(make: Callable[..., Spool], tmp_path: Path, opened: Open) -> None:
    spool = make(segment_bytes=3000)
    for n in range(10):
        spool.append(record(n, b"x" * 900))
    found = segments(tmp_path / "spool")
    assert len(found) == 4
    assert ids(tmp_path / "spool") == [f"r{n}" for n in range(10)]
    assert [opened(path).ended() for path in found] == [True, True, True, False]


def test_a_segment_ends_after_an_hour(make: Callable[..., Spool], clock: Clock, tmp_path: Path) -> None:
    spool = make()
    spool.append(record(1))
    clock.now += 3600 * SECOND
    spool.append(record(2))
    assert len(segments(tmp_path / "spool")) == 2


def test_a_living_writer_is_known(make: Callable[..., Spool], tmp_path: Path, opened: Open) -> None:
    spool = make()
    spool.append(record(1))
    (path,) = segments(tmp_path / "spool")
    assert not opened(path).ended()
    spool.close()
    assert opened(path).ended()


def test_a_segment_has_no_name_before_its_lock(
    make: Callable[..., Spool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(fcntl, "flock", lambda *_: seen.append([path.name for path in segments(tmp_path / "spool")]))
    make().append(record(1))
    assert seen == [[]]


def test_a_body_is_clipped(make: Callable[..., Spool], tmp_path: Path, opened: Open) -> None:
    make(body_limit=10).append(record(1, b"x" * 100))
    (path,) = segments(tmp_path / "spool")
    back = unpack(opened(path).read()[0])
    assert (back.request, back.truncated) == (b"x" * 10, True)


def test_above_its_size_bodies_go_and_above_twice_its_size_records(
    make: Callable[..., Spool], clock: Clock, said: list[str]
) -> None:
    spool = make(capacity=10_000)
    for n in range(10):
        spool.append(record(n, b"x" * 1000))
    big = record(11, b"x" * 1000)
    assert spool.append(big)
    assert (big.request, big.truncated, spool.stripped) == (b"", True, 1)
    kept = 0
    while spool.append(record(12, b"x")):
        kept += 1
    assert spool.dropped == 1
    assert kept > 50
    assert "full" in said[0]


def test_room_is_seen_again(make: Callable[..., Spool], clock: Clock, tmp_path: Path) -> None:
    spool = make(capacity=1000, segment_bytes=500)
    for n in range(20):
        spool.append(record(n, b"x" * 300))
    assert spool.dropped > 0
    for path in segments(tmp_path / "spool")[:-1]:
        path.unlink()
    clock.now += SECOND
    whole = record(21, b"x" * 300)
    assert spool.append(whole)
    assert whole.request


def test_what_is_read_makes_room_although_its_writer_goes_on(make: Callable[..., Spool], clock: Clock, tmp_path: Path) -> None:
    """A segment is deleted when its writer has left it: of one that is large, and has been read, nobody has any use."""
    spool = make(capacity=100_000)
    for n in range(60):
        spool.append(record(n, b"x" * 1000))
    assert len(segments(tmp_path / "spool")) == 1
    for n in range(60, 200):
        clock.now += SECOND
        assert spool.append(record(n, b"x" * 1000))
        for path in segments(tmp_path / "spool")[:-1]:
            path.unlink()  # as the ingest does
    assert (spool.stripped, spool.dropped) == (0, 0)


def test_a_spool_that_nobody_reads_has_few_segments(make: Callable[..., Spool], clock: Clock, tmp_path: Path) -> None:
    """Whoever reads them has a file open for each."""
    spool = make(capacity=100_000)
    while spool.append(record(1, b"x" * 200)):
        clock.now += SECOND
    assert held(tmp_path / "spool") > 200_000
    assert len(segments(tmp_path / "spool")) < 150


def test_bodies_go_while_the_disk_is_nearly_full_so_that_there_is_room_for_records(
    make: Callable[..., Spool], clock: Clock, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = 1_000_000
    left = [blocks // 10]
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result((4096, 4096, blocks, left[0], left[0], 0, 0, 0, 0, 255)))
    spool = make()
    assert spool.append(whole := record(1, b"x" * 100))
    left[0] = RESERVE // 4096 - 1
    clock.now += SECOND
    assert spool.append(bare := record(2, b"x" * 100))
    left[0] = blocks // 10
    clock.now += SECOND
    assert spool.append(again := record(3, b"x" * 100))
    assert (whole.request, bare.request, again.request) == (b"x" * 100, b"", b"x" * 100)
    assert (spool.stripped, spool.dropped) == (1, 0)
    assert "the disk is nearly full" in said[0]


def test_of_a_small_disk_a_sixteenth_is_left(
    make: Callable[..., Spool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [63]
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result((4096, 4096, 1000, left[0], left[0], 0, 0, 0, 0, 255)))
    assert make().append(whole := record(1, b"x"))
    left[0] = 62
    assert make(mark="other").append(bare := record(2, b"x"))
    assert (whole.request, bare.request) == (b"x", b"")


def fail(monkeypatch: pytest.MonkeyPatch, code: int, above: int) -> None:
    """Writes of more bytes than `above` fail."""
    write = os.write

    def failing(fd: int, data: bytes) -> int:
        if len(data) > above:
            raise OSError(code, os.strerror(code))
        return write(fd, data)

    monkeypatch.setattr(os, "write", failing)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_record_that_does_not_fit_is_kept_without_its_bodies(
    make: Callable[..., Spool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str], code: int
) -> None:
    spool = make()
    spool.append(record(1))
    fail(monkeypatch, code, above=500)
    assert spool.append(record(2, b"x" * 1000))
    assert ids(tmp_path / "spool") == ["r1", "r2"]
    assert (spool.stripped, spool.dropped) == (1, 0)
    assert os.strerror(code) in said[0]


def test_a_record_that_cannot_be_kept_is_counted_and_said_once_a_second(
    make: Callable[..., Spool], clock: Clock, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    spool = make()
    fail(monkeypatch, errno.ENOSPC, above=0)
    assert [spool.append(record(n, b"body")) for n in range(50)] == [False] * 50
    assert (spool.stripped, spool.dropped) == (0, 50)  # without their bodies they were not taken either
    assert len(said) == 1
    clock.now += SECOND
    spool.append(record(51))
    assert len(said) == 2
    assert "51 dropped" in said[1]


def test_it_goes_on_after_the_disk_has(make: Callable[..., Spool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = make()
    with monkeypatch.context() as patch:
        fail(patch, errno.EIO, above=0)
        assert not spool.append(record(1))
    assert spool.append(record(2))
    assert ids(tmp_path / "spool") == ["r2"]


def test_half_a_write_is_taken_back(
    make: Callable[..., Spool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: Open
) -> None:
    spool = make()
    spool.append(record(1))
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: write(fd, data[: len(data) // 2]))
        assert not spool.append(record(2, b"x" * 100))
    spool.append(record(3))
    (path,) = segments(tmp_path / "spool")
    assert [unpack(payload).id for payload in opened(path).read()] == ["r1", "r3"]


def test_a_directory_that_cannot_be_made_loses_records_and_nothing_else(tmp_path: Path, clock: Clock, said: list[str]) -> None:
    (tmp_path / "spool").write_text("a file where a directory should be")
    spool = Spool(tmp_path / "spool", clock=clock, report=said.append)
    assert not spool.append(record(1))
    assert spool.dropped == 1


def test_a_directory_taken_away_is_made_again(make: Callable[..., Spool], clock: Clock, tmp_path: Path) -> None:
    spool = make()
    spool.append(record(1))
    for path in (tmp_path / "spool").iterdir():
        path.unlink()
    (tmp_path / "spool").rmdir()
    clock.now += SECOND
    assert spool.append(record(2))
    assert ids(tmp_path / "spool") == ["r2"]


def test_its_repr_says_what_was_lost(make: Callable[..., Spool]) -> None:
    spool = make()
    spool.append(record(1))
    assert "segment 1, 0 stripped, 0 dropped" in repr(spool)


def test_the_size_of_a_spool_is_that_of_its_segments(make: Callable[..., Spool], tmp_path: Path) -> None:
    spool = make()
    spool.append(record(1))
    (tmp_path / "spool" / "cursors.json").write_text("{}")
    assert held(tmp_path / "spool") == len(frame(pack(record(1))))
    assert segments(tmp_path / "nowhere") == []


# Frames


def test_an_unfinished_last_frame_waits() -> None:
    data = frame(b"one") + frame(b"two")
    for cut in range(len(frame(b"one")), len(data)):
        found = scan(data[:cut])
        assert (found.payloads, found.end, found.damaged) == ([b"one"], len(frame(b"one")), 0)


def test_the_rest_of_a_frame_is_asked_for() -> None:
    data = frame(b"x" * 1000)
    assert scan(data[:100]).wants == len(data) - 100


def test_no_more_frames_are_taken_than_asked_for() -> None:
    data = frame(b"a") * 5
    found = scan(data, limit=2)
    assert (len(found.payloads), found.end) == (2, 2 * len(frame(b"a")))


@given(st.lists(st.binary(max_size=60), min_size=3, max_size=8), st.data())
def test_damage_costs_the_frames_it_touches_and_no_other(payloads: list[bytes], data: st.DataObject) -> None:
    frames = [frame(payload) for payload in payloads]
    victim = data.draw(st.integers(0, len(frames) - 2))
    hurt = bytearray(frames[victim])
    at = data.draw(st.integers(0, len(hurt) - 1))
    hurt[at] ^= data.draw(st.integers(1, 255))
    found = scan(b"".join([*frames[:victim], bytes(hurt), *frames[victim + 1 :]]))
    waits = found.wants > 0  # a size that grew: the reader waits for more, until the writer is gone
    assert waits or found.payloads == [*payloads[:victim], *payloads[victim + 1 :]]
    assert waits or found.damaged == 1
    assert found.payloads[:victim] == payloads[:victim]


def test_rubbish_between_frames_is_skipped_and_counted_once() -> None:
    found = scan(frame(b"a") + b"rubbish" * 100 + MAGIC + b"\xff" * 8 + MAGIC[:2] + frame(b"b"))
    assert (found.payloads, found.damaged) == ([b"a", b"b"], 1)


def test_a_size_that_cannot_be_is_damage() -> None:
    bad = MAGIC + (FRAME_LIMIT + 1).to_bytes(4, "little") + bytes(4)
    assert scan(bad + frame(b"b")).payloads == [b"b"]


def test_rubbish_at_the_end_keeps_what_may_become_a_frame() -> None:
    found = scan(frame(b"a") + b"rubbish" * 3 + MAGIC[:3])
    assert found.payloads == [b"a"]
    rest = (frame(b"a") + b"rubbish" * 3 + MAGIC[:3])[found.end :]
    assert rest.endswith(MAGIC[:3])


# Segments


def test_a_frame_larger_than_a_stretch_is_read(tmp_path: Path, opened: Open) -> None:
    path = tmp_path / "1.spool"
    path.write_bytes(frame(b"a" * 5000) + frame(b"b"))
    segment = opened(path)
    assert segment.read(limit_bytes=100) == [b"a" * 5000]
    assert segment.read(limit_bytes=100) == [b"b"]
    assert segment.left() == 0


def test_an_ended_segment_with_a_damaged_size_is_read_to_its_end(tmp_path: Path, opened: Open) -> None:
    hurt = bytearray(frame(b"one"))
    hurt[6] = 1  # 64 KiB more than there are
    path = tmp_path / "1.spool"
    path.write_bytes(bytes(hurt) + frame(b"two"))
    segment = opened(path)
    assert segment.read() == []
    assert segment.ended()
    assert segment.read(final=True) == [b"two"]
    assert segment.damaged == 1


def test_reading_goes_on_from_a_cursor(tmp_path: Path, opened: Open) -> None:
    path = tmp_path / "1.spool"
    path.write_bytes(frame(b"one") + frame(b"two"))
    first = opened(path)
    assert first.read(limit=1) == [b"one"]
    assert opened(path, first.at).read() == [b"two"]
    assert repr(first) == f"Segment(1.spool at {first.at})"


WRITER = """
import sys, time
from pathlib import Path
from lockgate.core.record import Record
from lockgate.stores.spool import Spool
spool = Spool(Path(sys.argv[1]), clock=lambda: time.time_ns() // 1000, report=print, segment_bytes=200_000)
for number in range(1_000_000):
    if spool.append(Record(id=str(number), time_us=time.time_ns() // 1000, request=b"q" * 900, response=b"a" * 900)):
        print(number, flush=True)
"""


def test_what_append_has_taken_survives_sigkill(tmp_path: Path, opened: Open) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, tmp_path / "spool"], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        told = [child.stdout.readline() for _ in range(3000)]
        child.kill()
        told += [line for line in child.stdout if line.endswith("\n")]  # the last line may be cut
    found = ids(tmp_path / "spool")
    assert found[: len(told)] == [line.strip() for line in told]
    assert len(found) <= len(told) + 1  # at most the one that was not told yet
    assert all(opened(path).ended() for path in segments(tmp_path / "spool"))
