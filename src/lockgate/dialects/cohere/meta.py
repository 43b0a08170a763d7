"""What Cohere says beside an answer that is no conversation: the units that it charges for.

Source: https://docs.cohere.com/reference/embed and https://docs.cohere.com/reference/rerank (`meta.billed_units`).
"""

from __future__ import annotations

import msgspec

from lockgate.core.json import encode
from lockgate.core.reply import Usage
from lockgate.dialects.lenient import aside


class _Units(msgspec.Struct):
    input_tokens: float | None = None
    output_tokens: float | None = None
    image_tokens: float | None = None
    search_units: float | None = None


class _Meta(msgspec.Struct):
    billed_units: _Units | None = None


def usage_of(raw: msgspec.Raw) -> Usage | None:
    """What is charged, canonical; None when nothing is stated."""
    shape = aside(raw, _Meta)
    units = None if shape is None else shape.billed_units
    if units is None:
        return None
    images = int(units.image_tokens or 0)
    return Usage(
        input=int(units.input_tokens or 0) + images,
        output=int(units.output_tokens or 0),
        image_input=images,
        searches=int(units.search_units or 0),
        raw=msgspec.Raw(encode(units)),
    )
