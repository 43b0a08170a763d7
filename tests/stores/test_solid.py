"""stores/solid: a file without holes, whichever way the system has of making one."""

from __future__ import annotations

import errno
import os

import pytest

from lockgate.stores.solid import solid

SIZE = 300_001


def unable(number):
    def fallocate(fd, offset, size):
        raise OSError(number, os.strerror(number))

    return fallocate


@pytest.fixture(params=["set aside", "written", "macOS"])
def way(request, monkeypatch):
    if request.param == "written":
        monkeypatch.setattr(os, "posix_fallocate", unable(errno.EOPNOTSUPP))
    elif request.param == "macOS":
        monkeypatch.delattr(os, "posix_fallocate")


@pytest.fixture
def fd(tmp_path):
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    yield fd
    os.close(fd)


def test_it_begins_with_its_header_and_has_room_for_every_byte(way, fd, tmp_path):
    solid(fd, b"header", SIZE)
    assert (tmp_path / "file").read_bytes() == b"header" + bytes(SIZE - 6)
    os.fsync(fd)
    assert os.fstat(fd).st_blocks * 512 >= SIZE


def test_a_disk_without_room_is_told(fd, monkeypatch):
    monkeypatch.setattr(os, "posix_fallocate", unable(errno.ENOSPC))
    with pytest.raises(OSError, match="No space"):
        solid(fd, b"header", SIZE)
    assert os.fstat(fd).st_size == 0


def test_a_short_write_is_gone_on_with(fd, monkeypatch, tmp_path):
    monkeypatch.delattr(os, "posix_fallocate")
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:1000]))
    solid(fd, bytes(range(256)) * 9, SIZE)
    assert (tmp_path / "file").read_bytes() == bytes(range(256)) * 9 + bytes(SIZE - 9 * 256)
