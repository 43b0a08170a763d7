"""The way from the gateway to the admin API, which is imported when it is first asked: no start and no data-plane request pays
for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module

from lockgate.control.house import House
from lockgate.control.office import Office, nobody
from lockgate.core.structs import resolve_structs
from lockgate.http.admin.routes import AdminTable, lay_out
from lockgate.http.exchange import Receive, Scope, Send
from lockgate.pipeline.runtime import Runtime
from lockgate.pipeline.snapshot import Snapshot
from lockgate.transport.exchange import Client

#: Below here people log in and out (`login`).
LOGIN = "/auth/"


class AdminDoor:
    """The admin API of one worker, and the logins. `snapshot` gives the world as it is now, `client` what asks identity
    providers, by scheme; `draining` says whether the worker ends; `runtime` is what it serves requests with. Raises
    `UnguardedRoute`."""

    def __init__(
        self,
        house: House,
        snapshot: Callable[[], Snapshot],
        client: Callable[[str], Client] = nobody,
        *,
        draining: Callable[[], bool] = lambda: False,
        table: AdminTable | None = None,
        runtime: Runtime | None = None,
    ) -> None:
        self._office = Office(house, snapshot, client, draining=draining, runtime=runtime)
        self._table = lay_out() if table is None else table
        self._app: Callable[[Scope, Receive, Send], object] | None = None
        self._building = asyncio.Lock()

    def owns(self, path: str) -> bool:
        """Whether a path, as it stands in the request line, is the admin API's, or where people log in."""
        return path.startswith(LOGIN) or self._table.owns(path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is None:
            async with self._building:
                if self._app is None:
                    # A third of a second on a busy machine, so it is done aside, and for those alone who ask.
                    module = await asyncio.to_thread(import_module, "lockgate.http.admin.app")
                    await asyncio.to_thread(resolve_structs)
                    self._app = await asyncio.to_thread(module.make_app, self._table, self._office)
        await self._app(scope, receive, send)  # type: ignore[misc]

    def close(self) -> None:
        """Let go of the control store."""
        self._office.close()
