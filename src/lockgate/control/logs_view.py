"""Records as people and programs read them: a line on a terminal, a line of JSON.

A log holds what strangers wrote. Nothing of it reaches a terminal as a command: whatever is not printable, escape sequences
and direction marks included, is written as an escape (reliability: M04).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

import msgspec

from lockgate.core.json import encode
from lockgate.core.record import Record

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: (title, width; negative: to the right). The last column has no end.
_COLUMNS = (
    ("TIME", 23), ("STATUS", -6), ("OUTCOME", 11), ("LATENCY", -8), ("FIRST", -8), ("MODEL", 32),
    ("PROVIDER", 12), ("KEY", 14), ("IN", -8), ("OUT", -7), ("COST", -14), ("ID", 0),
)  # fmt: skip


def header() -> str:
    """The titles over the lines."""
    return _line([title for title, _ in _COLUMNS])


def line(record: Record, zone: tzinfo | None = None) -> str:
    """A record on one line, its time in `zone` (the local one by default). Whose answer it was given, or its error, follows its
    id."""
    usage = record.usage
    error = f" {record.error_code}: {record.error}" if record.error_code or record.error else ""
    given = f" {record.cache} of {record.cached_id}" if record.cached_id else ""
    return _line(
        [
            _time(record.time_us, zone),
            str(record.status or "-"),
            record.outcome,
            _duration(record.latency_us),
            "-" if record.ttft_us is None else _duration(record.ttft_us),
            _model(record),
            record.provider or "-",
            record.key_name or record.key_id or "-",
            "-" if usage is None else f"{usage.input}",
            "-" if usage is None else f"{usage.output}",
            _cost(record),
            record.id + given + error,
        ]
    )


def json_line(record: Record) -> str:
    """A record as one line of JSON: all members, the provider's usage as JSON, bodies as text."""
    members = msgspec.structs.asdict(record)
    if record.usage is not None:
        members["usage"] = {**msgspec.structs.asdict(record.usage), "raw": _value(record.usage.raw)}
    members["request"] = record.request.decode("utf-8", "backslashreplace")
    members["response"] = record.response.decode("utf-8", "backslashreplace")
    # Within JSON, only its strings can hold what is not printable, and there every character has a JSON escape.
    text = encode(members).decode()
    return text if text.isprintable() else re.sub(r"[^ -~]", _json_escape, text)


def printable(text: str) -> str:
    """The text with everything that a terminal might obey written as an escape."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode() for each in text)


def _line(cells: list[str]) -> str:
    out: list[str] = []
    for cell, (_, width) in zip(cells, _COLUMNS, strict=True):
        text = printable(cell)
        room = abs(width)
        if width and len(text) > room:
            text = text[: room - 1] + "…"
        out.append(text.rjust(room) if width < 0 else text.ljust(room))
    return "  ".join(out).rstrip()


def _time(time_us: int, zone: tzinfo | None) -> str:
    try:
        moment = (_EPOCH + timedelta(microseconds=time_us)).astimezone(zone)
    except OverflowError:
        return str(time_us)
    return moment.isoformat(" ", "milliseconds")[:23]


def _duration(us: int) -> str:
    if us < 10_000:
        return f"{us / 1000:.1f}ms"
    return f"{us / 1000:.0f}ms" if us < 10_000_000 else f"{us / 1e6:.1f}s"


def _model(record: Record) -> str:
    """What was asked, and what was sent or served where that is another."""
    got = record.model_served or record.model_sent
    if not got or got == record.model_asked:
        return record.model_asked or "-"
    return f"{record.model_asked} → {got}" if record.model_asked else got


def _cost(record: Record) -> str:
    """The cost in USD; "?" when tokens were used at an unknown price."""
    if record.cost_nusd is None:
        return "-" if record.usage is None else "?"
    dollars, nano = divmod(record.cost_nusd, 10**9)
    fine = f"{nano:09d}"
    return f"${dollars}.{fine[:6] if fine.endswith('000') else fine}"


def _value(raw: msgspec.Raw | None) -> object:
    try:
        return None if raw is None else msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return bytes(raw).decode("utf-8", "backslashreplace") if raw is not None else None


def _json_escape(match: re.Match[str]) -> str:
    if match[0].isprintable():
        return match[0]
    code = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{code[at]:02x}{code[at + 1]:02x}" for at in range(0, len(code), 2))
