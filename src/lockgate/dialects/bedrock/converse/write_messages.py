"""The turns of a conversation, written as Converse's messages and system prompt.

The API is strict: the user begins, turns alternate, calls are answered at once, no text is blank, a document stands beside
words, and some models want the results of their calls alone in a turn. A mark for the prompt cache is a block of its own
behind what it marks.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html
"""

from __future__ import annotations

import base64
import re
from typing import Any

from lockgate.core.content import Declined, Media, Native, Part, Text, Thinking, ToolCall, ToolResult, Turn
from lockgate.core.json import as_any
from lockgate.core.request import Request
from lockgate.dialects.anthropic.messages.shapes import NAME as CLAUDE
from lockgate.dialects.bedrock.converse.families import Family
from lockgate.dialects.bedrock.converse.media import Names, media_block
from lockgate.dialects.bedrock.converse.shapes import NAME
from lockgate.dialects.calls import CallIds, aligned, free_arguments, input_of, taken_name

_Object = dict[str, Any]

#: What the user says when the conversation does not begin with him, or holds nothing but a system prompt.
_OPENING = "Begin."
#: What is said beside a document when nothing else is.
_ATTACHED = "See the attached document."
#: What the model says between a turn of results that must stand alone and what the user says after them.
_BETWEEN = "."
_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")


