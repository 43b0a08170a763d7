"""One recorded request, planned anew in another world.

What a record keeps are the facts: model, operation, path, key, metadata, tokens, and the body where the log keeps bodies.
Headers are not recorded; what cannot be known is named, and never guessed. What the targets did then stands for what they would
have done: the one that was rate limited is rate limited again. Of targets that were not tried then nobody knows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, cast

import msgspec

from lockgate.core.call import Call, Metadata, Operation, Principal
from lockgate.core.failure import Failure, FailureKind, Refusal
from lockgate.core.record import Attempt, Record
from lockgate.core.sheet import Sheet
from lockgate.pipeline.attempt import ready
from lockgate.pipeline.choose import Ask
from lockgate.pipeline.explain import PLANNED
from lockgate.pipeline.facts import RequestFacts
from lockgate.pipeline.plan import route_of
from lockgate.pipeline.prepare import Prepared, prepare
from lockgate.pipeline.runtime import Runtime
from lockgate.pipeline.snapshot import Snapshot
from lockgate.pipeline.survey import Survey, Way
from lockgate.pipeline.target import Target
from lockgate.policy.facts import MISSING
from lockgate.policy.retry import again
from lockgate.policy.tree import Balance, Choice, Leaf, Node

#: Ways of one request that are gone through; the others count as the likeliest of these.
WAYS = 32
#: Codes of refusals that another route may lift; of all others the request itself was the reason.
ROUTING = frozenset(
    (
        "ambiguous_model", "config_fixed", "config_not_found", "custom_host_with_stored_key", "invalid_config",
        "missing_model", "missing_provider_key", "model_not_allowed", "model_not_found", "no_conversation", "no_target",
        "not_expressible", "passthrough_impossible", "provider_not_found", "unknown_api", "unknown_provider",
        "unsupported_operation",
    )
)  # fmt: skip

#: What is known of an answer: it is the recorded one; the target would be tried once more than it was; it was never tried.
Knowledge = Literal["recorded", "retried", "unknown"]


class Turn(msgspec.Struct, frozen=True):
    """What becomes of a request, with a likelihood of `odds`: the target that answers or fails last, or a refusal."""

    odds: float
    target: Target | None = None
    failure: Failure | None = None
    refusal: Refusal | None = None
    known: Knowledge = "recorded"


class Replayed(msgspec.Struct):
    """A request in the other world. `skipped`: why it was not planned there. `unknown`: facts that a condition asks for and
    that no record has; then there are no turns."""

    turns: list[Turn] = []
    skipped: str = ""
    unknown: frozenset[str] = frozenset()


class Replay:
    """Plans recorded requests in the world `new`. `old` is the one they lived in, as far as it is known: it tells what a key or
    a model stood for, and so what the caller must have said in a header."""

    def __init__(self, new: Snapshot, old: Snapshot, runtime: Runtime) -> None:
        self._new = new
        self._old = old
        self._runtime = runtime
        self._keys = {each.id: each for each in new.keys.values()}
        self._old_keys = {each.id: each for each in old.keys.values()}

    def __repr__(self) -> str:
        return f"Replay({self._new})"

    def replay(self, record: Record) -> Replayed:
        """One request."""
        if why := _no_case(record):
            return Replayed(skipped=why)
        principal = self._keys.get(record.key_id)
        if principal is None:
            refusal = Refusal(401, "invalid_key", f"The key '{record.key_name or record.key_id}' is not there.")
            return Replayed([Turn(1.0, refusal=refusal)])
        call, sheet = self._call(record), _sheet(record)
        facts = RecordFacts(record, call, sheet, principal)
        try:
            route, name = route_of(call, record.model_asked, principal, self._new)
            ask = Ask(record.model_asked, "", sheet, record.stream, PLANNED[record.operation])
            survey = Survey(call, ask, principal, self._new, self._runtime, route, name, facts=facts, live=False)
            outcomes = Outcomes(record)
            found, rest = survey.ways(outcomes.judge, _readiness(record, call, sheet), WAYS)
        except Refusal as refusal:
            return Replayed([Turn(1.0, refusal=refusal)])
        if facts.unknown:
            return Replayed(unknown=frozenset(facts.unknown))
        turns = [_turn(way, outcomes) for way in found]
        if rest > 0:
            turns[0] = msgspec.structs.replace(turns[0], odds=turns[0].odds + rest)
        return Replayed(turns)

    def _call(self, record: Record) -> Call:
        headers: dict[bytes, bytes] = {}
        if config := self._config_said(record):
            headers[b"x-lockgate-config"] = config.encode("latin-1", "replace")
        elif self._provider_said(record):
            headers[b"x-lockgate-provider"] = f"@{record.provider}".encode("latin-1", "replace")
        metadata = cast("Metadata", record.metadata)
        return Call(
            record.id,
            record.trace_id,
            record.time_us,
            0.0,
            "POST",
            record.path,
            b"",
            headers,
            cast("Operation", record.operation),
            record.dialect_in,
            steered=bool(headers),
            body=record.request,
            metadata=metadata,
        )

    def _config_said(self, record: Record) -> str:
        """The config that the caller must have named: nothing else led to it then."""
        principal = self._old_keys.get(record.key_id)
        led = self._old.alias_configs.get(record.model_asked) or (principal.config if principal is not None else "")
        return record.route if record.route != led else ""

    def _provider_said(self, record: Record) -> bool:
        """Whether the caller must have named the provider: the model's name did not lead to it then."""
        asked = record.model_asked
        if not record.provider or record.route or asked.startswith("@") or asked in self._old.aliases:
            return False
        return not asked or self._old.homes(asked) != (record.provider,)


