"""JSON bodies with something wrong in them, for property tests: whatever comes in, a codec answers or refuses."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.just([]),
    st.just({}),
    st.just([{}]),
    st.just({"type": "text"}),
    st.lists(st.integers(), max_size=2),
)


def mutated(value: Any, data: st.DataObject) -> Any:
    """A copy with one to three members or entries replaced, removed or renamed, anywhere."""
    body = copy.deepcopy(value)
    for _ in range(data.draw(st.integers(1, 3))):
        holder = body
        while holder:
            key = data.draw(st.sampled_from(list(holder) if isinstance(holder, dict) else list(range(len(holder)))))
            if isinstance(holder[key], (dict, list)) and holder[key] and data.draw(st.booleans()):
                holder = holder[key]
                continue
            action = data.draw(st.sampled_from(("replace", "remove", "rename")))
            if action == "replace" or isinstance(holder, list):
                holder[key] = copy.deepcopy(data.draw(_VALUES))
            else:
                old = holder.pop(key)
                if action == "rename":
                    holder[key + "_"] = old
            break
    return body
