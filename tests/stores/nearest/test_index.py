"""stores/nearest/index: what lies nearest is found, in however many rows."""

import threading

import numpy as np
import pytest

from lockgate.stores.nearest import index as module
from lockgate.stores.nearest.index import Index, packed

WIDTH = 256


def vectors(count, seed=1):
    rows = np.random.default_rng(seed).standard_normal((count, WIDTH)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def near_to(vector, cosine, seed=2):
    """A vector at a cosine from another."""
    other = vectors(1, seed)[0]
    other -= (other @ vector) * vector
    other /= np.linalg.norm(other)
    return (cosine * vector + (1 - cosine**2) ** 0.5 * other).astype(np.float32)


def filled(rows):
    index = Index(WIDTH)
    for row, vector in enumerate(rows):
        index.put(row, packed(vector.tobytes()))
    return index


def test_an_empty_one_has_nothing_near():
    assert Index(WIDTH).near(vectors(1)[0].tobytes(), 8, 0.0) == []


@pytest.mark.parametrize("count", [1, 15, 16, 17, 500, 513, 5000, 20_000])
def test_what_is_near_is_found_nearest_first(count):
    rows = vectors(count)
    one = vectors(1, 3)[0]
    wanted = {}
    for n, cosine in enumerate((0.95, 0.8, 0.65)[: min(3, count)]):
        at = (count - 1) * n // 2
        rows[at] = near_to(one, cosine, n + 10)
        wanted.setdefault(at, cosine)
    index = filled(rows)
    found = index.near(one.tobytes(), 8, 0.5)
    assert len(index) == count
    assert [row for row, _ in found] == sorted(wanted, key=wanted.__getitem__, reverse=True)
    assert [cosine for _, cosine in found] == pytest.approx([wanted[row] for row, _ in found], abs=0.002)


def test_what_is_opposite_is_not_near(monkeypatch):
    """All its bits differ, 256 of them: a byte does not tell that from none."""
    monkeypatch.setattr(module, "_PICKED", 4)
    rows = vectors(100)
    one = rows[7].copy()
    rows[8] = -one
    assert filled(rows).near(one.tobytes(), 8, -1.0)[0][0] == 7
    assert 8 not in [row for row, _ in filled(rows).near(one.tobytes(), 8, 0.0)]


def test_what_is_blanked_or_written_over_is_not_found():
    rows = vectors(50)
    index = filled(rows)
    index.blank(3)
    index.put(4, packed(rows[9].tobytes()))
    assert [row for row, _ in index.near(rows[3].tobytes(), 1, 0.9)] == []
    assert [row for row, _ in index.near(rows[4].tobytes(), 1, 0.9)] == []
    assert {row for row, _ in index.near(rows[9].tobytes(), 2, 0.9)} == {4, 9}
    assert len(index) == 50


def test_many_that_are_as_near_do_not_make_it_slow(monkeypatch):
    monkeypatch.setattr(module, "_PICKED", 4)
    same = np.repeat(vectors(1), 200, axis=0)
    index = filled(same)
    assert len(index._picked(module._code(same[0]), 200)) == 16
    assert len(index.near(same[0].tobytes(), 8, 0.9)) == 8


def test_it_is_searched_while_it_grows():
    rows = vectors(3000)
    index = filled(rows[:100])
    over, found = threading.Event(), []

    def search():
        while not over.is_set():
            found.append(index.near(rows[50].tobytes(), 1, 0.9)[0][0])

    thread = threading.Thread(target=search)
    thread.start()
    for row in range(100, 3000):
        index.put(row, packed(rows[row].tobytes()))
    over.set()
    thread.join()
    assert set(found) <= {50}
