"""The file of what was taken out of pools, on a disk that takes a part of it, or does not let go."""

from __future__ import annotations

import os

import pytest

from lockgate.stores.ledger.moves import Moves, read_moves
from lockgate.stores.ports import StoreError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "000000000001.moves"


@pytest.fixture
def moves(path):
    moves = Moves(path)
    yield moves
    moves.close(gone=True)
    assert not path.exists()


def refuse(*args, **kwargs):
    raise OSError(5, "Input/output error")


def test_what_is_told_is_not_there_any_more(moves, path):
    moves.add(7, [(1, 2, 100), (3, 0, 50)])
    assert [(each.seq, each.pool, each.source, each.number, each.amount) for each in read_moves(path)] == [
        (1, 7, 1, 2, 100),
        (2, 7, 3, 0, 50),
    ]
    moves.told(1)
    assert [each.seq for each in moves.untold] == [2]
    moves.told(2)
    assert (moves.untold, read_moves(path)) == ([], [])


def test_a_part_of_a_row_does_not_hide_those_that_follow(moves, path, monkeypatch):
    moves.add(7, [(1, 2, 100)])
    write, cut = os.write, os.ftruncate
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:13]))
    with pytest.raises(StoreError, match="takes no more"):
        moves.add(7, [(1, 2, 200)])
    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(os, "ftruncate", refuse)
    with pytest.raises(StoreError, match="cannot write"):
        moves.add(7, [(1, 2, 300)])
    assert [each.amount for each in read_moves(path)] == [100]
    monkeypatch.setattr(os, "ftruncate", cut)
    moves.add(7, [(1, 2, 400)])
    assert [(each.seq, each.amount) for each in read_moves(path)] == [(1, 100), (2, 400)]
    assert [each.amount for each in moves.untold] == [100, 400]


def test_a_file_that_cannot_be_emptied_says_what_is_known(moves, path, monkeypatch):
    moves.add(7, [(1, 2, 100)])
    cut = os.ftruncate
    monkeypatch.setattr(os, "ftruncate", refuse)
    moves.told(1)
    moves.add(7, [(1, 2, 200)])
    assert [each.seq for each in read_moves(path)] == [1, 2]  # the ledger has heard of the first, and leaves it out
    monkeypatch.setattr(os, "ftruncate", cut)
    moves.told(2)
    assert read_moves(path) == []


def test_what_was_left_by_its_name_is_not_believed(path, monkeypatch):
    left = Moves(path)
    left.add(7, [(1, 2, 100)])
    left.close(gone=False)
    unlink = os.unlink
    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(StoreError, match="cannot remove"):
        Moves(path)
    monkeypatch.setattr(os, "unlink", unlink)
    Moves(path).close(gone=True)
    assert read_moves(path) == []
