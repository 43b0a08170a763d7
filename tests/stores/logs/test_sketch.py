"""stores/logs/sketch: quantiles within the promised error, and merging."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.stores.logs.sketch import ERROR, Sketch, merged


def sketch(values: list[float]) -> Sketch:
    out = Sketch()
    for value in values:
        out.add(value)
    return out


@given(st.lists(st.floats(1.5, 1e10), min_size=1, max_size=200), st.floats(0, 1))
def test_a_quantile_is_right_to_two_percent(values: list[float], share: float) -> None:
    exact = sorted(values)[int(share * (len(values) - 1))]
    assert sketch(values).quantile(share) == pytest.approx(exact, rel=ERROR * 1.001)


@given(st.lists(st.floats(0, 1e9)), st.lists(st.floats(0, 1e9)))
def test_merging_is_having_seen_all(one: list[float], other: list[float]) -> None:
    both = sketch(one)
    both.merge(sketch(other))
    assert both == sketch(one + other)
    assert Sketch.unpack(merged(sketch(one).pack(), sketch(other).pack())) == both


def test_an_empty_one_says_zero() -> None:
    assert Sketch().quantile(0.99) == 0
    assert repr(Sketch()) == "Sketch(empty)"


def test_it_is_small() -> None:
    draw = random.Random(1)
    busy = sketch([draw.lognormvariate(13, 1) for _ in range(10_000)])
    assert len(busy.pack()) < 1000
    assert busy.count == 10_000


def test_other_bytes_are_no_sketch() -> None:
    with pytest.raises(msgspec.DecodeError):
        Sketch.unpack(b"\xc1")
