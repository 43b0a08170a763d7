"""Whole completions: read from a host, written for a caller, and looked over as they pass."""

from __future__ import annotations

from typing import Any

import msgspec

from lockgate.core.content import Text, TokenLogprob
from lockgate.core.failure import Failure
from lockgate.core.json import UNREADABLE, encode, given
from lockgate.core.outcome import Outcome
from lockgate.core.reply import Choice, Reply
from lockgate.dialects.codec import Voice
from lockgate.dialects.error import failure_of, unreadable
from lockgate.dialects.lenient import shaped
from lockgate.dialects.openai.chat.account import finish_of, finish_word, usage_object, usage_of


class _Choice(msgspec.Struct):
    text: str | None = None
    finish_reason: str | None = None


class _Body(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    created: float | None = None
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


def read_reply(body: bytes) -> Reply | Failure:
    """A host's answer, canonical; the failure that it states instead, or is when it cannot be read."""
    try:
        shape = shaped(body, _Body)
        if given(shape.error):
            return failure_of(msgspec.json.decode(body), body=body)
    except UNREADABLE as error:
        return unreadable(str(error), body)
    if not shape.choices:
        return unreadable("it has no choices", body)
    return Reply(
        id=shape.id or "",
        model=shape.model or "",
        created=int(shape.created or 0),
        choices=[Choice([Text(each.text or "")], finish_of(each.finish_reason or "")) for each in shape.choices],
        usage=usage_of(shape.usage) if given(shape.usage) else None,
    )


def observe(body: bytes) -> Outcome:
    """What an answer that passes says of itself."""
    reply = read_reply(body)
    return Outcome(failure=reply) if isinstance(reply, Failure) else Outcome.of(reply)


def write_reply(reply: Reply, voice: Voice) -> bytes:
    """The caller's answer: of each choice its text."""
    choices: list[Any] = []
    for index, choice in enumerate(reply.choices):
        text = "".join(part.text for part in choice.parts if isinstance(part, Text))
        logprobs = logprobs_object(choice.logprobs) if choice.logprobs else None
        choices.append(choice_object(text, index, logprobs, finish_word(choice.finish, calls=False)))
    made = frame(voice, reply.id, reply.model, reply.created) | {"choices": choices}
    if reply.usage is not None:
        made["usage"] = usage_object(reply.usage)
    return encode(made)


def frame(voice: Voice, id: str, model: str, created: int) -> dict[str, Any]:
    """What an answer, and each chunk of one, begins with."""
    return {
        "id": id or f"cmpl-{voice.id}",
        "object": "text_completion",
        "created": created or voice.created,
        "model": model or voice.request.model,
    }


def choice_object(text: str, index: int, logprobs: Any, finish: str | None) -> dict[str, Any]:
    """One choice, or a piece of one."""
    return {"text": text, "index": index, "logprobs": logprobs, "finish_reason": finish}


def logprobs_object(tokens: list[TokenLogprob], start: int = 0) -> dict[str, Any]:
    """Sampled tokens, as lists side by side; `start` is where the first one begins, in characters of the text."""
    offsets: list[int] = []
    for token in tokens:
        offsets.append(start)
        start += len(token.token)
    return {
        "tokens": [token.token for token in tokens],
        "token_logprobs": [token.logprob for token in tokens],
        "top_logprobs": [{top.token: top.logprob for top in token.top} for token in tokens],
        "text_offset": offsets,
    }
