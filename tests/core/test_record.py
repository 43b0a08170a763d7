"""core/record: ids that sort by time, and the packed form."""

from __future__ import annotations

import random
import uuid

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.core.record import BODIES, Attempt, Record, new_id, pack, time_of_id, unpack
from lockgate.core.reply import Usage

NOW = 1_790_000_000_123_456


def full() -> Record:
    return Record(
        id=new_id(NOW, 1),
        time_us=NOW,
        trace_id="0af7651916cd43dd8448eb211c80319c",
        provider="p",
        stream=True,
        status=200,
        attempts=[Attempt(provider="q", status=503, kind="overloaded", message="busy"), Attempt(provider="p", status=200)],
        usage=Usage(input=10, output=3, cached=4, raw=msgspec.Raw(b'{"prompt_tokens" : 10}')),
        cost_nusd=0,
        ttft_us=0,
        metadata={"team": "blau"},
        losses=["logit_bias"],
        request=b'{"a":1}',
        response=b"\x00\xff not json \xf5LGR",
        sent=b'{"b":2}',
        received=b"{}",
    )


@given(st.integers(0, 2**48 * 1000 - 1), st.integers(0, 2**62 - 1))
def test_an_id_is_a_uuid_of_version_7_that_tells_its_time(time_us: int, chance: int) -> None:
    id = new_id(time_us, chance)
    assert str(uuid.UUID(id)) == id
    assert uuid.UUID(id).version == 7
    assert uuid.UUID(id).variant == uuid.RFC_4122
    assert time_of_id(id) == time_us // 1000 * 1000


def test_ids_sort_by_time_to_the_microsecond() -> None:
    draw = random.Random(1)
    ids = [new_id(NOW + n, draw.getrandbits(62)) for n in range(0, 3000, 1)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    "text", ["", "req_123", "381430c9-cdf2-467e-96bf-6b62bd3b0d90", "0199zzzz-0000-7000-8000-000000000000"]
)
def test_another_text_tells_no_time(text: str) -> None:
    assert time_of_id(text) is None


def test_a_record_comes_back_as_it_was() -> None:
    record = full()
    assert unpack(pack(record)) == record
    assert unpack(memoryview(pack(record))) == record


def test_packing_leaves_the_record_as_it_was() -> None:
    record = full()
    pack(record)
    pack(record, bodies=False)
    assert record == full()


def test_an_empty_record_comes_back_as_it_was() -> None:
    record = Record(id="x", time_us=0)
    assert unpack(pack(record)) == record


def test_not_known_and_zero_stay_two_things() -> None:
    record = unpack(pack(full()))
    assert (record.cost_nusd, record.ttft_us) == (0, 0)
    assert (unpack(pack(Record(id="x", time_us=0))).cost_nusd) is None


def test_the_providers_account_stays_as_it_was_written() -> None:
    usage = unpack(pack(full())).usage
    assert usage is not None
    assert usage.raw is not None
    assert bytes(usage.raw) == b'{"prompt_tokens" : 10}'


def test_bodies_are_not_escaped() -> None:
    record = full()
    assert record.request in pack(record)
    assert record.response in pack(record)
    bare = unpack(pack(record, bodies=False))
    assert {getattr(bare, name) for name in BODIES} == {b""}
    assert bare.usage == record.usage


def test_a_lone_surrogate_is_written_in_words() -> None:
    record = full()
    record.error = "bad \udcff byte"
    record.metadata["\ud800"] = "x"
    back = unpack(pack(record))
    assert back.error == "bad \\udcff byte"
    assert back.metadata["\\ud800"] == "x"
    assert (back.request, back.attempts, back.usage) == (record.request, record.attempts, record.usage)


def test_counts_of_any_size_come_back() -> None:
    record = Record(id="x", time_us=0, usage=Usage(input=10**30), cost_nusd=10**25)
    assert unpack(pack(record)) == record


@pytest.mark.parametrize("cut", [0, 5, 19, 20, 40])
def test_what_is_cut_short_is_no_record(cut: int) -> None:
    with pytest.raises(msgspec.DecodeError):
        unpack(pack(full())[:cut])


def test_members_of_a_later_version_are_no_trouble() -> None:
    data = pack(Record(id="x", time_us=0))
    head = data[20:].replace(b'"time_us":0', b'"time_us":0,"mood":"good"')
    assert unpack(len(head).to_bytes(4, "little") + data[4:20] + head) == Record(id="x", time_us=0)


def test_clipping_says_that_a_body_is_not_whole() -> None:
    record = full()
    record.clip(100)
    assert not record.truncated
    record.clip(3)
    assert (record.request, record.response, record.truncated) == (b'{"a', b"\x00\xff ", True)


def test_stripping_says_so_only_when_there_was_a_body() -> None:
    record = full()
    record.strip()
    assert (record.request, record.response, record.truncated) == (b"", b"", True)
    bare = Record(id="x", time_us=0)
    bare.strip()
    assert not bare.truncated


def test_its_repr_shows_no_body() -> None:
    assert repr(full()).startswith("Record(") and "a" not in repr(full()).split("'")[1]
