"""Targets: a configured provider, the lane by which a dialect reaches it, and the model to ask for."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Generic, TypeVar

import msgspec

from lockgate import __version__
from lockgate.core.failure import Refusal
from lockgate.dialects.codec import Relay
from lockgate.dialects.conventions import API
from lockgate.dialects.registry import CODECS, RELAYS, WHOLE
from lockgate.pipeline.params import NO_CHANGES, Changes
from lockgate.policy.breaker import BreakerPolicy
from lockgate.policy.caching import CachePolicy
from lockgate.policy.hedge import Hedge
from lockgate.policy.prompt_cache import PromptCache
from lockgate.policy.retry import Retry
from lockgate.providers.auth.port import AnySigner
from lockgate.providers.auth.static import SCHEMES, carry
from lockgate.providers.table import Endpoint, Row, joined
from lockgate.transport.destination import Destination
from lockgate.transport.exchange import Deadlines

#: How many entries a memo holds before it starts anew.
MEMO = 4096


#: What the health of a target is known by: its provider's slug and its model.
Key = tuple[str, str]
#: What a dialect's codec can do: a conversation's more than that of a picture.
R = TypeVar("R", bound=Relay)


class Lane(msgspec.Struct, Generic[R], frozen=True):
    """How one dialect of callers is served: the provider's codec and where it is spoken. One codec on both sides: relay.

    `row` is the provider's row as it is for the models of this lane, with `headers` and a `destination` of its own; None, also
    of the destination: as for all.
    """

    caller: R
    provider: R
    endpoint: Endpoint
    row: Row | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()
    destination: Destination | None = None

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
    deployments: dict[str, str] = msgspec.field(default_factory=dict)  # model → its name here; "*" for every other one
    without: frozenset[str] = frozenset()  # models that may not be used, whatever `models` says; in lower case
    granted: tuple[str, ...] = ()  # those of all these that its workspace may use; () for all
    realm: str = ""  # the workspace whose own it is, where another may have one of the same slug
    told_trace: bool = False  # it is told which trace a request belongs to
    found: tuple[str, ...] = ()  # what it said it has, and when (monotonic seconds); see `pipeline.discover`
    found_s: float = float("-inf")
    _variants: dict[str, int] = msgspec.field(default_factory=dict)
    _lanes: dict[tuple[str, str, int], Lane] = msgspec.field(default_factory=dict)
    _paths: dict[tuple[Endpoint, str, bool], bytes] = msgspec.field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Provider(@{self.slug})"

    @property
    def known_by(self) -> str:
        """What its health is known by: nobody is to suffer from what another's account does."""
        return f"{self.realm}/{self.slug}" if self.realm else self.slug

    def secret(self) -> bytes:
        """The static key that its headers carry, b"" for none: what must not be kept when somebody repeats it."""
        header, prefix = SCHEMES.get(self.row.auth, ("", ""))
        return dict(self.headers).get(header.encode(), b"").removeprefix(prefix.encode())

    def admits(self, model: str) -> bool:
        """Whether the operator lets this model be used."""
        if self.without and not self.without.isdisjoint((model.lower(), self.named(model).lower())):
            return False
        return all(
            any(fnmatchcase(model, pattern) for pattern in patterns) for patterns in (self.models, self.granted) if patterns
        )

    def has(self, model: str) -> bool:
        """Whether it is known to have a model of this name: the operator lists it, or the provider says so itself (where a
        name without a tag means the tag "latest")."""
        if model in self.models:
            return self.admits(model)
        return (model in self.found or f"{model}:latest" in self.found) and self.admits(model)

    def named(self, model: str) -> str:
        """A model by the name that it has here: its deployment's, or the one that the row gives it."""
        if self.deployments:
            return self.deployments.get(model) or self.deployments.get("*") or model
        return self.row.named(model) if self.row.names else model

    def lane(self, dialect: str, api: str = "", model: str = "") -> Lane:
        """The lane for callers of `dialect`; `api` is a config's `upstream_api`. Raises `Refusal`."""
        variant = self._variant(model) if self.row.variants else -1
        lane = self._lanes.get((dialect, api, variant))
        if lane is None:
            lane = self._lanes[dialect, api, variant] = self._build(dialect, api, variant)
        return lane

    def _variant(self, model: str) -> int:
        variant = self._variants.get(model)
        if variant is None:
            if len(self._variants) >= MEMO:
                self._variants.clear()
            variant = self._variants[model] = self.row.variant(model)
        return variant

    def path(self, endpoint: Endpoint, model: str, stream: bool) -> bytes:
        """What stands in the request line."""
        key = (endpoint, model, stream)
        path = self._paths.get(key)
        if path is None:
            if model in (".", ".."):
                raise Refusal(400, "invalid_model", f"'{model}' is no model's name.", param="model")
            if len(self._paths) >= MEMO:
                self._paths.clear()
            path = self._paths[key] = joined(self.base_path, endpoint.target(model, stream)).encode("ascii")
        return path

    def _build(self, dialect: str, api: str, variant: int) -> Lane:
        row = None if variant < 0 else self.row.variants[variant].of(self.row)
        here = row or self.row
        headers = (
            () if row is None else _pairs({name: value for name, value in row.headers.items() if name not in self.row.headers})
        )
        if dialect not in CODECS or (dialect in here.operations and not api):
            spoken = self._offered(dialect, here)
            return Lane(RELAYS[dialect], RELAYS[spoken], here.operations[spoken], row, headers, self._elsewhere(here))
        speaks = here.speaks
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
        return Lane(CODECS[dialect], CODECS[spoken], speaks[spoken], row, headers, self._elsewhere(here))

    def _elsewhere(self, row: Row) -> Destination | None:
        """Where the models of this row are, when its table says that they are not where the others are."""
        if row.base_url == self.row.base_url:
            return None
        there, _ = Destination.parse(row.base_url)
        return msgspec.structs.replace(self.destination, host=there.host, port=there.port)

    def _offered(self, dialect: str, row: Row) -> str:
        """The dialect in which the provider does what `dialect` asks for."""
        if dialect in row.operations:
            return dialect
        alike = next((each for each in WHOLE if dialect in each), {})
        spoken = next((name for name in row.operations if name in alike), "")
        if not spoken:
            does = f"it does {', '.join(row.operations)}" if row.operations else "nothing of the kind is known of it"
            raise Refusal(
                400,
                "unsupported_operation",
                f"{row.name} does not do this ({dialect}): {does}. Name another provider, or ask for the path as {row.name} "
                f"has it below /proxy/{self.slug}/.",
                param="model",
            )
        return spoken


