"""Operations that are no conversation, free of any dialect: a query, and the result that answers it whole."""

from __future__ import annotations

from typing import Literal

import msgspec

from lockgate.core.content import Media
from lockgate.core.reply import Usage

Purpose = Literal["", "query", "document", "similarity", "classification", "clustering", "code", "question", "fact"]


class Query(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What every query says. `extra` holds members that the caller's dialect does not define: they pass to any target as they
    are. `losses` names what cannot be said to the target."""

    model: str = ""
    user: str = ""
    extra: dict[str, msgspec.Raw] = {}
    losses: list[str] = []

    def lose(self, what: str) -> None:
        """Note that something cannot be said in the dialect being written."""
        if what not in self.losses:
            self.losses.append(what)


class Result(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What every result says; id and model are the provider's, `created` is in seconds since the epoch (0: it does not say)."""

    id: str = ""
    model: str = ""
    created: int = 0
    usage: Usage | None = None


class Embedding(Query, kw_only=True, omit_defaults=True):
    """Inputs to be made into vectors: texts, or texts that were cut into token ids already.

    `packed`: the caller wants each vector as base64 of 32-bit little-endian floats. `purpose` is what the vectors are for,
    which models trained on pairs want to know; `title` is the title of a document.
    """

    inputs: list[str | list[int]] = []
    dimensions: int | None = None
    packed: bool = False
    purpose: Purpose = ""
    title: str = ""
    truncate: bool | None = None  # cut inputs that are too long, instead of failing


class Vectors(Result, kw_only=True, omit_defaults=True):
    """A vector for each input, in their order."""

    vectors: list[list[float]] = []


class Ranking(Query, kw_only=True, omit_defaults=True):
    """Documents to be ordered by how well they answer `text`, the best `top` of them (None: all).

    A document is a text, or an object with fields (raw); `shown`: the answer repeats each one's text.
    """

    text: str = ""
    documents: list[str | msgspec.Raw] = []
    top: int | None = None
    shown: bool = False
    fields: list[str] = []  # of objects: those that are looked at
    document_tokens: int | None = None  # how much of each is looked at
    truncate: bool | None = None


class Rank(msgspec.Struct, frozen=True, omit_defaults=True):
    """One document's place: its index in the query, and its score; higher is better."""

    index: int
    score: float
    document: msgspec.Raw | None = None  # as the provider repeats it


class Ranks(Result, kw_only=True, omit_defaults=True):
    """The best first."""

    ranks: list[Rank] = []


class Painting(Query, kw_only=True, omit_defaults=True):
    """Pictures to be made from a text (`prompt`), from other pictures (`images`), or from both; `mask` says where the first of
    them is to change.

    `avoid` is what shall not be seen. `size` is in pixels ("1024x1536"), or else `aspect` a ratio ("16:9"); `quality` and
    `format` ("png", "jpeg", "webp") are words, "" for the provider's choice; `compression` is 0 to 100, the quality of the
    file. `linked`: the caller wants addresses, not the pictures themselves.
    """

    prompt: str = ""
    avoid: str = ""
    images: list[Media] = []
    mask: Media | None = None
    count: int | None = None
    size: str = ""
    aspect: str = ""
    quality: str = ""
    format: str = ""
    compression: int | None = None
    seed: int | None = None
    linked: bool = False


class Picture(msgspec.Struct, frozen=True, omit_defaults=True):
    """One picture, and the prompt that it was made from where the provider wrote its own."""

    media: Media
    prompt: str = ""


class Pictures(Result, kw_only=True, omit_defaults=True):
    """The pictures that were made; fewer than were asked for when the provider holds some back."""

    pictures: list[Picture] = []
