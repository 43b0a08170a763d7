"""How often someone may try to log in: a bucket for each key (an account, an address) that empties with time.

An attempt is charged before it is judged, so that a hundred at once are not a hundred free ones; success gives the account's
back. Memory is bounded: of very many keys the one tried longest ago is forgotten first, and to push one out costs more attempts
than waiting would give. Each worker counts alone.
"""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict
from collections.abc import Callable

from lockgate.core.failure import Refusal

#: Buckets that are kept of each kind.
MOST = 10_000


class Bucket:
    """`burst` attempts at once, then one every `every_s` seconds, for each key. Threads may share it."""

    def __init__(self, burst: int, every_s: float, most: int = MOST) -> None:
        self._every_s = every_s
        self._room_s = burst * every_s
        self._most = most
        self._until_s: OrderedDict[str, float] = OrderedDict()  # when a bucket will be empty
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Bucket({len(self._until_s)} keys)"

    def take(self, key: str, now_s: float) -> float:
        """Charge an attempt; 0.0, or after how many seconds it may be made, and then nothing was charged."""
        with self._lock:
            until_s = max(self._until_s.get(key, now_s), now_s) + self._every_s
            wait_s = until_s - now_s - self._room_s
            if wait_s > 0:
                return wait_s
            self._until_s[key] = until_s
            self._until_s.move_to_end(key)
            if len(self._until_s) > self._most:
                self._until_s.popitem(last=False)
            return 0.0

    def forget(self, key: str) -> None:
        """Empty a bucket."""
        with self._lock:
            self._until_s.pop(key, None)


class Throttle:
    """Attempts by account and by address. `clock` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._accounts = Bucket(burst=10, every_s=30.0)
        self._addresses = Bucket(burst=30, every_s=5.0)

    def __repr__(self) -> str:
        return f"Throttle({self._accounts}, {self._addresses})"

    def enter(self, account: str, address: str) -> None:
        """Charge an attempt; raises `Refusal` 429 when there were too many. Whether there is such an account does not
        matter."""
        now_s = self._clock()
        for bucket, key in ((self._addresses, network_of(address)), (self._accounts, account)):
            if wait_s := bucket.take(key, now_s):
                raise Refusal(
                    429,
                    "too_many_logins",
                    "There were too many attempts to log in. Wait a while, then try again.",
                    retry_after=wait_s,
                )

    def succeeded(self, account: str) -> None:
        """The attempt was good: those before it are forgiven."""
        self._accounts.forget(account)


def network_of(address: str) -> str:
    """What is counted as one address: of IPv6 the /64, which is what one customer has."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
