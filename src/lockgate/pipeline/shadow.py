"""In the shadow: the answer that would have been given is compared with the one that the provider gave."""

from __future__ import annotations

import asyncio

from lockgate.core.cached import CachedAnswer
from lockgate.core.content import Text
from lockgate.core.failure import Failure
from lockgate.core.record import Match
from lockgate.core.reply import Reply
from lockgate.dialects.codec import Codec
from lockgate.dialects.framed import Unframed
from lockgate.dialects.gather import gather
from lockgate.dialects.registry import CODECS
from lockgate.dialects.translation import Passage
from lockgate.pipeline.prepare import Prepared
from lockgate.policy.sameness.canonical import normal
from lockgate.policy.sameness.text import LONGEST
from lockgate.stores.nearest.port import Neighbours


async def compare(match: Match, prepared: Prepared, would: CachedAnswer, came: bytes, nearest: Neighbours | None) -> None:
    """Say in `match` how an answer that was found compares with the one that came, both as their provider has sent them.
    It is worked out in a thread. One that cannot be read leaves nothing said."""
    codec = CODECS.get(prepared.target.lane.provider.name)
    if codec is None:
        return
    one, other = await asyncio.to_thread(lambda: [_text(codec, prepared, body) for body in (would.body, came)])
    if not one or not other:
        return
    if one == other:
        match.answers, match.alike = "equal", 1.0
        return
    match.answers = "canonical" if await asyncio.to_thread(_mean_the_same, one, other) else "other"
    if nearest is not None:
        match.alike = await nearest.cosine(one[:LONGEST], other[:LONGEST])


def _mean_the_same(one: str, other: str) -> bool:
    """Whether two answers differ in spelling alone. (Long ones are compared as they are.)"""
    return len(one) <= LONGEST and len(other) <= LONGEST and normal(one) == normal(other)


def _text(codec: Codec, prepared: Prepared, body: bytes) -> str:
    """What an answer says; "" where it is none."""
    reply: Reply | Failure
    if prepared.stream:
        if prepared.target.lane.endpoint.framed:
            body = Unframed(Passage(codec, False), passes=True).feed(body)
        reply = gather(codec.reader().feed(body))
    else:
        reply = codec.read_reply(body)
    if isinstance(reply, Failure):
        return ""
    return "\n".join(part.text for choice in reply.choices for part in choice.parts if isinstance(part, Text)).strip()
