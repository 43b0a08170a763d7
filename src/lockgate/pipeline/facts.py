"""What is known of a request before its target is chosen, for conditions: each fact found out when it is asked for.

The body stays as it came until a condition asks into it; what was costly to find out is kept for the next condition.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import blake2b
from typing import cast

import msgspec

from lockgate.core.call import Call, Principal
from lockgate.core.failure import Refusal
from lockgate.core.json import UNREADABLE, readable
from lockgate.core.query import Query
from lockgate.core.sheet import Sheet
from lockgate.dialects.beginning import beginning_of
from lockgate.dialects.codec import Codec, WholeCodec
from lockgate.dialects.glance import has_images, has_tools, user_of
from lockgate.dialects.registry import RELAYS
from lockgate.policy.estimate import input_tokens, query_tokens
from lockgate.policy.facts import DAYS, FACTS, MISSING, time_zone
from lockgate.wire.multipart import Form

_decode = msgspec.json.Decoder().decode


class RequestFacts(msgspec.Struct, eq=False):
    """The facts (`policy.facts.Facts`) of one request. `body` is None for a request that is passed on unread.

    `model` is as the caller named it; `left_nusd` tells what is left of the caller's budgets.
    """

    call: Call
    body: Sheet | Form | None
    principal: Principal
    model: str = ""
    stream: bool = False
    left_nusd: Callable[[], int | None] = lambda: None
    _params: dict[str, object] = {}
    _found: dict[tuple[str, str], object] = {}

    def __repr__(self) -> str:
        return f"RequestFacts({self.call.id})"

    def find(self, name: str, key: str = "", /) -> object:
        """The fact, or `MISSING`. Raises `Refusal` 400 when it lies in JSON that cannot be decoded."""
        return _FINDERS[name](self, key)

    def _param(self, key: str) -> object:
        found = self._params.get(key)
        if found is None:
            found = self._params[key] = self._read_param(key)
        return found

    def _read_param(self, key: str) -> object:
        body = self.body
        if isinstance(body, Sheet):
            raw = body.raw(key)
            if raw is None:
                return MISSING
            try:
                return _decode(raw)
            except UNREADABLE:
                return readable(raw, object, key)  # which has the words for it
        if isinstance(body, Form):
            said = [part.value.decode("utf-8", "replace") for part in body.parts if part.name == key and part.value is not None]
            return MISSING if not said else said[0] if len(said) == 1 else said
        return MISSING

    def _header(self, key: str) -> object:
        value = self.call.headers.get(key.encode("latin-1"))
        return MISSING if value is None else value.decode("latin-1")

    def _input_tokens(self, key: str) -> object:
        return self._kept("input_tokens", key, self._count_input)

    def _count_input(self, _: str) -> object:
        body = self.body
        if body is None:
            return MISSING
        if isinstance(body, Form):
            return sum(len(part.value) for part in body.parts if part.value is not None) // 4
        codec = RELAYS.get(self.call.dialect)
        try:
            if isinstance(codec, Codec):
                asked = codec.counting if self.call.operation == "count" else None
                read = codec.read_request if asked is None else asked.read
                return input_tokens(read(body.copy()))
            if isinstance(codec, WholeCodec):
                return query_tokens(cast("Query", codec.read_request(body.copy())))
        except Refusal:
            pass  # it may pass to a provider that reads more than we do
        return len(body.bytes()) // 4

    def _conversation(self, key: str) -> object:
        return self._kept("conversation", key, self._look_for_beginning)

    def _look_for_beginning(self, _: str) -> object:
        began = beginning_of(self.call.dialect, self.body) if isinstance(self.body, Sheet) else ""
        tenant = (self.principal.organisation, self.principal.workspace)
        return blake2b("\0".join((*tenant, began)).encode(), digest_size=16).hexdigest() if began else MISSING

    def _has_tools(self, _: str) -> object:
        return isinstance(self.body, Sheet) and has_tools(self.call.dialect, self.body)

    def _has_images(self, key: str) -> object:
        return self._kept("has_images", key, self._look_for_images)

    def _look_for_images(self, _: str) -> object:
        body = self.body
        if isinstance(body, Form):
            return any(part.file is not None and part.kind.lower().startswith("image/") for part in body.parts)
        return body is not None and has_images(self.call.dialect, body)

    def _user(self, _: str) -> object:
        said = self.call.metadata.get("_user")
        if not said and isinstance(self.body, Sheet):
            said = user_of(self.call.dialect, self.body)
        return said or MISSING

    def _budget(self, _: str) -> object:
        left = self.left_nusd()
        return MISSING if left is None else left / 1e9

    def _now(self, zone: str) -> datetime:
        return cast("datetime", self._kept("time", zone, self._clock))

    def _clock(self, zone: str) -> object:
        seconds = self.call.time_us // 1_000_000
        return datetime.fromtimestamp(seconds, time_zone(zone) if zone else UTC)

    def _kept(self, name: str, key: str, find: Callable[[str], object]) -> object:
        found = self._found.get((name, key))
        if found is None:
            found = self._found[name, key] = find(key)
        return found


#: A row for each of `FACTS`.
_FINDERS: dict[str, Callable[[RequestFacts, str], object]] = {
    "metadata": lambda facts, key: facts.call.metadata.get(key, MISSING),
    "params": RequestFacts._param,
    "headers": RequestFacts._header,
    "url.pathname": lambda facts, _: facts.call.path,
    "operation": lambda facts, _: facts.call.operation,
    "model": lambda facts, _: facts.model or MISSING,
    "stream": lambda facts, _: facts.stream,
    "conversation": RequestFacts._conversation,
    "input_tokens": RequestFacts._input_tokens,
    "has_tools": RequestFacts._has_tools,
    "has_images": RequestFacts._has_images,
    "user": RequestFacts._user,
    "key.id": lambda facts, _: facts.principal.id,
    "key.name": lambda facts, _: facts.principal.name,
    "workspace": lambda facts, _: facts.principal.workspace or MISSING,
    "budget.remaining": RequestFacts._budget,
    "time.hour": lambda facts, zone: facts._now(zone).hour,
    "time.minute": lambda facts, zone: facts._now(zone).minute,
    "time.weekday": lambda facts, zone: DAYS[facts._now(zone).weekday()],
    "time.date": lambda facts, zone: facts._now(zone).date().isoformat(),
    "time.hhmm": lambda facts, zone: f"{facts._now(zone):%H:%M}",
}
assert _FINDERS.keys() == FACTS.keys()
