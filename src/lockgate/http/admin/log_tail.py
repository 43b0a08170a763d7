"""/v1/logs/tail: requests as they are completed on this machine, as server-sent events (WHATWG HTML, "Server-sent events")."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.responses import Response, StreamingResponse

from lockgate.control.tails import Tails
from lockgate.core.json import encode
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.log_query import LogQuery, filter_of
from lockgate.http.admin.log_shapes import row_of
from lockgate.stores.logs.ports import Filter

#: Looks without anything new, after which a comment tells that the connection lives: 15 s.
QUIET = 30


def watch(ask: Ask, query: LogQuery) -> Response:
    """Watch requests as they are completed: an event `log` for each. After ten minutes it ends, and is asked for again."""
    tails = ask.insight.tails
    tails.check()
    return StreamingResponse(_events(tails, filter_of(ask, query)), 200, {"x-accel-buffering": "no"}, "text/event-stream")


async def _events(tails: Tails, meant: Filter) -> AsyncGenerator[bytes, None]:
    quiet = 0
    yield b"retry: 1000\n\n"
    async with aclosing(tails.watch(meant)) as watched:
        async for records in watched:
            for record in records:
                yield b"id: %b\nevent: log\ndata: %b\n\n" % (record.id.encode(), encode(row_of(record)))
            quiet = 0 if records else quiet + 1
            if quiet >= QUIET:
                quiet = 0
                yield b": still here\n\n"
