"""A model is asked whether two questions may have one answer, by the gateway's own way to models: in the name of the key that
asked, charged to it, within its limits, and on record in its trace.

Whatever goes wrong, the answer is no: then the provider is asked, as it would have been without a cache.
"""

from __future__ import annotations

import asyncio

import msgspec

from lockgate.core.failure import Refusal
from lockgate.pipeline.passing import Passing
from lockgate.pipeline.runtime import Asks
from lockgate.policy.sameness.judge import body_of, says_yes

#: How sure the verifier must be for a judge to be asked: below it, hardly any pair asks the same.
DOUBTFUL = 0.2
#: How long a judge may take, in milliseconds; the caller waits.
_PATIENCE = b"5000"
_PATH = "/v1/chat/completions"


class _Message(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Message


class _Reply(msgspec.Struct):
    choices: list[_Choice]


async def judge(passing: Passing, model: str, one: str, other: str) -> bool:
    """Whether the model says so. Waits for it. Who asks the same with the same key meanwhile waits for the same verdict."""
    if passing.runtime.ask is None:
        return False
    under_way, pair = passing.runtime.verdicts, (passing.principal.id, model, one, other)
    verdict = under_way.get(pair)
    if verdict is None:
        verdict = under_way[pair] = asyncio.ensure_future(_verdict(passing, passing.runtime.ask, model, one, other))
        verdict.add_done_callback(lambda _: under_way.pop(pair, None))
    return await asyncio.shield(verdict)


async def _verdict(passing: Passing, ask: Asks, model: str, one: str, other: str) -> bool:
    # Whatever config the key has: a judge is not judged.
    headers = {b"cache-control": b"no-store", b"x-lockgate-request-timeout": _PATIENCE}
    asked, runtime = body_of(model, one, other), passing.runtime
    try:
        sent = await ask(
            _PATH, asked, headers, passing.principal, passing.snapshot, runtime, parent=passing.call, name="cache judge"
        )
        reply = msgspec.json.decode(sent.body, type=_Reply)
    except (Refusal, msgspec.DecodeError):
        return False
    return sent.record.status == 200 and bool(reply.choices) and says_yes(reply.choices[0].message.content or "")
