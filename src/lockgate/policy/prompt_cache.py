"""Where a prompt is marked, so that its provider keeps what it has computed of the beginning: the prompt caches of some are
filled and looked up at marks alone.

A prompt is tools, then the system prompt, then turns. A conversation grows at its end: what was marked at the last turn of the
user's is the last but one when it goes on, so both are marked, the one to be read and the other to be written.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Literal

import msgspec

#: How long a prefix is kept after its last use, as the providers that ask for it write it.
Ttl = Literal["5m", "1h"]
#: Marks that a provider takes in one request: https://platform.claude.com/docs/en/build-with-claude/prompt-caching and
#: https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html.
MOST = 4


class PromptCache(msgspec.Struct, frozen=True):
    """What a route says of its providers' prompt caches: how long a prefix is kept, and from how many tokens on it is worth
    that, where this is more than the model needs; None: as many as that."""

    ttl: Ttl = "5m"
    min_tokens: int | None = None

    def least(self, needs: int | None) -> int | None:
        """The fewest tokens of a prefix that is marked for a model that keeps none of fewer than `needs`; None: none is. What a
        model needs that is not known (`needs` None) the route must say."""
        if needs is None:
            return self.min_tokens
        return max(needs, self.min_tokens or 0)


class Marks(msgspec.Struct, frozen=True):
    """What is marked, at its end: the tools, the system prompt, and turns by their numbers."""

    tools: bool = False
    system: bool = False
    turns: tuple[int, ...] = ()


def marks(tools: int, system: int, turns: Sequence[int], users: Sequence[int], least: int) -> Marks:
    """Where a prompt is marked, in four places at most. `tools`, `system` and `turns` are sizes in tokens, 0 for what is not
    there; `users` are the numbers of the turns that are the user's. Prefixes of fewer than `least` tokens are not marked."""
    before = tools + system
    ends = list(accumulate(turns, initial=before))[1:]
    return Marks(
        tools=tools > 0 and tools >= least,
        system=system > 0 and before >= least,
        turns=tuple(at for at in users[-2:] if ends[at] >= least),
    )
