"""The APIs of sound and moderation, which pass as they are: what their answers used, and how they fail.

Sources: https://platform.openai.com/docs/api-reference/audio and …/moderations; most hosts of sound speak these. Their
requests are JSON or forms, their answers JSON, events, text or the bytes of a sound.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from lockgate.core.json import UNREADABLE, given
from lockgate.core.outcome import Outcome
from lockgate.core.reply import Usage
from lockgate.dialects.codec import Relay
from lockgate.dialects.error import failure_of, unreadable
from lockgate.dialects.lenient import aside, shaped
from lockgate.dialects.openai.chat.error import stream_error
from lockgate.dialects.openai.error import native_error, read_error, write_error
from lockgate.dialects.openai.events import Tap
from lockgate.dialects.openai.usage import usage_of

NAMES = (
    "openai.speech",
    "openai.transcriptions",
    "openai.translations",
    "openai.moderations",
)


class _Glance(msgspec.Struct):
    """`data` are pictures; `duration` is the length of a transcribed sound, in seconds (verbose_json)."""

    id: str | None = None
    model: str | None = None
    usage: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()
    data: list[msgspec.Raw] | None = None
    duration: float | None = None


class _Spoken(msgspec.Struct):
    input: str = ""


def observe(body: bytes) -> Outcome:
    """What a JSON answer says of itself."""
    try:
        shape = shaped(body, _Glance)
    except UNREADABLE as error:
        return Outcome(failure=unreadable(str(error), body))
    if given(shape.error):
        return Outcome(failure=failure_of(msgspec.json.decode(body), body=body))
    usage = usage_of(shape.usage, images=len(shape.data or ()), seconds=shape.duration)
    return Outcome(shape.id or "", shape.model or "", usage, begun=True, complete=True)


def spoken(body: bytes, usage: Usage | None) -> Usage | None:
    """The characters of a text that was spoken: an answer that is sound alone tells nothing else."""
    said = aside(msgspec.Raw(body), _Spoken)
    if usage is not None or said is None or not said.input:
        return usage
    return Usage(characters=len(said.input))


def relay(
    name: str,
    *,
    observe: Callable[[bytes], Outcome] = observe,
    charged: Callable[[bytes, Usage | None], Usage | None] | None = None,
) -> Relay:
    """The relay of one of these APIs."""
    return Relay(
        name=name,
        observe=observe,
        charged=charged,
        tap=Tap,
        read_error=read_error,
        write_error=write_error,
        stream_error=stream_error,
        native_error=native_error,
        passes=(b"openai-organization", b"openai-project", b"openai-beta"),
    )


RELAYS = tuple(relay(name, charged=spoken if name == "openai.speech" else None) for name in NAMES)
