"""The canonical stream of an answer: events that any dialect's stream is read into and written from.

Grammar, per choice: Started, then for each part PartStarted, any number of deltas, PartEnded; then Finished. Used may
come anywhere after Started and the last one counts. Broken ends a stream that failed. Parts of one choice may overlap.
"""

from __future__ import annotations

import msgspec

from lockgate.core.content import Citation, Part, TokenLogprob
from lockgate.core.failure import Failure
from lockgate.core.reply import Finish, Usage


class Started(msgspec.Struct, frozen=True):
    """The answer begins; id and model are the provider's."""

    id: str = ""
    model: str = ""
    created: int = 0
    service_tier: str = ""


class PartStarted(msgspec.Struct, frozen=True):
    """A part begins; `part` holds what is known at once (a tool call's id and name), its text comes in deltas."""

    index: int
    part: Part
    choice: int = 0


class PartDelta(msgspec.Struct, frozen=True):
    """More text of a part: text, thinking, a tool call's arguments."""

    index: int
    text: str
    choice: int = 0


class Signed(msgspec.Struct, frozen=True):
    """The signature of a thinking part (complete, not a piece)."""

    index: int
    signature: str
    dialect: str
    choice: int = 0


class Cited(msgspec.Struct, frozen=True):
    """A citation for a text part."""

    index: int
    citation: Citation
    choice: int = 0


class Sampled(msgspec.Struct, frozen=True):
    """Log probabilities of tokens just sent."""

    logprobs: list[TokenLogprob]
    choice: int = 0


class PartEnded(msgspec.Struct, frozen=True):
    """A part is complete."""

    index: int
    choice: int = 0


class Finished(msgspec.Struct, frozen=True):
    """A choice is complete."""

    finish: Finish
    choice: int = 0


class Used(msgspec.Struct, frozen=True):
    """The tokens used so far, as the provider counts them."""

    usage: Usage


class Broken(msgspec.Struct, frozen=True):
    """The provider says, inside its stream, that the answer failed."""

    failure: Failure


Event = Started | PartStarted | PartDelta | Signed | Cited | Sampled | PartEnded | Finished | Used | Broken
