"""What goes out for one target: the body in its gear, the headers, and the machine that will bring the answer back.

Three gears: *relay* (the caller's bytes), *edit* (raw members replaced, everything else untouched), *translate* (read in the
caller's dialect, written in the provider's). A history that holds another model's signatures is translated even where it
could pass: its new reader would reject them.
"""

from __future__ import annotations

import msgspec

from lockgate.core.call import Call
from lockgate.core.failure import Refusal
from lockgate.core.query import Query
from lockgate.core.record import Gear
from lockgate.core.request import Request
from lockgate.core.sheet import Sheet
from lockgate.dialects.codec import Voice
from lockgate.dialects.demand import hold_output
from lockgate.dialects.framed import Unframed
from lockgate.dialects.registry import RELAYS
from lockgate.dialects.translation import AsArray, Passage, Stream, Translation
from lockgate.pipeline.params import NO_CHANGES
from lockgate.pipeline.target import Target
from lockgate.pipeline.warm import warm
from lockgate.providers.quirks import QUIRKS
from lockgate.transport.exchange import Outgoing, Pieces

_JSON = (b"content-type", b"application/json")


class Prepared(msgspec.Struct):
    """One attempt, ready to be sent."""

    target: Target
    outgoing: Outgoing
    gear: Gear
    stream: bool
    sheet: Sheet | None = None  # the body, where it is JSON that was looked into
    request: Request | Query | None = None  # canonical, when translated
    warmed: list[str] = []  # members in which the provider's prompt cache was helped
    dropped: list[str] = []  # members of the caller's own body that the provider would reject
    drop_usage: bool = False  # the provider tells usage in its stream because we alone asked
    usage_asked: bool = True  # the caller wants usage in its stream
    array: bool = False  # the caller wants its stream as one JSON array
    verbatim: bool = False  # whatever is answered passes as it is, errors too
    unbounded: Prepared | None = None  # what was asked for, where the answer is bounded by what is left of a budget

    @property
    def losses(self) -> list[str]:
        """What could not be said."""
        return self.dropped if self.request is None else self.request.losses

    def machine(self, voice: Voice | None) -> Stream:
        """The machine for a streamed answer."""
        lane = self.target.lane
        stream: Stream
        if voice is None:
            stream = Passage(lane.provider, self.drop_usage)
        else:
            stream = Translation(lane.provider, lane.caller, voice)
        if lane.endpoint.framed:
            stream = Unframed(stream, passes=voice is None)
        return AsArray(stream, passes=voice is None) if self.array else stream


def prepare(call: Call, sheet: Sheet, asked: str, stream: bool, target: Target) -> Prepared:
    """Raises `Refusal` when the caller's body cannot be read for a translation. `asked` is the model as the caller named it."""
    lane = target.lane
    request = None
    drop_usage, usage_asked = False, True
    dropped: list[str] = []
    warmed: list[str] = []
    said = sheet
    gear: Gear = "relay"
    if target.passthrough:
        return _as_it_came(call, target, stream)
    if target.changes is not NO_CHANGES and target.changes.concern(sheet):
        sheet, gear = sheet.copy(), "edit"
        target.changes.make(sheet)
    if lane.relays and not lane.caller.carries(call.body):
        if asked != target.model and lane.caller.name_model is not None:
            if gear == "relay":
                sheet, gear = sheet.copy(), "edit"
            lane.caller.name_model(sheet, target.model)
        if stream and lane.provider.ask_usage is not None and target.row.usage == "asked":
            wanting = sheet.copy()
            if drop_usage := lane.provider.ask_usage(wanting):
                sheet, gear = wanting, "edit"
        edits = target.row.edits.get(lane.provider.name)
        if edits is not None and edits.concern(sheet, call.body):
            if gear == "relay":
                sheet, gear = sheet.copy(), "edit"
            dropped = edits.edit(sheet)
    else:
        if stream and lane.caller.ask_usage is not None:
            usage_asked = not lane.caller.ask_usage(sheet.copy())
        request, sheet = translate(sheet, target, stream)
        gear = "translate"
    if target.prompt_cache is not None:
        marked = sheet.copy()
        if warmed := warm(call, said, marked, target):
            sheet, gear = marked, "edit" if request is None else gear
    if lane.endpoint.quirk:
        if gear == "relay":
            sheet, gear = sheet.copy(), "edit"
        lost = QUIRKS[lane.endpoint.quirk](sheet, target.model, call.headers)
        dropped = [*dropped, *lost]
        if request is not None:
            for each in lost:
                request.lose(each)
    array = stream and lane.caller.array_asked is not None and lane.caller.array_asked(call.query)
    out = outgoing(call, sheet.bytes(), target, stream)
    return Prepared(target, out, gear, stream, sheet, request, warmed, dropped, drop_usage, usage_asked, array)


def held(dialect: str, sheet: Sheet, most: int) -> Sheet:
    """The caller's body, where it does not say how long an answer may be, with so many tokens for it."""
    copy = sheet.copy()
    hold_output(RELAYS[dialect], copy, most)
    return copy


def _as_it_came(call: Call, target: Target, stream: bool) -> Prepared:
    """The caller's bytes, whatever is in them. Raises `Refusal` where they are not in the provider's dialect."""
    if not target.lane.relays:
        raise Refusal(
            400,
            "passthrough_impossible",
            f"{target.provider.row.name} does not speak {call.dialect}: with 'passthrough', ask a provider that does.",
            param="config.passthrough",
        )
    return Prepared(target, outgoing(call, call.body, target, stream), "relay", stream)


def translate(sheet: Sheet, target: Target, stream: bool) -> tuple[Request | Query, Sheet]:
    """The caller's request as the canonical one and as the provider's body."""
    lane = target.lane
    edits = target.row.edits.get(lane.provider.name)
    request = lane.caller.read_request(sheet)
    request.model = target.model
    if stream and isinstance(request, Request):
        request.stream = True
    if edits is not None:
        edits.before(request)
    body = lane.provider.write_request(request)
    if edits is not None:
        edits.after(body, request)
    return request, body


def outgoing(call: Call, body: bytes | Pieces, target: Target, stream: bool, kind: tuple[bytes, bytes] = _JSON) -> Outgoing:
    """The request line, the provider's headers and, in the caller's own dialect, the headers that belong to it."""
    provider, lane = target.provider, target.lane
    headers = [kind, *provider.headers, *lane.headers]
    if lane.relays:
        for name in lane.provider.passes:
            if value := call.headers.get(name):
                headers = [pair for pair in headers if pair[0] != name]
                headers.append((name, value))
    if target.forward:
        held = {name for name, _ in headers}  # what is sent anyway is the operator's to say
        headers += [(name, call.headers[name]) for name in target.forward if name in call.headers and name not in held]
    return Outgoing("POST", provider.path(lane.endpoint, target.model, stream), headers, body)
