"""What is left of the limits and budgets that a request counts in, as the headers of an answer tell it."""

from __future__ import annotations

from lockgate.pipeline.hold import Entry, Hold
from lockgate.pipeline.ports import Headers
from lockgate.pipeline.runtime import Runtime
from lockgate.policy.ledger import MEASURES
from lockgate.policy.limits import headers

_NAMES = {measure: b"x-lockgate-budget-remaining-" + measure.encode() for measure in MEASURES}


def left(entry: Entry | None, hold: Hold | None, runtime: Runtime) -> Headers:
    """Of each kind of limit and budget the one of which least is left, as far as this worker knows."""
    if entry is None or not entry.allowance:
        return []
    readings = entry.left if hold is None else entry.left + hold.left
    found = headers(readings) if readings else []
    if not entry.allowance.budgets or runtime.ledger is None:
        return found
    least: dict[str, int] = {}
    for budget in entry.allowance.budgets:
        rest = runtime.ledger.left(budget)
        if rest is not None:
            least[budget.measure] = min(rest, least.get(budget.measure, rest))
    for measure, rest in least.items():
        found.append((_NAMES[measure], _plain(measure, rest)))
    return found


def _plain(measure: str, left: int) -> bytes:
    """An amount as a program reads it: USD with all decimals that it has, or a number."""
    if measure != "cost":
        return b"%d" % left
    whole, nano = divmod(max(0, left), 1_000_000_000)
    return f"{whole}.{nano:09d}".rstrip("0").rstrip(".").encode()