def wants_bodies(snapshot: Snapshot) -> bool:
    """Whether the bodies of requests decide anything in a world."""
    return any(_asks(route.root) for route in snapshot.routes.values()) or any(
        branch.config.strict or branch.config.passthrough for route in snapshot.routes.values() for branch in route.branches
    )


def _asks(node: Node) -> bool:
    if isinstance(node, Choice) and any(not _IN_BODY.isdisjoint(rule.query.asks) for rule in node.rules):
        return True
    sticky = node.draw.sticky if isinstance(node, Balance) else None
    if sticky is not None and any(field.name in _IN_BODY for field in sticky.fields):
        return True
    return not isinstance(node, Leaf) and any(map(_asks, node.children))


class RecordFacts:
    """What a record tells of its request (`policy.facts.Facts`). `unknown` are the facts that were asked for and that it does
    not have."""

    __slots__ = ("_facts", "_record", "_whole", "unknown")

    def __init__(self, record: Record, call: Call, sheet: Sheet | None, principal: Principal) -> None:
        self._facts = RequestFacts(call, sheet, principal, model=record.model_asked, stream=record.stream)
        self._record = record
        self._whole = sheet is not None
        self.unknown: set[str] = set()

    def find(self, name: str, key: str = "", /) -> object:
        """A fact of the request, or `MISSING`. Raises as `RequestFacts.find` does."""
        if name in _NEVER or (name in _IN_BODY and not self._whole):
            usage = self._record.usage
            if name == "input_tokens" and usage is not None:
                return usage.input
            if name != "user" or not self._record.metadata.get("_user"):
                self.unknown.add(f"{name}.{key}" if key else name)
                return MISSING
        return self._facts.find(name, key)


#: Facts that no record has; and those that only a body tells.
_NEVER = frozenset(("headers", "budget.remaining"))
_IN_BODY = frozenset(("params", "has_tools", "has_images", "input_tokens", "user", "conversation"))


class Outcomes:
    """What the targets of a record did, by provider and model, each try in turn: None, it answered."""

    def __init__(self, record: Record) -> None:
        self._tries: dict[tuple[str, str], list[Failure | None]] = {}
        answered = record.outcome in ("ok", "broken", "client_left")  # what broke had begun, and nobody else was tried
        last = len(record.attempts) - 1
        for n, attempt in enumerate(record.attempts):
            if attempt.kind != "hedged":  # it was not waited for
                failure = None if n == last and answered else _failure(attempt)
                self._tries.setdefault((attempt.provider, attempt.model), []).append(failure)

    def judge(self, target: Target, n: int = 0) -> Failure | None:
        """How a target does (`pipeline.survey.Judge`)."""
        return self.of(target)[0]

    def of(self, target: Target) -> tuple[Failure | None, Knowledge]:
        """How a target does with the retries that it has, and how that is known."""
        tries = self._tries.get((target.provider.slug, target.model))
        if tries is None:
            return None, "unknown"
        for number, failure in enumerate(tries):
            if failure is None:
                return None, "recorded"
            if again(target.retry, number, failure, left_s=float("inf"), chance=0.0) is None:
                return failure, "recorded"
        return None, "retried"


def _turn(way: Way, outcomes: Outcomes) -> Turn:
    target = way.tried[-1] if way.tried else None
    if way.refusal is not None or target is None:
        return Turn(way.odds, target, refusal=way.refusal)
    return Turn(way.odds, target, way.failure, known=outcomes.of(target)[1])


def _no_case(record: Record) -> str:
    """Why a request cannot be planned again; "" when it can."""
    if record.operation not in PLANNED:
        return f"has no route ({record.operation or 'no operation'})"
    if not record.key_id:
        return "came without a key"
    if record.route == "inline":
        return "brought a config of its own"
    if record.outcome == "refused" and record.error_code not in ROUTING:
        return f"was refused for other reasons ({record.error_code})"
    return ""


def _sheet(record: Record) -> Sheet | None:
    """The body, where it was kept whole."""
    if not record.request or record.truncated:
        return None
    try:
        return Sheet.open(record.request)
    except Refusal:
        return None


def _readiness(record: Record, call: Call, sheet: Sheet | None) -> Callable[[Target], Prepared | None]:
    """Makes requests ready where that decides something."""

    if sheet is None:
        return lambda target: None
    body = sheet

    def make(target: Target, most: int | None = None) -> Prepared:
        return prepare(call, body, record.model_asked, record.stream, target)

    return lambda target: ready(make, target) if target.strict or target.passthrough else None


def _failure(attempt: Attempt) -> Failure | None:
    """What an attempt failed with; None for one that did not."""
    if not attempt.kind:
        return None
    kind = cast("FailureKind", attempt.kind)
    if attempt.status < 400:  # the provider never gave one, or began an answer that was none
        return Failure(kind, 504 if kind == "timeout" else 502, attempt.message)
    return Failure(kind, attempt.status, attempt.message, body=b"{}")
