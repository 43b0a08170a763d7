"""control/logs_view: lines for people and for programs, harmless to a terminal."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.control.logs_view import header, json_line, line, printable
from lockgate.core.record import Attempt, Record
from lockgate.core.reply import Usage

NOON = int(datetime(2026, 11, 25, 12, tzinfo=UTC).timestamp()) * 1_000_000


def record(**members: Any) -> Record:
    return Record(**{"id": "the-id", "time_us": NOON + 123_456, "status": 200, **members})


def cells(**members: Any) -> list[str]:
    """The cells of a line, cut where the header says."""
    text, titles = line(record(**members), UTC), header()
    starts = [0, 25, 33, 46, 56, 66, 100, 114, 130, 140, 149, 165]
    assert titles[starts[1] :].lstrip().startswith("STATUS")
    return [text[start:stop].strip() for start, stop in zip(starts, [*starts[1:], None], strict=True)]


def test_a_line_says_what_happened() -> None:
    assert cells(
        latency_us=812_345,
        ttft_us=90_400,
        model_asked="gpt-4o",
        model_sent="gpt-4o",
        provider="openai",
        key_name="blau",
        usage=Usage(input=1200, output=34),
        cost_nusd=3_340_000,
    ) == [
        "2026-11-25 12:00:00.123",
        "200",
        "ok",
        "812ms",
        "90ms",
        "gpt-4o",
        "openai",
        "blau",
        "1200",
        "34",
        "$0.003340",
        "the-id",
    ]


def test_what_is_not_known_is_a_dash() -> None:
    assert cells(status=0) == ["2026-11-25 12:00:00.123", "-", "ok", "0.0ms", "-", "-", "-", "-", "-", "-", "-", "the-id"]


@pytest.mark.parametrize(
    ("nusd", "text"),
    [
        (None, "?"),
        (0, "$0.000000"),
        (1, "$0.000000001"),
        (1000, "$0.000001"),
        (12_345_678_901, "$12.345678901"),
        (2 * 10**9, "$2.000000"),
    ],
)
def test_a_cost_is_shown_to_the_last_nano_dollar_and_an_unknown_one_is_not_zero(nusd: int | None, text: str) -> None:
    assert cells(usage=Usage(input=1), cost_nusd=nusd)[10] == text


@pytest.mark.parametrize(
    ("us", "text"), [(400, "0.4ms"), (9_949, "9.9ms"), (250_000, "250ms"), (9_999_000, "9999ms"), (12_340_000, "12.3s")]
)
def test_a_latency_is_short(us: int, text: str) -> None:
    assert cells(latency_us=us)[3] == text


def test_another_model_than_asked_is_shown() -> None:
    assert cells(model_asked="fast", model_sent="gpt-4o", model_served="gpt-4o-2024")[5] == "fast → gpt-4o-2024"
    assert cells(model_served="m")[5] == "m"


def test_a_long_name_is_cut_and_the_columns_stay() -> None:
    found = cells(model_asked="m" * 200, key_id="k" * 200)
    assert found[5] == "m" * 31 + "…"
    assert found[7] == "k" * 13 + "…"


def test_an_error_follows() -> None:
    assert (
        cells(status=429, outcome="refused", error_code="rate_limited", error="slow down")[11]
        == "the-id rate_limited: slow down"
    )


HOSTILE = [
    "\x1b[2J\x1b]0;owned\x07",
    "line\r\nsecond 200 ok",
    "\x9b31m",
    "abc\u202edef",
    "\x00",
    "\u2028",
    "tab\there",
    "\udc80",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_reaches_a_terminal_as_a_command(text: str) -> None:
    hostile = record(model_asked=text, key_name=text, provider=text, error=text, error_code=text, id=text)
    shown = line(hostile, UTC)
    assert shown.isprintable()
    assert len(shown.splitlines()) == 1


@given(st.text())
def test_what_is_shown_is_printable_and_what_was_printable_is_shown(text: str) -> None:
    assert printable(text).isprintable()
    assert text.isprintable() == (printable(text) == text)


@pytest.mark.parametrize("text", HOSTILE[:-1])
def test_a_json_line_is_one_line_harmless_and_true(text: str) -> None:
    whole = record(error=text, request=text.encode(), metadata={"m": text}, key_name="Blaue Größe 日本")
    shown = json_line(whole)
    assert shown.isprintable()
    assert "\n" not in shown
    back = json.loads(shown)
    assert (back["error"], back["request"], back["metadata"]["m"]) == (text, text, text)
    assert "日本" in shown


def test_a_json_line_has_all_members_and_the_providers_account() -> None:
    raw = msgspec.Raw(b'{\n "prompt_tokens": 3\n}')
    back = json.loads(
        json_line(record(usage=Usage(input=3, raw=raw), attempts=[Attempt(provider="p", status=503)], response=b"\xff"))
    )
    assert set(Record.__struct_fields__) == set(back)
    assert back["usage"]["raw"] == {"prompt_tokens": 3}
    assert back["attempts"] == [{"provider": "p", "status": 503}]
    assert back["response"] == "\\xff"
    assert back["cost_nusd"] is None


def test_an_account_that_is_no_json_is_shown_as_text() -> None:
    assert json.loads(json_line(record(usage=Usage(raw=msgspec.Raw(b"{oops")))))["usage"]["raw"] == "{oops"


def test_a_time_beyond_the_calendar_is_a_number() -> None:
    assert line(record(time_us=10**18), UTC).startswith("1000000000000000000")
