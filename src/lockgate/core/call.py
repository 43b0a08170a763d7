"""`Call`: one inbound request, as it came; and `Principal`: who asks."""

from __future__ import annotations

from functools import cache
from typing import Literal

import msgspec

from lockgate.core.limits import RateLimit, UsageLimit

Operation = Literal[
    "chat",
    "respond",
    "message",
    "complete",
    "embed",
    "image",
    "speech",
    "transcribe",
    "rerank",
    "moderate",
    "ocr",
    "count",
    "models",
    "explain",
    "file",
    "batch",
    "tune",
    "realtime",
    "spans",
    "events",
    "proxy",
]

#: What the caller says about its request, as JSON has it: for conditions; a record keeps texts.
Metadata = dict[str, str | int | float | bool | None]
#: The header families: the one a caller uses is the one it is answered in.
Family = Literal["lockgate", "portkey"]


#: What is kept of a request: all of it; no bodies; nothing at all, but that it counts.
Capture = Literal["full", "metadata", "off"]
_STRICTNESS: dict[Capture, int] = {"full": 0, "metadata": 1, "off": 2}


def strictest(*said: Capture) -> Capture:
    """What holds where several have said how much may be kept: the least."""
    if said.count("full") == len(said):  # nearly always
        return "full"
    return max(said, key=_STRICTNESS.__getitem__)


class Principal(msgspec.Struct, frozen=True):
    """Who asks: a gateway key or a token, by id and name (never the text itself), and what it may do."""

    id: str
    name: str
    scopes: frozenset[str] = frozenset()
    models: tuple[str, ...] = ()  # patterns of "@slug/model" that the key may use; () for all
    config: str = ""  # the config of requests that name none
    config_fixed: bool = False  # and no request may name another
    organisation: str = ""
    workspace: str = ""  # "": a key of the whole organisation
    user: str = ""  # "": a service's key
    view: str = ""  # which part of the world it sees (`pipeline.snapshot.Snapshot.views`)
    metadata: dict[str, str] = {}  # what stands in the metadata of its requests, whatever they say
    capture: Capture = "full"  # the most that is kept of its requests
    until_us: int = 0  # of a token: when it ends by itself. Keys that end are taken out of the Snapshot
    usage_limits: tuple[UsageLimit, ...] = ()  # of a token: what it says of itself. Those of keys are rows (`control.stored`)
    rate_limits: tuple[RateLimit, ...] = ()

    def may(self, scope: str) -> bool:
        """Whether the key carries this scope."""
        return scope in self.scopes


class Call(msgspec.Struct):
    """One inbound request. Times: `time_us` since the epoch; `clock` is a monotonic reading in seconds, at the first byte.

    `headers` has lower-case names; a header given twice keeps the last value, except those that carry keys, which are
    refused when repeated. `dialect` names the codec that the caller speaks ("" where the route has none). `params` is what
    stood in the holes of the route's path; `streams` what the path says of streaming (None: the body says it). `span_id` is
    this request's own place in its trace, `parent_span_id` what it is part of, `span_name` what its caller calls it.
    """

    id: str
    trace_id: str
    time_us: int
    clock: float
    method: str
    path: str
    query: bytes
    headers: dict[bytes, bytes]
    operation: Operation
    dialect: str
    family: Family = "lockgate"
    steered: bool = True  # some header of the gateway's own is there
    body: bytes = b""
    metadata: Metadata = {}
    params: dict[str, str] = {}
    streams: bool | None = None
    span_id: str = ""
    parent_span_id: str = ""
    span_name: str = ""

    def header(self, name: str) -> str:
        """A header of the gateway's own: `x-lockgate-NAME`, else `x-portkey-NAME`, else ""."""
        if not self.steered:
            return ""
        ours, portkeys = _spelled(name)
        value = self.headers.get(ours) or self.headers.get(portkeys)
        return value.decode("latin-1") if value else ""


@cache  # the names are those that stand in our code
def _spelled(name: str) -> tuple[bytes, bytes]:
    return b"x-lockgate-" + name.encode(), b"x-portkey-" + name.encode()
