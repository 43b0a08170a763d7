"""Targets: a configured provider, the lane by which a dialect reaches it, and the model to ask for."""

from __future__ import annotations

import msgspec

from lockgate import __version__
from lockgate.core.failure import Refusal
from lockgate.dialects.codec import Codec
from lockgate.dialects.registry import CODECS
from lockgate.providers.auth.port import AnySigner
from lockgate.providers.auth.static import carry
from lockgate.providers.table import Endpoint, Row
from lockgate.transport.destination import Destination
from lockgate.transport.exchange import Deadlines

#: The `upstream_api` of a config → the dialect that it asks for.
API: dict[str, str] = {"chat": "openai.chat", "responses": "openai.responses"}


#: How many entries a memo holds before it starts anew.
MEMO = 4096


class Lane(msgspec.Struct, frozen=True):
    """How one dialect of callers is served: the provider's codec and where it is spoken. One codec on both sides: relay."""

    caller: Codec
    provider: Codec
    endpoint: Endpoint

    @property
    def relays(self) -> bool:
        """Whether the bytes can pass."""
        return self.caller is self.provider


class Provider(msgspec.Struct, eq=False):
    """A provider as the operator (or a caller's inline config) set it up. Not changed once made; the memos apart.

    `headers` carry the key and stand ready in bytes; they must never be shown, so the repr names the slug alone.
    """

    slug: str
    row: Row
    destination: Destination
    base_path: str
    headers: tuple[tuple[bytes, bytes], ...]
    deadlines: Deadlines
    models: tuple[str, ...] = ()  # the models that may be used; () for all
    signer: AnySigner | None = None  # for a scheme whose headers differ from request to request
    _lanes: dict[tuple[str, str], Lane] = msgspec.field(default_factory=dict)
    _paths: dict[tuple[Endpoint, str, bool], bytes] = msgspec.field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Provider(@{self.slug})"

    def lane(self, dialect: str, api: str = "") -> Lane:
        """The lane for callers of `dialect`; `api` is a config's `upstream_api`. Raises `Refusal`."""
        lane = self._lanes.get((dialect, api))
        if lane is None:
            lane = self._lanes[dialect, api] = self._build(dialect, api)
        return lane

    def path(self, endpoint: Endpoint, model: str, stream: bool) -> bytes:
        """What stands in the request line."""
        key = (endpoint, model, stream)
        path = self._paths.get(key)
        if path is None:
            if len(self._paths) >= MEMO:
                self._paths.clear()
            path = self._paths[key] = (self.base_path + endpoint.target(model, stream)).encode("ascii")
        return path

    def _build(self, dialect: str, api: str) -> Lane:
        speaks = self.row.speaks
        if not speaks:
            raise Refusal(
                400,
                "no_conversation",
                f"{self.row.name} has no chat; ask another provider, or reach what it does through "
                f"/proxy/{self.slug}/ ({self.row.docs}).",
                param="model",
            )
        if api and API[api] not in speaks:
            raise Refusal(
                400, "unknown_api", f"{self.row.name} has no '{api}' API; leave upstream_api out.", param="upstream_api"
            )
        spoken = API[api] if api else dialect if dialect in speaks else next(iter(speaks))
        return Lane(CODECS[dialect], CODECS[spoken], speaks[spoken])


class Target(msgspec.Struct, frozen=True):
    """One place to try: provider, lane, model, and what the route changes about the request."""

    provider: Provider
    lane: Lane
    model: str
    deadlines: Deadlines
    overrides: dict[str, msgspec.Raw] = {}
    name: str = "config"


def set_up(
    slug: str,
    row: Row,
    key: str,
    *,
    destination: Destination,
    base_path: str,
    deadlines: Deadlines,
    headers: dict[str, str] | None = None,
    models: tuple[str, ...] = (),
    signer: AnySigner | None = None,
) -> Provider:
    """A provider with all that can be known beforehand."""
    named = {"user-agent": f"lockgate/{__version__}", "accept": "*/*", **row.headers, **(headers or {})}
    named.update(carry(row.auth, key))
    return Provider(
        slug,
        row,
        destination,
        base_path.rstrip("/"),
        tuple((name.lower().encode("ascii"), value.encode("latin-1")) for name, value in named.items()),
        deadlines,
        models,
        signer,
    )
