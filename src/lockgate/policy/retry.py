"""Retries on one target: whether a failure is worth another try there, and how long to wait for it.

Exponential backoff with full jitter ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015), unless the provider said
when. What a status list means is said here once, for retries and for fallbacks alike: `matches`.
"""

from __future__ import annotations

from collections.abc import Set

import msgspec

from lockgate.core.failure import Failure, FailureKind

#: Retries beyond the first try, at most: what a configuration may ask for.
MOST_ATTEMPTS = 10
#: The statuses retried where a configuration names none; they are Portkey's, whose users expect them.
DEFAULT_STATUSES = frozenset({429, 500, 502, 503, 504, 529})

#: Kinds that are retried whatever the lists say: nothing was answered, so there was no status to list.
NETWORK: frozenset[FailureKind] = frozenset({"connect", "cut"})
#: Kinds that another try meets again, whatever their status: a spend cap is a 429 too. Only naming the kind retries them.
LASTING: frozenset[FailureKind] = frozenset({"auth", "billing", "content_policy", "context_window", "not_found", "bad_request"})
#: Statuses that say "not now" in the range of those that blame the request: a conflict, and too early (RFC 8470).
_PASSING = frozenset({409, 425})

#: The statuses that a failure stands for when its status is ours, because the provider gave none. Our own comes back to the
#: caller; the others are what those who came from elsewhere have in their lists: a timeout is 408 at Portkey, an unreachable
#: provider 500 or 503.
_STANDS_FOR: dict[FailureKind, frozenset[int]] = {
    "connect": frozenset({500, 502, 503}),
    "cut": frozenset({500, 502, 503}),
    "malformed": frozenset({500, 502}),
    "server": frozenset({500, 502}),
    "overloaded": frozenset({503, 529}),
    "timeout": frozenset({408, 504}),
}
#: Kinds that no status of a provider's has: their status is always ours.
_OURS: frozenset[FailureKind] = frozenset({"connect", "cut", "malformed"})

#: What is added to a wait that the provider asked for, so that those who were told the same do not come back as one: up to
#: this part of it, within these bounds in seconds.
_SPREAD = 0.1
_SPREAD_LEAST_S = 0.1
_SPREAD_MOST_S = 2.0


class Retry(msgspec.Struct, frozen=True):
    """How one target is tried again.

    `attempts`: retries beyond the first try, 0 for none. `statuses` and `kinds`: what is retried besides a network failure;
    one of them naming it is enough. A wait doubles from `base_s` up to `cap_s`; `use_retry_after`: a wait that the provider
    asks for goes before, and one beyond `cap_s` is not waited for. Raises `ValueError` for numbers that make no sense.
    """

    attempts: int = 0
    statuses: frozenset[int] = DEFAULT_STATUSES
    kinds: frozenset[FailureKind] = frozenset()
    base_s: float = 1.0
    cap_s: float = 60.0
    use_retry_after: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.attempts <= MOST_ATTEMPTS:
            raise ValueError(f"attempts must lie between 0 and {MOST_ATTEMPTS}, not {self.attempts}")
        if not 0 < self.base_s <= self.cap_s < float("inf"):
            raise ValueError(f"the first wait must be positive and the longest no shorter, not {self.base_s} and {self.cap_s}")


def again(retry: Retry, number: int, failure: Failure, *, left_s: float, chance: float) -> float | None:
    """Seconds to wait before retry `number` (0 is the first); None: this failure is not retried here, go elsewhere.

    `left_s` is what is left of the request's deadline: a wait that does not end before it is none. `chance` lies in [0, 1).
    """
    if number >= retry.attempts or not _worth(retry, failure):
        return None
    after = failure.retry_after
    if retry.use_retry_after and after is not None and after > 0:
        if after > retry.cap_s:
            return None
        spread = min(max(_SPREAD * after, _SPREAD_LEAST_S), _SPREAD_MOST_S)
        wait = min(after + chance * spread, retry.cap_s)
    else:
        wait = chance * min(retry.base_s * 2**number, retry.cap_s)
    return wait if wait < left_s else None


def matches(failure: Failure, statuses: Set[int], kinds: Set[FailureKind]) -> bool:
    """Whether one of the lists means this failure: by its kind, its status, or what a status of ours stands for."""
    return failure.kind in kinds or failure.status in statuses or (_ours(failure) and _meant(failure.kind, statuses))


def _worth(retry: Retry, failure: Failure) -> bool:
    kind = failure.kind
    if kind in NETWORK or kind in retry.kinds:
        return True
    if kind in LASTING:
        return failure.status in _PASSING and failure.status in retry.statuses
    if kind == "timeout" and _ours(failure):
        # Waiting as long once more is asked for as at Portkey, by 408. 504 is in everyone's list, and means the provider's.
        return 408 in retry.statuses
    return matches(failure, retry.statuses, retry.kinds)


def _ours(failure: Failure) -> bool:
    """Whether the status is of our choosing. What a provider answers with has a body; an event of a stream has no status."""
    return failure.kind in _OURS or not failure.body


def _meant(kind: FailureKind, statuses: Set[int]) -> bool:
    return not statuses.isdisjoint(_STANDS_FOR.get(kind, ()))
