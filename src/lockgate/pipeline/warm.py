"""A provider's own prompt cache is helped: its body is marked, or says which conversation it is of. Nothing else is changed,
and what a caller has said of it stays.
"""

from __future__ import annotations

from lockgate.core.call import Call
from lockgate.core.sheet import Sheet
from lockgate.dialects.beginning import beginning_of
from lockgate.pipeline.target import Target


def warm(call: Call, said: Sheet, body: Sheet, target: Target) -> list[str]:
    """Help with a provider's `body`; `said` is the caller's own. The members in which something was put."""
    codec, wish = target.lane.provider, target.prompt_cache
    if wish is None or call.operation == "count":
        return []
    if codec.mark_prefix is not None:
        return codec.mark_prefix(body, target.model, wish)
    name = codec.conversation
    if not name or not target.row.sticks or name in body or not (began := beginning_of(call.dialect, said)):
        return []
    body.set(name, began)
    return [name]
