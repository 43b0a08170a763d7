"""A completions request, read into the canonical one. The other way there is none: a conversation is no prompt."""

from __future__ import annotations

import msgspec

from lockgate.core.content import Text, Turn
from lockgate.core.failure import Refusal
from lockgate.core.json import given, readable
from lockgate.core.request import Request, Sampling
from lockgate.core.sheet import Sheet
from lockgate.dialects.lenient import refusing

NAME = "openai.completions"

#: Members without a place in a conversation, named as losses when they say something.
_UNSAID = ("best_of", "echo", "suffix")


class _Body(msgspec.Struct):
    model: str = ""
    prompt: msgspec.Raw = msgspec.Raw()
    max_tokens: int | None = None
    temperature: float | int | None = None
    top_p: float | int | None = None
    top_k: int | None = None
    n: int | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    presence_penalty: float | int | None = None
    frequency_penalty: float | int | None = None
    logit_bias: dict[str, float | int] | None = None
    logprobs: int | None = None
    stream: bool | None = None
    stream_options: msgspec.Raw = msgspec.Raw()
    user: str | None = None


_KNOWN = frozenset((*(field.encode_name for field in msgspec.structs.fields(_Body)), *_UNSAID))


@refusing
def read_request(sheet: Sheet) -> Request:
    """The canonical request; raises `Refusal` 400 that names the member at fault."""
    body = readable(sheet.bytes(), _Body)
    request = Request(
        model=body.model,
        turns=[Turn("user", [Text(_prompt(body.prompt))])],
        sampling=Sampling(
            max_tokens=body.max_tokens,
            temperature=body.temperature,
            top_p=body.top_p,
            top_k=body.top_k,
            stop=[body.stop] if isinstance(body.stop, str) else body.stop or [],
            seed=body.seed,
            n=body.n,
            presence_penalty=body.presence_penalty,
            frequency_penalty=body.frequency_penalty,
            logit_bias=body.logit_bias,
            logprobs=True if body.logprobs is not None else None,
            top_logprobs=body.logprobs,
        ),
        stream=body.stream or False,
        user=body.user or "",
        extra={name: value for name in sheet if name not in _KNOWN and (value := sheet.raw(name)) is not None},
    )
    for name in _UNSAID:
        said = sheet.raw(name)
        if said is not None and given(said) and bytes(said) not in (b"false", b"1", b'""'):
            request.lose(name)
    return request


def _prompt(said: msgspec.Raw) -> str:
    """The one text that the prompt is: a model that converses answers one, and reads no token ids."""
    if not given(said):
        raise Refusal(400, "missing_prompt", "The request has no prompt; set 'prompt' to a text.", param="prompt")
    if bytes(said).startswith(b'"'):
        return readable(said, str, "prompt")
    texts = readable(said, list[str | int | list[int]], "prompt")
    if len(texts) == 1 and isinstance(texts[0], str):
        return texts[0]
    raise Refusal(
        400,
        "unsupported_prompt",
        "'prompt' must be one text for this provider, which has no completions API: several prompts or token ids "
        "reach only those that have one.",
        param="prompt",
    )


def write_request(request: Request) -> Sheet:
    """Raises `Refusal` 400: what has turns, tools and pictures cannot be said as a prompt."""
    raise Refusal(
        400,
        "no_conversation",
        "This provider completes texts and holds no conversations; ask it through /v1/completions.",
        param="model",
    )
