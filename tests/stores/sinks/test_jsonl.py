import gzip
import json
import os

import pytest
import zstandard

from lockgate.stores.ports import StoreError
from lockgate.stores.sinks.jsonl import JsonlFiles
from lockgate.stores.sinks.port import Batch
from support.sinks import ids, record

NOON = 1_790_000_000.0


def sink_of(tmp_path, now=NOON, **more):
    clock = now if callable(now) else lambda: now
    return JsonlFiles(tmp_path / "out", clock=clock, **more)


def batch(number, *records, mark=""):
    return Batch(number, records, mark)


def rows(tmp_path):
    found = []
    for path in sorted((tmp_path / "out").iterdir()):
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
        elif path.suffix == ".zst":
            data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
        found += [json.loads(each)["id"] for each in data.splitlines()]
    return found


def test_a_record_is_a_line_with_its_members_and_its_bodies_as_what_they_are(tmp_path):
    sink_of(tmp_path).send(batch(1, record(0, response=b"data: {}\n\n", sent=b"\xff\x00")))
    (path,) = (tmp_path / "out").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    (row,) = map(json.loads, path.read_bytes().splitlines())
    assert (row["model_sent"], row["cost_nusd"], row["usage"]["input"]) == ("gpt-5", 1_250_000, 100)
    assert row["request"] == {"model": "gpt-5", "messages": [{"role": "user", "content": "ping"}]}
    assert row["response"] == "data: {}\n\n"
    assert row["sent"] == {"base64": "/wA="}


def test_what_no_text_can_say_is_said_all_the_same(tmp_path):
    sink_of(tmp_path).send(batch(1, record(0, error="lone \ud800"), record(1, request=b'{\n"a":\n1}')))
    (path,) = (tmp_path / "out").iterdir()
    first, second = map(json.loads, path.read_bytes().splitlines())
    assert first["error"] == "lone \\ud800"
    assert second["request"] == {"a": 1}


def test_a_large_file_is_followed_by_another_and_compressed(tmp_path):
    sink = sink_of(tmp_path, size=100)
    for n in range(3):
        sink.send(batch(n + 1, record(n), mark=sink.mark))
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert [name.endswith(".jsonl.gz") for name in names] == [True, True, False]
    assert rows(tmp_path) == ids(map(record, range(3)))


def test_a_day_has_files_of_its_own(tmp_path):
    now = [NOON]
    sink = sink_of(tmp_path, lambda: now[0], compression="zstd")
    sink.send(batch(1, record(0)))
    now[0] += 86_400
    sink.send(batch(2, record(1), mark=sink.mark))
    assert [path.suffix for path in sorted((tmp_path / "out").iterdir())] == [".zst", ".jsonl"]
    assert rows(tmp_path) == ids(map(record, range(2)))


def test_a_batch_that_was_written_and_not_done_with_is_written_once(tmp_path):
    sink = sink_of(tmp_path)
    sink.send(batch(1, record(0)))
    mark = sink.mark
    sink.send(batch(2, record(1), record(2), mark=mark))
    again = sink_of(tmp_path)  # the process died before it was done with
    again.send(batch(2, record(1), record(2), mark=mark))
    assert rows(tmp_path) == ids(map(record, range(3)))


def test_so_too_when_the_lost_batch_had_begun_a_file(tmp_path):
    sink = sink_of(tmp_path, size=100, compression="none")
    sink.send(batch(1, record(0)))
    mark = sink.mark
    sink.send(batch(2, record(1), mark=mark))
    again = sink_of(tmp_path, size=100, compression="none")
    again.send(batch(2, record(1), mark=mark))
    assert rows(tmp_path) == ids(map(record, range(2)))


def test_so_too_when_its_file_was_compressed_already(tmp_path):
    sink = sink_of(tmp_path, size=100)
    sink.send(batch(1, record(0)))
    mark = sink.mark
    sink.send(batch(2, record(1), mark=mark))
    again = sink_of(tmp_path, size=100)
    again.send(batch(2, record(1), mark=mark))
    assert rows(tmp_path) == ids(map(record, range(2)))


def test_half_a_batch_is_cut_off(tmp_path):
    sink = sink_of(tmp_path)
    sink.send(batch(1, record(0)))
    (path,) = (tmp_path / "out").iterdir()
    with path.open("ab") as file:
        file.write(b'{"id": "half')
    sink_of(tmp_path).send(batch(2, record(1), mark=sink.mark))
    assert rows(tmp_path) == ids(map(record, range(2)))


def test_a_full_disk_leaves_no_half_line_and_is_tried_again(tmp_path, monkeypatch):
    sink = sink_of(tmp_path)
    sink.send(batch(1, record(0)))
    real, calls = os.write, []

    def write(fd, data):
        calls.append(fd)
        if len(calls) == 1:
            return real(fd, data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(StoreError, match="No space left"):
        sink.send(batch(2, record(1), mark=sink.mark))
    monkeypatch.undo()
    sink.send(batch(2, record(1), mark=sink.mark))
    assert rows(tmp_path) == ids(map(record, range(2)))


def test_only_so_many_stay_and_others_files_are_let_be(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "requests-mine.jsonl.gz").write_bytes(gzip.compress(b""))
    sink = sink_of(tmp_path, size=100, keep=2)
    for n in range(5):
        sink.send(batch(n + 1, record(n), mark=sink.mark))
    assert rows(tmp_path) == ids(map(record, (2, 3, 4)))
    assert (tmp_path / "out" / "requests-mine.jsonl.gz").exists()


def test_files_follow_each_other_also_when_the_clock_goes_back(tmp_path):
    now = [NOON]
    sink = sink_of(tmp_path, lambda: now[0], size=100)
    for n in range(3):
        sink.send(batch(n + 1, record(n), mark=sink.mark))
        now[0] -= 3600
    assert rows(tmp_path) == ids(map(record, range(3)))
