"""A comparison of answers for people."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.control.resend.compare import Comparison, Side


def table(told: Comparison) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """(head, rows): the numbers of each answer, side by side."""
    sides = [told.recorded, *(each.answer for each in told.replays)]
    numbers = ("NOW",) if len(sides) == 2 else tuple(f"NOW {number}" for number in range(1, len(sides)))
    rows = [
        (title, *(cell(side) for side in sides))
        for title, cell in (
            ("id", lambda side: side.id),
            ("provider", lambda side: side.provider or "-"),
            ("model", lambda side: side.model or "-"),
            ("status", lambda side: f"{side.status} {side.outcome}"),
            ("finish", lambda side: side.finish or "-"),
            ("latency", lambda side: f"{side.latency_ms:,.0f} ms"),
            ("first token", lambda side: "-" if side.first_ms is None else f"{side.first_ms:,.0f} ms"),
            ("tokens in", lambda side: _count(side.input_tokens)),
            ("tokens out", lambda side: _count(side.output_tokens)),
            ("cost", _cost),
        )
    ]
    return ("", "RECORDED", *numbers), rows


def texts(told: Comparison) -> Iterator[str]:
    """What was answered, and where it differs."""
    if told.recorded.error:
        yield f"Recorded error: {told.recorded.error}"
    for number, each in enumerate(told.replays, 1):
        name = "now" if len(told.replays) == 1 else f"now {number}"
        yield ""
        if each.answer.error:
            yield f"Error {name}: {each.answer.error}"
        if each.same:
            yield f"The text is the same {name}."
        else:
            yield from each.difference
    if not told.recorded.whole:
        yield ""
        yield "The recorded answer was not kept whole: what is missing of it counts as a difference."


def _count(tokens: int | None) -> str:
    return "-" if tokens is None else f"{tokens:,}"


def _cost(side: Side) -> str:
    if side.cost_nusd is None:
        return f"? ({side.cost_note})" if side.cost_note else "-"
    note = f" ({side.cost_note})" if side.cost_note else ""
    return f"${side.cost_nusd / 1e9:.6f}{note}"
