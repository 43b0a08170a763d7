"""Notices that the configuration file, the stored keys or the price list have changed."""

from __future__ import annotations

from pathlib import Path

from lockgate.control.house import House


class Watch:
    """Compares a fingerprint of what a Snapshot is made of with the last one. Cheap enough to ask twice a second."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._store = house.key_store()  # data_version only tells of other connections' commits, so this one stays open
        self._seen = self._fingerprint()

    def changed(self) -> bool:
        """Whether something has changed since the last time this was asked."""
        now = self._fingerprint()
        changed, self._seen = now != self._seen, now
        return changed

    def close(self) -> None:
        """Let go of the key store."""
        self._store.close()

    def _fingerprint(self) -> tuple[object, ...]:
        return (_stamp(self._house.config_path), self._store.version(), _stamp(self._house.price_list))


def _stamp(path: Path | None) -> tuple[int, int, int] | None:
    """Time, size and inode: an editor that replaces a file keeps neither time nor inode."""
    if path is None:
        return None
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