class Target(msgspec.Struct, Generic[R], frozen=True):
    """One place to try: provider, lane, model, and what the route says of the request and of tries here.

    `path` is where it stands in its route, `key` what its health is known by. `forward`: headers of the caller that go along.
    `passthrough`: the body goes as it came. `strict`: a loss is an error. `compliant`: whether answers hold OpenAI's members
    alone, None: nothing was said of it.
    """

    provider: Provider
    lane: Lane[R]
    model: str
    deadlines: Deadlines
    changes: Changes = NO_CHANGES
    path: str = "config"
    retry: Retry = Retry()
    breaker: BreakerPolicy | None = None
    key: Key = ("", "")
    forward: tuple[bytes, ...] = ()
    passthrough: bool = False
    strict: bool = False
    compliant: bool | None = None
    watched: bool = False  # its rate limits are read, since a balance goes by them
    hedge: Hedge | None = None  # when a second attempt goes out beside a slow first one
    cache: CachePolicy | None = None  # answers are given again
    prompt_cache: PromptCache | None = None  # the provider's own is helped

    @property
    def destination(self) -> Destination:
        """Where it is reached."""
        return self.lane.destination or self.provider.destination

    @property
    def row(self) -> Row:
        """What is known of the provider, as it is for this model."""
        return self.lane.row or self.provider.row


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
    deployments: dict[str, str] | None = None,
) -> Provider:
    """A provider with all that can be known beforehand."""
    named = {"user-agent": f"lockgate/{__version__}", "accept": "*/*", **row.headers, **(headers or {})}
    named.update(carry(row.auth, key))
    return Provider(
        slug,
        row,
        destination,
        base_path.rstrip("/"),
        _pairs(named),
        deadlines,
        models,
        signer,
        deployments or {},
    )


def _pairs(headers: dict[str, str]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.lower().encode("ascii"), value.encode("latin-1")) for name, value in headers.items())
