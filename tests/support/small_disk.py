"""A small disk: a tmpfs in a mount namespace of its own, which needs no rights where the system lets anybody make user namespaces
(user_namespaces(7)). Commands that are run `within` it find it at `place`; who is outside finds it at `seen`, but for SQLite, which
wants to know where a file really is."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_MAKE = 'mount -t tmpfs -o size="$1",mode=0700 none "$2" && echo made && exec cat'


class SmallDisk:
    """Of `size` bytes, over the directory `place`. Raises `OSError` where it cannot be made."""

    def __init__(self, place: Path, size: int) -> None:
        self._place = place
        place.mkdir(parents=True)
        command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _MAKE, "sh", str(size), str(place)]
        self._keeper = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        said = self._keeper.stdout.readline()
        self.seen = Path(f"/proc/{self._keeper.pid}/root{place}")
        self.within = ["nsenter", "--target", str(self._keeper.pid), "--user", "--mount", "--preserve-credentials"]
        entered = said == b"made\n" and subprocess.run([*self.within, "true"], capture_output=True, check=False).returncode == 0
        if not entered:
            _, why = self._keeper.communicate()
            raise OSError(why.decode().strip() or "it cannot be entered")

    def room(self) -> int:
        """Bytes that are free."""
        found = os.statvfs(self.seen)
        return found.f_bavail * found.f_frsize

    def fill(self, but: int = 0) -> None:
        """Take all room but so much."""
        with (self.seen / "filler").open("ab", buffering=0) as filler:
            while (left := self.room() - but) > 0:
                try:
                    filler.write(bytes(min(left, 1 << 20)))
                except OSError:
                    return  # somebody else was faster

    def empty(self) -> None:
        """Give it back."""
        (self.seen / "filler").unlink(missing_ok=True)

    def protect(self) -> None:
        """Nothing new can be opened for writing from now on; what is open stays so, as where an owner takes rights away."""
        self._mount("--bind", str(self._place))
        self._mount("-o", "remount,bind,ro")

    def release(self) -> None:
        """It can again."""
        self._mount("-o", "remount,bind,rw")

    def _mount(self, *options: str) -> None:
        subprocess.run([*self.within, "mount", *options, str(self._place)], check=True, capture_output=True)

    def close(self) -> None:
        """Be gone, with all that is on it."""
        self._keeper.communicate()
