"""An answer that is made while it is waited for, in the loop that serves requests: what asks a provider takes its time and
holds no thread meanwhile; what looks at circuits and keys does so where they change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.responses import Response

from lockgate.core.failure import Refusal
from lockgate.http.admin.answers import answer, refuse


class Later(Response):
    """`make` gives what is answered, or raises `Refusal`."""

    def __init__(self, make: Callable[[], Awaitable[object]]) -> None:
        super().__init__(b"", 200, media_type="application/json")
        self._make = make

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """See `starlette.responses.Response`."""
        id = self.headers.get("x-lockgate-request-id", "")
        try:
            response = answer(await self._make(), id)
        except Refusal as refusal:
            response = refuse(refusal, id)
        await response(scope, receive, send)
