"""What a dialect must be able to do: pass on an API's bytes (`Relay`), and read and write them: of conversations (`Codec`), of
operations whose answers come whole (`WholeCodec`; `WholeTarget` where only providers speak it).

A dialect module is a set of functions and two small machines for streams; it exports them as one `Codec`. Codecs are
stateless and shared. Time and ids are passed in (`Voice`), so that every translation is a pure function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Literal, Protocol, TypeVar

import msgspec

from lockgate.core.events import Event
from lockgate.core.failure import Failure, Refusal
from lockgate.core.outcome import Outcome
from lockgate.core.query import Query, Result
from lockgate.core.reply import Reply, Usage
from lockgate.core.request import Request
from lockgate.core.sheet import Sheet
from lockgate.dialects.signature import carries
from lockgate.policy.prompt_cache import PromptCache
from lockgate.wire.multipart import Form

#: How far an answer goes beyond its dialect: as hosts do (""), not at all, as far as callers of other gateways expect.
Manner = Literal["", "strict", "extended"]


class Voice(msgspec.Struct, frozen=True):
    """What an answer that we write needs and a provider may not have said.

    `id` is unique per answer, without a prefix (a dialect adds its own: "chatcmpl-", "msg_", "resp_"); `created` is in
    seconds since the epoch; `request` is what the caller asked (its model is named when the provider names none);
    `usage_asked`: the caller wants usage in its stream (one dialect sends it only when asked); `manner`: how far the answer
    may go beyond its dialect (one dialect's answers do).
    """

    id: str
    created: int
    request: Request
    usage_asked: bool = True
    manner: Manner = ""


class Reader(Protocol):
    """Reads a provider's stream, cut anywhere, into events. A malformed event is a `Broken`, never an exception."""

    complete: bool
    """The answer has ended as this dialect ends one; what comes after is dropped."""

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that are complete now."""
        ...

    def end(self) -> list[Event]:
        """The body has ended properly: whatever a last event without its blank line says (never an invented ending)."""
        ...


class Writer(Protocol):
    """Writes events as the caller's stream. It tolerates any order that the grammar of `core.events` allows."""

    def feed(self, events: list[Event]) -> bytes:
        """The bytes to send now, b"" when nothing can be said yet. `Broken` is not fed; see `broken`."""
        ...

    def end(self) -> bytes:
        """The closing bytes of a complete answer ("[DONE]", message_stop, response.completed)."""
        ...

    def broken(self, error: Failure | Refusal) -> bytes:
        """The dialect's own error event, and no ending after it."""
        ...


class Tap(Protocol):
    """Watches a stream that passes unchanged; what it learns is in `outcome`.

    It gives back only whole events, so that an error event can follow wherever the upstream breaks off.
    """

    outcome: Outcome

    def feed(self, chunk: bytes) -> bytes:
        """The bytes that may go out now: complete events as they came (less a usage event that only we asked for)."""
        ...

    def end(self) -> bytes:
        """The body has ended properly: a last event without its blank line, when it is whole."""
        ...


class Counting(msgspec.Struct, frozen=True):
    """How a dialect asks for the tokens of a request, and is told.

    read         a caller's question → the request whose tokens are wanted; raises `Refusal`
    write        a number of tokens → the answer's body
    name_model   as `Relay.name_model`, for the question's body
    """

    read: Callable[[Sheet], Request]
    write: Callable[[int], bytes]
    name_model: Callable[[Sheet, str], None] | None


def set_model(sheet: Sheet, model: str) -> None:
    """Name the model in the member `model`."""
    sheet.set("model", model)


def never(body: bytes) -> bool:
    """The dialects in which nobody reasons carry no signatures."""
    return False


class Relay(msgspec.Struct, frozen=True, kw_only=True):
    """What it takes to pass one API's requests and answers on: to see what an answer used, and what went wrong.

    name             "openai.chat": how tables, records and signatures name it
    observe          what a passing whole answer says of itself, without reading more than that
    tap              a watcher for a stream that passes (True: drop usage that we alone asked for). None: there are no streams
    read_error       status and body of a provider's error answer → Failure (status kept, message found)
    write_error      an error as the dialect's whole body, to be sent with `error.status`
    stream_error     an error as the dialect's event in a stream
    native_error     whether a provider's error body already is one of this dialect (then its bytes pass)
    ask_usage        makes a provider's body ask for usage in its stream; True when the caller had not asked itself. None: a
                     dialect whose streams always tell
    passes           names of request headers (lower case) that belong to this dialect and travel with it
    carries          whether a caller's body may hold another model's signature (`dialects.signature`)
    name_model       puts another model's name into a caller's body. None: the body names none, the path does
    charged          a request's body and its answer's account (None: it has none) → the account with what the request is
                     charged for, a new one then. None: what is charged stands in the answer
    mark_prefix      puts marks for the prompt cache into a provider's body, for a model, as a route says it; the members that
                     have one now. None: there is nothing to mark, the provider finds prefixes by itself
    conversation     the member that keeps a conversation on the machine that has its prefix, where the provider knows it. "":
                     there is none
    array_asked      whether a query asks for the stream as one JSON array. None: streams are server-sent events, always
    """

    name: str
    observe: Callable[[bytes], Outcome]
    tap: Callable[[bool], Tap] | None
    read_error: Callable[[int, bytes], Failure]
    write_error: Callable[[Failure | Refusal], bytes]
    stream_error: Callable[[Failure | Refusal], bytes]
    native_error: Callable[[bytes], bool]
    ask_usage: Callable[[Sheet], bool] | None = None
    passes: tuple[bytes, ...] = ()
    carries: Callable[[bytes], bool] = never
    name_model: Callable[[Sheet, str], None] | None = set_model
    charged: Callable[[bytes, Usage | None], Usage | None] | None = None
    array_asked: Callable[[bytes], bool] | None = None
    mark_prefix: Callable[[Sheet, str, PromptCache], list[str]] | None = None
    conversation: str = ""


class Codec(Relay, frozen=True, kw_only=True):
    """One dialect of conversations, complete.

    read_request     a caller's body → canonical; raises `Refusal` 400 with the path of what is wrong
    write_request    canonical → a provider's body; notes what cannot be said in `request.losses`
    read_reply       a provider's whole answer (status 2xx) → canonical, or the `Failure` it states or is
    write_reply      canonical → the caller's whole answer
    reader, writer   machines for one stream
    counting         asking for the tokens of a request beforehand. None: the dialect has no such question
    """

    tap: Callable[[bool], Tap]
    read_request: Callable[[Sheet], Request]
    write_request: Callable[[Request], Sheet]
    read_reply: Callable[[bytes], Reply | Failure]
    write_reply: Callable[[Reply, Voice], bytes]
    reader: Callable[[], Reader]
    writer: Callable[[Voice], Writer]
    carries: Callable[[bytes], bool] = carries
    counting: Counting | None = None


Q = TypeVar("Q", bound=Query)
A = TypeVar("A", bound=Result)


class WholeTarget(Relay, Generic[Q, A], frozen=True, kw_only=True):
    """One dialect of an operation whose answers come whole (embeddings, reranking, pictures), as far as providers speak it: a
    query is said, and its result understood.

    write_request    canonical → a provider's body; notes what cannot be said in `query.losses`, raises `Refusal` where nothing
                     is left to be said
    read_reply       a provider's whole answer (status 2xx) → canonical, or the `Failure` it states or is
    """

    write_request: Callable[[Q], Sheet]
    read_reply: Callable[[bytes, Q], A | Failure]


class WholeCodec(WholeTarget[Q, A], frozen=True, kw_only=True):
    """One such dialect, complete: callers speak it too.

    read_request     a caller's body → canonical; raises `Refusal` 400 with the path of what is wrong
    write_reply      canonical → the caller's whole answer to its query
    read_form        a caller's form → the body that says the same in JSON; raises `Refusal`. None: there are no forms
    """

    read_request: Callable[[Sheet], Q]
    write_reply: Callable[[A, Q], bytes]
    read_form: Callable[[Form], Sheet] | None = None


#: A codec of any such operation, and as far as providers speak it.
AnyWholeCodec = WholeCodec[Any, Any]
AnyWholeTarget = WholeTarget[Any, Any]
