"""What a request asks, taken apart: the last words of its user, and all the rest. Of two requests that may have one answer, the
rest is the same to the byte; of the words, `policy.sameness` says whether they mean the same.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from lockgate.core.content import Text
from lockgate.core.failure import Refusal
from lockgate.core.request import Request
from lockgate.core.sheet import Sheet
from lockgate.dialects.registry import CODECS
from lockgate.pipeline.prepare import Prepared
from lockgate.policy.caching import Semantic

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder(order="deterministic").encode
#: What stands in the place of the words: no JSON of a provider's has it.
_HOLE = {"\0": "the question"}


class Question(msgspec.Struct, frozen=True):
    """The last words of the user, and the whole body without them."""

    words: str
    rest: bytes


def question_of(prepared: Prepared, policy: Semantic) -> Question | str:
    """The question of a request; or why it is none whose answer could be another's."""
    body, lane = prepared.outgoing.body, prepared.target.lane
    codec = CODECS.get(lane.provider.name)
    if codec is None or not isinstance(body, bytes):
        return "it is no conversation"
    request = prepared.request
    if not isinstance(request, Request):
        try:
            seen = prepared.sheet  # where what is sent is what was read
            request = codec.read_request(seen if seen is not None and seen.bytes() is body else Sheet.open(body))
        except Refusal as refusal:
            return f"it cannot be read: {refusal.message}"
    if why := _forbids(request, policy):
        return why
    last = request.turns[-1].parts[-1]
    assert isinstance(last, Text)
    tree, found = _without(_decode(body), last.text)
    return Question(last.text, _encode(tree)) if found else "its last words are not found in it"


def _forbids(request: Request, policy: Semantic) -> str:
    """Why an answer to other words cannot be an answer to these."""
    if request.tools:
        return "it has tools"
    if any(not isinstance(part, Text) for turn in request.turns for part in turn.parts):
        return "it has more than text in it"
    if not request.turns or request.turns[-1].role != "user" or len(request.turns[-1].parts) != 1:
        return "its last turn is not one text of the user's"
    if (request.sampling.temperature or 0) > policy.most_temperature:
        return f"its temperature is above {policy.most_temperature:g}"
    if (request.sampling.n or 1) > 1:
        return "it asks for several answers"
    return ""


def _without(tree: Any, words: str) -> tuple[Any, bool]:
    """A copy of a JSON value without the last text that is these words; whether there was one."""
    if isinstance(tree, str):
        return (_HOLE, True) if tree == words else (tree, False)
    if isinstance(tree, list):
        items = list(cast("list[Any]", tree))
        for at in range(len(items) - 1, -1, -1):
            items[at], found = _without(items[at], words)
            if found:
                return items, True
    elif isinstance(tree, dict):
        members = dict(cast("dict[str, Any]", tree))
        for name in reversed(members):
            members[name], found = _without(members[name], words)
            if found:
                return members, True
    return tree, False
