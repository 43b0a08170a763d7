"""The words of a request: what text search finds it by.

They are those of what was asked *now* and of the answer. A conversation sends its whole history with each turn; whoever looks
for a word wants the turn in which it was said, not the nineteen that repeated it, and an index need not hold it twenty times.
So of a list of messages those count that follow the last one of the model. Tools and their schemas count for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast

import msgspec

#: A body is looked at so far, a record has at most so many words, and a word at most so many characters: longer ones are
#: keys, hashes and pictures.
BYTES, WORDS, LENGTH = 256 * 1024, 4000, 40
#: A text of ASCII up to here goes to the index as it is, whose tokenizer splits it five times faster than we do.
_AS_IT_IS = 32 * 1024

_WORD = re.compile(r"[^\W_]+")
#: ASCII in lower case, with spaces for all but letters and digits.
_PLAIN = bytes(ord(chr(code).lower()) if chr(code).isalnum() else 32 for code in range(128)) + bytes(range(128, 256))
_decode = msgspec.json.Decoder().decode
#: Members that say nothing: what a message is, not what it says.
_MUTE = frozenset(
    ("role", "type", "id", "object", "model", "finish_reason", "stop_reason", "finishReason", "created", "system_fingerprint",
     "service_tier", "call_id", "tool_call_id", "tool_use_id", "usage", "usageMetadata", "modelVersion", "responseId", "status",
     "signature", "thoughtSignature", "encrypted_content", "data", "mime_type", "mimeType", "media_type")
)  # fmt: skip
#: Members of a request that steer the model and are not said to it.
_STEERING = frozenset(
    ("tools", "tool_choice", "functions", "response_format", "text", "metadata", "user", "stop", "reasoning",
     "generationConfig", "safetySettings", "toolConfig", "include", "modalities", "reasoning_effort", "stream_options")
)  # fmt: skip
_OF_MODEL = frozenset(("assistant", "model", "function_call", "reasoning", "web_search_call"))


def words(text: str) -> list[str]:
    """The words of a text, each once: letters and digits, in one case."""
    if text.isascii():  # a third of the time
        split = text.encode().translate(_PLAIN).decode().split()
        return [word for word in dict.fromkeys(split) if len(word) <= LENGTH]
    return [word for word in dict.fromkeys(_WORD.findall(text.casefold())) if len(word) <= LENGTH]


def said(request: bytes, response: bytes) -> list[str]:
    """The words of what was asked and answered."""
    return words(_text(request, response))[:WORDS]


def indexed(request: bytes, response: bytes) -> str:
    """The same for an index that makes tokens of ASCII letters and digits, in one case, and of whatever is no ASCII."""
    text = _text(request, response)
    return text if len(text) <= _AS_IT_IS and text.isascii() else " ".join(words(text)[:WORDS])


def _text(request: bytes, response: bytes) -> str:
    return " ".join((_asked(request[:BYTES]), _answered(response[:BYTES])))


def _asked(body: bytes) -> str:
    try:
        asked = _decode(body)
    except (msgspec.DecodeError, RecursionError):
        return _plain(body)
    if not isinstance(asked, dict):
        return " ".join(_texts(asked))
    said: list[str] = []
    for name, value in cast("dict[str, Any]", asked).items():
        if name not in _MUTE and name not in _STEERING:
            said += _texts(_since_the_model(cast("list[Any]", value)) if isinstance(value, list) else value)
    return " ".join(said)


def _since_the_model(messages: list[Any]) -> list[Any]:
    """The messages after the last one of the model."""
    for at in range(len(messages) - 1, -1, -1):
        message = messages[at]
        if isinstance(message, dict):
            members = cast("dict[str, Any]", message)
            if members.get("role") in _OF_MODEL or ("role" not in members and members.get("type") in _OF_MODEL):
                return messages[at + 1 :]
    return messages


def _answered(body: bytes) -> str:
    if body[:5] in (b"data:", b"event") or body[:1] == b":":
        return "".join(text for event in _events(body) for text in _texts(event))
    try:
        return " ".join(_texts(_decode(body)))
    except (msgspec.DecodeError, RecursionError):
        return _plain(body)


def _events(body: bytes) -> Iterator[Any]:
    """The events of a stream: their texts are pieces of words, to be put together as they come."""
    for line in body.splitlines():
        if line.startswith(b"data:"):
            try:
                yield _decode(line[5:])
            except (msgspec.DecodeError, RecursionError):
                continue


def _texts(value: Any) -> list[str]:
    """All texts in a JSON value that say something."""
    found: list[str] = []
    _gather(value, found)
    return found


def _gather(value: Any, found: list[str]) -> None:
    if isinstance(value, str):
        if len(value) <= LENGTH or " " in value or not value.isascii():
            found.append(value)
    elif isinstance(value, dict):
        for name, each in cast("dict[str, Any]", value).items():
            if name not in _MUTE:
                _gather(each, found)
    elif isinstance(value, list):
        for each in cast("list[Any]", value):
            _gather(each, found)


def _plain(body: bytes) -> str:
    return body.decode("utf-8", "replace")
