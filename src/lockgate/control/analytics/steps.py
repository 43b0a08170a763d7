"""How long the steps of a line are, and a line without gaps."""

from __future__ import annotations

from collections.abc import Sequence

from lockgate.core.failure import Refusal
from lockgate.stores.logs.ports import Filter
from lockgate.stores.logs.rollup import Totals

_MINUTE_US = 60_000_000
_HOUR_US = 60 * _MINUTE_US
_DAY_US = 24 * _HOUR_US
#: Up to so long a span → its step, so that a line has some 30 to 120 points.
STEPS: tuple[tuple[int, int], ...] = (
    (2 * _HOUR_US, _MINUTE_US),
    (8 * _HOUR_US, 5 * _MINUTE_US),
    (_DAY_US, 15 * _MINUTE_US),
    (4 * _DAY_US, _HOUR_US),
    (14 * _DAY_US, 4 * _HOUR_US),
    (120 * _DAY_US, _DAY_US),
    (800 * _DAY_US, 7 * _DAY_US),
)
#: The longest span that is told of, in days.
LONGEST_DAYS = 800


def step_of(meant: Filter) -> int:
    """The step for a span, in µs. Raises `Refusal` 400 for one that is none, or too long."""
    assert meant.since_us is not None and meant.until_us is not None
    span = meant.until_us - meant.since_us
    if span <= 0:
        message = "time_of_generation_max must lie after time_of_generation_min."
        raise Refusal(400, "invalid_value", message, param="time_of_generation_max")
    for longest, step in STEPS:
        if span <= longest:
            return step
    raise Refusal(400, "invalid_value", f"Ask for at most {LONGEST_DAYS} days at a time.", param="time_of_generation_min")


def filled(found: Sequence[tuple[int, Totals]], meant: Filter, step_us: int) -> list[tuple[int, Totals]]:
    """Every step of a span, those in which nothing happened as well."""
    known = dict(found)
    return [(at, known.get(at) or Totals()) for at in steps_of(meant, step_us)]


def steps_of(meant: Filter, step_us: int) -> range:
    """When the steps of a span begin."""
    assert meant.since_us is not None and meant.until_us is not None
    return range(meant.since_us // step_us * step_us, meant.until_us, step_us)
