"""When an answer may be given again: what a route says of it, what a caller wants, and which answers are worth keeping."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

import msgspec

from lockgate.core.cache_cap import CacheCap
from lockgate.core.outcome import Outcome

#: Seconds that an answer is kept when nobody says.
USUAL_S = 7 * 86_400

#: Who may be given what others were answered: those of the workspace, of one key, or of one user.
Scope = Literal["workspace", "key", "user"]
#: Ends of an answer that say all there was to say. One that was cut short at a limit, filtered, paused, or ended for a reason
#: that nobody knows is another one when it is asked for again.
_ENDS = ("stop", "tool_calls")
#: A member that says that the model declined: it is never empty then. (In a text its quotes would be escaped.)
_DECLINED = re.compile(rb'"refusal"\s*:\s*"[^"]')
_MAX_AGE = re.compile(r"max-age\s*=\s*\"?(\d{1,12})")


#: How the same in other words is told, cheapest first: by a key of what is meant; by likeness, of which a verifier is sure; by
#: likeness that a model judges.
LEVELS = ("canonical", "verified", "judged")
#: How sure the verifier must be, surest first (`policy.sameness.verifier`).
CERTAINTIES = ("strict", "standard", "wide")


class Semantic(msgspec.Struct, frozen=True):
    """Requests that say the same in other words have one answer: by which `levels`. Of those in `shadow` it is only said what
    they would have given. `certainty` is the verifier's, `judge` the model that is asked, as a caller would name it. Above
    `most_temperature` answers are meant to differ."""

    levels: tuple[str, ...] = LEVELS[:1]
    shadow: tuple[str, ...] = ()
    certainty: str = CERTAINTIES[0]
    judge: str = ""
    most_temperature: float = 1.0


def without_judge(semantic: Semantic) -> Semantic:
    """The same, but for the level that asks a model: for whoever only wants to know what there is."""
    return msgspec.structs.replace(semantic, levels=tuple(each for each in semantic.levels if each != LEVELS[-1]))


class CachePolicy(msgspec.Struct, frozen=True):
    """What a route says: how long an answer is kept in seconds, and whether those who ask the same at once share one answer."""

    max_age_s: int = USUAL_S
    coalesce: bool = True
    scope: Scope = "workspace"
    semantic: Semantic | None = None


class Wish(msgspec.Struct, frozen=True):
    """What a caller says: nothing from the cache and nothing into it; nothing from it; a part of it of one's own; how old an
    answer may be and how long it is kept, in seconds (None: as the route says)."""

    off: bool = False
    refresh: bool = False
    namespace: str = ""
    max_age_s: int | None = None


def read_wish(header: Callable[[str], str], cache_control: str) -> Wish:
    """What a caller says: the gateway's own headers by `header`, and the `cache-control` of its request (RFC 9111, 5.2.1)."""
    if cache_control:
        control = cache_control.lower()
        age = _MAX_AGE.search(control)
    else:
        control, age = "", None
    return Wish(
        off="no-store" in control or header("debug").lower() == "false",
        refresh="no-cache" in control or header("cache-force-refresh").lower() == "true",
        namespace=header("cache-namespace"),
        max_age_s=int(age[1]) if age else None,
    )


def capped(policy: CachePolicy, cap: CacheCap) -> CachePolicy | None:
    """As much of a policy as a workspace lets be asked for; None: no caching at all."""
    if cap.off:
        return None
    if cap.max_age is None or policy.max_age_s <= cap.max_age:
        return policy
    return msgspec.structs.replace(policy, max_age_s=cap.max_age)


def age_s(policy: CachePolicy, wish: Wish) -> int:
    """How long an answer is kept, and how old one may be that is given."""
    return policy.max_age_s if wish.max_age_s is None else min(policy.max_age_s, wish.max_age_s)


def is_keepable(outcome: Outcome | None, body: bytes) -> bool:
    """Whether an answer is worth giving again: it is complete, it is no error, and the model said all that it had to say."""
    if outcome is None or not outcome.complete or outcome.failure is not None:
        return False
    if outcome.finish is not None and outcome.finish.reason not in _ENDS:
        return False
    return _DECLINED.search(body) is None
