"""Where a request would go and why, without sending it: `POST /v1/explain`.

The question holds the request as it would be asked: its path, its headers, its body. The answer is the plan that it would get
at this moment, from this worker, with this key; what draws leave to chance is told with its odds. Nothing is sent, counted or
spent.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import aclosing
from itertools import islice
from typing import Any, get_args

import msgspec

from lockgate.core.cache_cap import CacheCap
from lockgate.core.call import Call, Principal
from lockgate.core.failure import Failure, FailureKind, Refusal, kind_of_status
from lockgate.core.json import encode, readable
from lockgate.core.sheet import Sheet
from lockgate.pipeline.admit import permit
from lockgate.pipeline.alike import Likeness, find_alike, likeness_of
from lockgate.pipeline.attempt import ready
from lockgate.pipeline.branches import Route
from lockgate.pipeline.choose import Ask
from lockgate.pipeline.explanation import Circuit, Explanation, No, Recalling, Told
from lockgate.pipeline.kept_by import key_of, parts_of
from lockgate.pipeline.metadata import read_metadata
from lockgate.pipeline.passing import Passing
from lockgate.pipeline.plan import route_of
from lockgate.pipeline.ports import Address
from lockgate.pipeline.prepare import Prepared, prepare
from lockgate.pipeline.respond import respond
from lockgate.pipeline.runtime import Runtime
from lockgate.pipeline.snapshot import Snapshot
from lockgate.pipeline.survey import Survey
from lockgate.pipeline.target import Target
from lockgate.pipeline.telling import nth, said, tell_cache, tell_changes, tell_route, tell_target, tell_way
from lockgate.policy.caching import CachePolicy, Semantic, Wish, read_wish, without_judge
from lockgate.policy.forecast import eager
from lockgate.policy.tree import Leaf, leaves

#: Operations that are planned → whether they may go without a model.
PLANNED: dict[str, bool] = {
    "chat": False,
    "respond": False,
    "message": False,
    "complete": False,
    "count": False,
    "embed": True,
    "rerank": True,
    "moderate": True,
    "ocr": True,
    "image": True,
    "speech": True,
    "transcribe": True,
}
#: Bounds of one explanation: targets and ways that are told, decisions in all of those ways, and bytes of all the bodies that
#: are made for it. The worker does nothing else meanwhile.
TARGETS, WAYS, DECISIONS, BYTES = 64, 64, 4000, 16 * 1024 * 1024

_OURS = ("x-lockgate-", "x-portkey-")
_SECRET = re.compile(r"(?:^|-)(?:apikey|authorization|cookie|credentials|keys?|password|secret|token)(?:-|$)")
_NO_SECRET = frozenset(("x-lockgate-virtual-key", "x-portkey-virtual-key", "idempotency-key"))
#: Failure kinds whose status is not the first one that stands for them.
_STATUSES: dict[str, int] = {
    "connect": 502,
    "timeout": 504,
    "cut": 502,
    "malformed": 502,
    "server": 500,
    "content_policy": 400,
    "context_window": 400,
}
_UNSAID = frozenset(("connect", "timeout", "cut", "malformed"))  # no provider says these with a body
_SOMEHOW = Failure("server", 500, "", body=b"{}")

Fail = int | str


class Question(msgspec.Struct, forbid_unknown_fields=True):
    """The request that is asked about.

    body      as it would be sent; the fields of a form as members
    path      where it would be sent to, by POST
    headers   of the request, without keys; an object (a config, metadata) stands for its JSON. The gateway's own headers that
              come with the question count as well
    fail      how its targets fail: a status (429) or a class ("rate_limit"); or a list, for one target after the other
    """

    body: msgspec.Raw
    path: str = "/v1/chat/completions"
    headers: dict[str, Any] = {}
    fail: Fail | list[Fail] = []


class World(msgspec.Struct, frozen=True):
    """What a request is explained in. `live`: the runtime is one that serves requests, so that its circuits mean something."""

    snapshot: Snapshot
    runtime: Runtime
    address: Callable[[str], Address | None]
    live: bool = True


class Looked:
    """What the cache has for the targets of an explanation, in the name of who asks for that."""

    def __init__(self, passing: Passing) -> None:
        self._passing = passing
        self._told: list[tuple[Recalling, bytes]] = []
        self._alike: list[tuple[Recalling, Likeness, Semantic]] = []

    def key_of(self, prepared: Prepared, policy: CachePolicy, wish: Wish) -> bytes:
        """What the answer would be kept by; b"" where it would not be kept."""
        if self._passing.runtime.cache is None:
            return b""
        return key_of(self._passing, prepared, parts_of(self._passing, prepared, policy, wish))

    def add(self, told: Recalling, key: bytes, prepared: Prepared, policy: CachePolicy, wish: Wish) -> None:
        """To be looked up."""
        if not told.looked_up:
            return
        self._told.append((told, key))
        if told.matched and policy.semantic is not None:
            likeness = likeness_of(prepared, policy.semantic, parts_of(self._passing, prepared, policy, wish))
            if isinstance(likeness, Likeness):
                self._alike.append((told, likeness, without_judge(policy.semantic)))

    async def tell(self, now_us: int) -> None:
        """Look all of them up."""
        store, flights = self._passing.runtime.cache, self._passing.runtime.flights
        if store is None:
            return
        answers = await asyncio.gather(*(store.find(key, now_us) for _, key in self._told))
        for (told, key), answer in zip(self._told, answers, strict=True):
            told.under_way = told.coalesce and flights.find(key) is not None
            if answer is not None and answer.time_us >= now_us - told.max_age * 1_000_000:
                told.found, told.age = answer.id, max(0, now_us - answer.time_us) // 1_000_000
        for told, likeness, semantic in self._alike:
            if not told.found:
                await self._tell_alike(told, likeness, semantic, now_us)

    async def _tell_alike(self, told: Recalling, likeness: Likeness, semantic: Semantic, now_us: int) -> None:
        """The first that would be given; or that it would only be said which."""
        async with aclosing(find_alike(self._passing, likeness, semantic)) as found:
            async for each, answer in found:
                if answer.time_us >= now_us - told.max_age * 1_000_000 and (told.match is None or not each.match.shadow):
                    told.match = each.match
                    if not each.match.shadow:
                        told.found, told.age = answer.id, max(0, now_us - answer.time_us) // 1_000_000
                        return


async def explain(passing: Passing, provider_key: str) -> None:
    """Answer a question. Raises `Refusal` for one that cannot be understood; that the request in it would be refused is an
    answer."""
    call, account, runtime = passing.call, passing.account, passing.runtime
    account.record.cost_nusd = 0
    question = readable(call.body, Question)
    world = World(passing.snapshot, runtime, runtime.address)
    looked = Looked(passing)
    explanation = explained(question, call, passing.principal, provider_key, world, looked)
    await looked.tell(call.time_us)
    account.record.model_asked, account.record.route = explanation.model, explanation.config
    respond(call, account, passing.caller, 200, encode(explanation))


def explained(
    question: Question,
    asking: Call,
    principal: Principal,
    provider_key: str,
    world: World,
    looked: Looked | None = None,
) -> Explanation:
    """The plan of the request in `question`, asked in the name of `principal`. `asking` is the call that brings it: its time,
    and its headers of ours. `looked` is given what can be looked up in the cache. Raises `Refusal` for a question that cannot
    be understood."""
    address = world.address(question.path.partition("?")[0])
    if address is None:
        raise Refusal(400, "unknown_path", f"Nothing is answered at POST {question.path[:200]}.", param="path")
    if address.operation not in PLANNED:
        raise Refusal(
            400,
            "not_routed",
            f"What is asked at {question.path[:200]} has no route to explain: it goes where it says itself, if anywhere.",
            param="path",
        )
    fails = failures_of(question.fail)
    call = _call_of(question, asking, address)
    told = Explanation("explanation", call.path, call.operation, world.snapshot.revision, key=principal.name, live=world.live)
    told.fails = [said(failure) for failure in fails]
    try:
        permit(principal, address.scope)
        call.metadata = read_metadata(call)
        sheet = Sheet.open(call.body)
        told.model = call.params.get("model") or sheet.get("model", str) or ""
        told.stream = (sheet.get("stream", bool) or False) if call.streams is None else call.streams
        route, told.config = route_of(call, told.model, principal, world.snapshot)
        told.config_from = _named_by(call, told.model, principal, world.snapshot)
        ask = Ask(told.model, provider_key, sheet, told.stream, PLANNED[call.operation])
        survey = Survey(call, ask, principal, world.snapshot, world.runtime, route, told.config, live=world.live)
        _Telling(told, call, sheet, route, survey, world, looked, world.snapshot.cap_of(principal)).tell(fails)
    except Refusal as refusal:
        told.refusal = No.of(refusal)
    return told


def failures_of(fail: Fail | list[Fail]) -> list[Failure]:
    """The failures that are meant by statuses and classes. Raises `Refusal` 400."""
    return [_failure(each) for each in (fail if isinstance(fail, list) else [fail])]


def _failure(fail: Fail) -> Failure:
    kinds: tuple[FailureKind, ...] = get_args(FailureKind)
    if isinstance(fail, str) and fail in kinds:
        status = _STATUSES.get(fail) or next(each for each in range(400, 600) if kind_of_status(each) == fail)
        return Failure(fail, status, "", body=b"" if fail in _UNSAID else b"{}")
    status = int(fail) if isinstance(fail, int) or (fail.isascii() and fail.isdigit() and len(fail) == 3) else 0
    if not 400 <= status <= 599:
        raise Refusal(
            400,
            "invalid_failure",
            f"fail: '{fail}' is neither a status from 400 to 599 nor one of {', '.join(kinds)}.",
            param="fail",
        )
    return Failure(kind_of_status(status), status, "", body=b"{}")


def _call_of(question: Question, asking: Call, address: Address) -> Call:
    """The request as the call that it would be."""
    headers = {name: value for name, value in asking.headers.items() if name.startswith((b"x-lockgate-", b"x-portkey-"))}
    for name, value in question.headers.items():
        name = name.strip().lower()
        if _SECRET.search(name) and name not in _NO_SECRET:
            raise Refusal(
                400,
                "key_in_question",
                f"Leave '{name}' out of headers, where it would be on record: send it as a header of this very request.",
                param=f"headers.{name}",
            )
        text = value if isinstance(value, str) else encode(value).decode()
        headers[name.encode("latin-1", "replace")] = text.encode("utf-8", "replace")
    headers.setdefault(b"content-type", b"application/json")
    path, _, query = question.path.partition("?")
    return msgspec.structs.replace(
        asking,
        method="POST",
        path=path,
        query=query.encode("latin-1", "replace"),
        headers=headers,
        operation=address.operation,
        dialect=address.dialect,
        steered=any(name.startswith((b"x-lockgate-", b"x-portkey-")) for name in headers),
        body=bytes(question.body),
        metadata={},
        params=address.params,
        streams=address.streams,
    )


def _named_by(call: Call, asked: str, principal: Principal, snapshot: Snapshot) -> Any:
    """Who named the config: a header, the model, or the key."""
    if call.header("config"):
        return "header"
    return "model" if asked in snapshot.alias_configs else "key" if principal.config else ""


class _Telling:
    """An explanation while it is made."""

    def __init__(
        self,
        told: Explanation,
        call: Call,
        sheet: Sheet,
        route: Route,
        survey: Survey,
        world: World,
        looked: Looked | None,
        cap: CacheCap,
    ) -> None:
        self._told = told
        self._call = call
        self._sheet = sheet
        self._route = route
        self._survey = survey
        self._world = world
        self._prepared: dict[str, Prepared | Refusal | None] = {}
        self._bytes = BYTES
        self._looked = looked
        self._cap = cap
        self._wish = read_wish(call.header, call.headers.get(b"cache-control", b"").decode("latin-1"))

    def tell(self, fails: list[Failure]) -> None:
        told, survey, root = self._told, self._survey, self._route.root
        count = len(self._route.branches)
        told.route = tell_route(root, survey.begin(root), survey, self._call.time_us / 1e6)
        told.targets = [self._target(leaf) for leaf in islice(leaves(root), TARGETS)]
        told.more = max(0, count - TARGETS)
        alone = self._call.operation == "count"  # it is asked of the first target, and of no other

        def judge(target: Target, n: int) -> Failure | None:
            return None if alone else nth(fails, n) if fails else _SOMEHOW

        most = max(1, min(WAYS, DECISIONS // count))
        found, rest = survey.ways(judge, self._ready, most, root if fails else eager(root))
        told.ways = [tell_way(way, [] if alone else fails) for way in found]
        told.rest = rest
        if all(way.refusal is not None for way in found):
            told.refusal = told.ways[0].refusal

    def _target(self, leaf: Leaf) -> Told:
        told = Told(leaf.path, leaf.name)
        policy = self._route.branches[leaf.number].breaker
        target = self._survey.look(leaf)
        if isinstance(target, Refusal):
            told.skipped, told.refusal = target.message, No.of(target)
            return told
        tell_target(leaf, target, told)
        if policy is not None:
            told.circuit = Circuit.of(policy)
            if self._world.live:
                now, breaker = self._world.runtime.clock(), self._world.runtime.health.breaker(target.key, policy)
                told.circuit.state = breaker.state(now)
                told.circuit.probe_in_ms = max(0, round((breaker.until(now) - now) * 1000))
        try:
            prepared = self._ready(target)
        except Refusal as refusal:
            told.skipped, told.refusal = refusal.message, No.of(refusal)
            return told
        if prepared is not None:
            tell_changes(self._sheet, target, prepared, told)
            self._tell_cache(target, prepared, told)
        if len(self._route.branches) > 1:
            told.skipped = self._survey.out(leaf)
        return told

    def _tell_cache(self, target: Target, prepared: Prepared, told: Told) -> None:
        policy = target.cache
        if policy is None:
            return
        if self._looked is None:
            told.cache = tell_cache(prepared, policy, self._cap, self._wish, None)
        else:
            key = self._looked.key_of(prepared, policy, self._wish)
            told.cache = tell_cache(prepared, policy, self._cap, self._wish, key)
            if self._world.runtime.cache is None:
                told.cache.why = "the gateway cannot reach its cache"
            self._looked.add(told.cache, key, prepared, policy, self._wish)

    def _ready(self, target: Target) -> Prepared | None:
        """The target's request; None where it is too much to make. Raises `Refusal`, as the attempt would."""
        if target.path not in self._prepared:
            self._prepared[target.path] = self._prepare(target)
        made = self._prepared[target.path]
        if isinstance(made, Refusal):
            raise made
        return made

    def _prepare(self, target: Target) -> Prepared | Refusal | None:
        if self._call.operation == "count" or self._bytes <= 0:
            return None
        self._bytes -= len(self._call.body) + 1
        try:
            return ready(self._make, target)
        except Refusal as refusal:
            return refusal

    def _make(self, target: Target, most: int | None = None) -> Prepared:
        return prepare(self._call, self._sheet, self._told.model, self._told.stream, target)