class Messages:
    """Writes the messages and the system prompt of one request; losses are noted in it."""

    __slots__ = ("_family", "_ids", "_names", "_request")

    def __init__(self, request: Request, family: Family) -> None:
        self._request = request
        self._family = family
        self._names = Names()
        self._ids = self._new_ids()

    def system(self) -> list[_Object]:
        """What system and developer say, wherever they say it."""
        blocks: list[_Object] = []
        for turn in self._request.turns:
            if turn.role in ("system", "developer"):
                for part in turn.parts:
                    blocks += self._blocks(part)
        kept = [block for block in blocks if block.keys() & {"text", "guardContent", "cachePoint"}]
        if len(kept) < len(blocks):
            self._request.lose("media in the system prompt")
        return kept

    def messages(self) -> list[_Object]:
        """The conversation."""
        messages: list[_Object] = []
        talk = [turn for turn in self._request.turns if turn.role not in ("system", "developer")]
        for turn in aligned(talk):
            if turn.name:
                self._request.lose("messages.name")
            if turn.role == "assistant":
                self._ids = self._new_ids()
                _say(messages, "assistant", [block for part in turn.parts for block in self._blocks(part)])
            else:
                self._user(turn, messages)
        if not messages or (messages[0]["role"] == "assistant" and not self._family.opens):
            messages.insert(0, {"role": "user", "content": [{"text": _OPENING}]})
        self._trim(messages[-1])
        if self._request.cache is not None:
            self._mark_all(messages)
        return messages

    def _new_ids(self) -> CallIds:
        return CallIds() if self._family.claude else CallIds(_taken_id)

    def _user(self, turn: Turn, messages: list[_Object]) -> None:
        """Results, the media that they hold and may not hold here, then what the user says."""
        results: list[_Object] = []
        said: list[_Object] = []
        for part in turn.parts:
            if isinstance(part, ToolResult):
                result, held = self._result(part)
                results += result
                said += held
        for part in turn.parts:
            if not isinstance(part, ToolResult):
                said += self._blocks(part, said)
        if any("document" in block for block in said) and not any("text" in block for block in said):
            said.insert(0, {"text": _ATTACHED})
        if results and said and self._family.alone:
            _say(messages, "user", results)
            _say(messages, "assistant", [{"text": _BETWEEN}])
            results = []
        _say(messages, "user", results + said)

    def _blocks(self, part: Part, before: list[_Object] | None = None) -> list[Any]:
        """The blocks of a part, none for what cannot be said; `before` are those that stand in the turn already."""
        match part:
            case Text() | Declined():
                block = {"text": part.text} if part.text.strip() else None
                return self._marked(block, part.cache if isinstance(part, Text) else None)
            case Media():
                return self._media(part, before)
            case Thinking():
                return self._thinking(part)
            case ToolCall():
                arguments = free_arguments(part.arguments) if part.custom else part.arguments
                call = {"toolUseId": self._ids.call(part.id), "name": taken_name(part.name), "input": input_of(arguments)}
                return self._marked({"toolUse": call}, part.cache)
            case Native():
                if part.dialect == NAME:
                    return [as_any(part.raw)]
                self._request.lose(part.kind)
                return []
            case ToolResult():  # in a turn of the model's, where no dialect puts one
                return self._result(part)[0]

    def _media(self, media: Media, before: list[_Object] | None) -> list[_Object]:
        block = media_block(media, self._names, self._request)
        marked = self._marked(block, media.cache)
        # A mark may not stand behind a document or a film: the nearest place is before it.
        if len(marked) == 2 and "image" not in marked[0]:
            marked = marked[::-1] if before and "cachePoint" not in before[-1] else marked[:1]
        return marked

    def _thinking(self, part: Thinking) -> list[_Object]:
        """Reasoning goes back with its proof only. Claude's proofs hold wherever it is served."""
        if part.dialect == NAME:
            redacted = part.redacted
        elif part.dialect == CLAUDE and self._family.claude:
            redacted = base64.b64encode(part.redacted.encode()).decode()
        else:
            return []
        if redacted:
            return [{"reasoningContent": {"redactedContent": redacted}}]
        if not part.signature or self._family.thinking not in ("claude", "nova"):
            return []
        return [{"reasoningContent": {"reasoningText": {"text": part.text, "signature": part.signature}}}]

    def _result(self, part: ToolResult) -> tuple[list[_Object], list[_Object]]:
        """A tool's result, and the media that have to stand beside it."""
        content: list[_Object] = []
        held: list[_Object] = []
        for piece in part.content:
            if isinstance(piece, Text):
                if piece.text.strip():
                    content.append({"json": _as_object(piece.text)} if self._family.objects else {"text": piece.text})
            elif (block := media_block(piece, self._names, self._request)) is not None:
                takes = content if piece.kind in self._family.inside else held
                takes.append(block)
        made: _Object = {"toolUseId": self._ids.result(part.call_id), "content": content or [{"json": {}}]}
        if part.is_error:
            if self._family.status:
                made["status"] = "error"
            else:
                self._request.lose("is_error")
        return self._marked({"toolResult": made}, part.cache), held

    def _marked(self, block: _Object | None, cache: str | None) -> list[_Object]:
        """The block with its mark for the prompt cache."""
        if block is None:
            return []
        point = cache_point(cache, self._family, self._request)
        return [block] if point is None else [block, point]

    def _mark_all(self, messages: list[_Object]) -> None:
        """A mark on the whole request: at the end of what the user said last."""
        point = cache_point(self._request.cache, self._family, self._request)
        last = next((message["content"] for message in reversed(messages) if message["role"] == "user"), None)
        if point is not None and last and not last[-1].keys() & {"cachePoint", "document", "video"}:
            last.append(point)

    def _trim(self, last: _Object) -> None:
        """Words put into Claude's mouth may not end in white space."""
        block = last["content"][-1]
        if last["role"] == "assistant" and self._family.claude and "text" in block:
            block["text"] = block["text"].rstrip()


def cache_point(cache: str | None, family: Family, request: Request) -> _Object | None:
    """The block that marks what stands before it; only Claude is told how long to keep it."""
    if cache is None:
        return None
    if not family.caches:
        request.lose("cache_control")
        return None
    point = {"type": "default", "ttl": cache} if cache == "1h" and family.claude else {"type": "default"}
    return {"cachePoint": point}


def _taken_id(told: str) -> str:
    """A call's id in the API's letters, which are more than Claude's: Kimi finds its calls by a "." and a ":" in theirs."""
    return told if _ID.fullmatch(told) else taken_name(told)


def _say(messages: list[_Object], role: str, content: list[Any]) -> None:
    """Neighbours of one role are one message, and no message is empty."""
    if content and messages and messages[-1]["role"] == role:
        messages[-1]["content"] += content
    elif content:
        messages.append({"role": role, "content": content})


def _as_object(text: str) -> _Object:
    """A result as an object: its own when it is one."""
    value = input_of(text)
    return {"result": text} if value.keys() == {"arguments"} else value
