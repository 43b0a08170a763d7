"""A stream's events, gathered into the reply that it was: for those who read answers afterwards."""

from __future__ import annotations

from collections.abc import Iterable

from lockgate.core.content import Part, Text, Thinking, ToolCall
from lockgate.core.events import Cited, Event, Finished, PartDelta, PartStarted, Signed, Started, Used
from lockgate.core.reply import Choice, Reply


def gather(events: Iterable[Event]) -> Reply:
    """The reply as far as it came. Each part is copied: events are left as they are."""
    reply = Reply()
    parts: dict[tuple[int, int], Part] = {}
    texts: dict[tuple[int, int], list[str]] = {}
    choices: dict[int, Choice] = {}
    for event in events:
        match event:
            case Started():
                reply.id, reply.model, reply.created = event.id, event.model, event.created
            case PartStarted():
                parts[event.choice, event.index] = event.part
                choices.setdefault(event.choice, Choice())
            case PartDelta():
                texts.setdefault((event.choice, event.index), []).append(event.text)
            case Finished():
                choices.setdefault(event.choice, Choice()).finish = event.finish
            case Used():
                reply.usage = event.usage
            case Signed() | Cited() | _:
                pass
    for (choice, index), part in sorted(parts.items(), key=lambda item: item[0]):
        choices[choice].parts.append(_whole(part, "".join(texts.get((choice, index), ()))))
    reply.choices = [choices[number] for number in sorted(choices)]
    return reply


def _whole(part: Part, more: str) -> Part:
    match part:
        case Text():
            return Text(part.text + more)
        case Thinking():
            return Thinking(part.text + more)
        case ToolCall():
            return ToolCall(part.id, part.name, part.arguments + more)
        case _:
            return part
