"""`Reception`: what the logins of one worker share: the throttle, the keys, what is known of identity providers, and threads of
their own, so that who guesses passwords takes no thread from anyone else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from lockgate.control.house import House
from lockgate.control.identity import passwords
from lockgate.control.identity.oidc import Provider
from lockgate.control.identity.secrets import Keys
from lockgate.control.identity.sessions import Visit, visit
from lockgate.control.identity.settings import IdentityEntry
from lockgate.control.identity.site import Site, cookies_of
from lockgate.control.identity.throttle import Throttle
from lockgate.core.failure import Refusal
from lockgate.stores.control.store import ControlStore
from lockgate.transport.exchange import Client

T = TypeVar("T")
#: Logins that may be under way, or wait for it.
MOST = 32


class Reception:
    """`client` finds a client by scheme, `clock` gives monotonic seconds."""

    def __init__(self, house: House, client: Callable[[str], Client], clock: Callable[[], float] = time.monotonic) -> None:
        self._house = house
        self._client = client
        self._clock = clock
        self.throttle = Throttle(clock)
        self._keys: Keys | None = None
        self._providers: dict[str, Provider] = {}
        self._threads: ThreadPoolExecutor | None = None
        self._waiting = 0

    def __repr__(self) -> str:
        return f"Reception({list(self._providers.values())})"

    @property
    def entry(self) -> IdentityEntry:
        """What the configuration says of identity."""
        return self._house.in_force.identity

    @property
    def client(self) -> Client:
        """What asks identity providers."""
        return self._client("https")

    @property
    def keys(self) -> Keys:
        """The keys that identity works with. It blocks the first time. Raises `StoreError`."""
        if self._keys is None:
            self._keys = Keys.of(self._house.identity_key)
        return self._keys

    async def do(self, work: Callable[[], T]) -> T:
        """Do something that blocks, as looking at passwords does. Raises `Refusal` 503 when too many wait already."""
        if self._waiting >= MOST:
            raise passwords.busy()
        if self._threads is None:
            self._threads = ThreadPoolExecutor(passwords.AT_ONCE, "login")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1

    def site(self, host: str) -> Site:
        """The dashboard's site. Raises `Refusal` 421."""
        return Site.of(self.entry.public_url, host)

    def provider(self, name: str) -> Provider:
        """The identity provider of that name. Raises `Refusal` 404."""
        entry = self.entry.oidc.get(name)
        if entry is None:
            raise Refusal(404, "unknown_provider", f"No identity provider is called '{name[:64]}' here.")
        found = self._providers.get(name)
        if found is None or found.entry != entry:
            found = self._providers[name] = Provider(name, entry, self._clock)
        return found

    def visit(self, store: ControlStore, method: str, headers: Mapping[str, str], now_us: int) -> Visit | None:
        """The visit that a request is part of; None without a session's cookie. It blocks. Raises `Refusal`: 401 for a session
        that does not hold, 403 for a change that was not made on the site, 421."""
        if "cookie" not in headers:
            return None
        site = self.site(headers.get("host", ""))
        cookie = cookies_of(headers["cookie"]).get(site.cookie("session"))
        if not cookie:
            return None
        found = visit(store, self.keys, cookie, now_us)
        site.check_change(method, headers, found)
        return found

    def close(self) -> None:
        """Let go of the threads."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
