"""policy/retry_after: what the headers of providers say about coming back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.policy.retry_after import MOST_S, read_quota, read_retry_after

#: 2026-10-02T12:00:00Z, a Friday.
NOON = 1_790_942_400.0
DAY = MOST_S


def headers(**said: str) -> list[tuple[bytes, bytes]]:
    return [(name.replace("_", "-").encode(), value.encode()) for name, value in said.items()]


# --- stated outright


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("0", 0.0),
        ("20", 20.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        (".5", 0.5),
        ("3.", 3.0),
        ("Fri, 02 Oct 2026 12:00:30 GMT", 30.0),
        ("Friday, 02-Oct-26 12:00:30 GMT", 30.0),
        ("Fri Oct  2 12:00:30 2026", 30.0),
        ("Fri, 02 Oct 2026 14:00:30 +0200", 30.0),
        ("Fri, 02 Oct 2026 11:59:00 GMT", 0.0),
        ("1000000000", DAY),
        ("9" * 400, DAY),
        ("Fri, 02 Oct 9998 12:00:00 GMT", DAY),
    ],
)
def test_retry_after_is_seconds_or_a_date(said: str, seconds: float) -> None:
    assert read_retry_after(headers(retry_after=said), NOON) == seconds


@pytest.mark.parametrize(
    "said",
    [
        "",
        "-1",
        "-0.5",
        "soon",
        "1e9",
        "inf",
        "nan",
        "0x10",
        "1,5",
        "12s",
        "Fri, 99 Foo 2026",
        "Fri, 02 Oct 99999 12:00:00 GMT",
        "\u0663",
        "\xff",
    ],
)
def test_what_is_no_wait_is_left_alone(said: str) -> None:
    assert read_retry_after(headers(retry_after=said), NOON) is None


def test_milliseconds_are_more_exact_than_seconds() -> None:
    assert read_retry_after(headers(retry_after="2", retry_after_ms="1250"), NOON) == 1.25
    assert read_retry_after(headers(retry_after="2", x_ms_retry_after_ms="750.5"), NOON) == pytest.approx(0.7505)
    assert read_retry_after(headers(retry_after="2", retry_after_ms="later"), NOON) == 2.0


def test_the_first_of_two_that_can_be_read_counts() -> None:
    assert read_retry_after([(b"retry-after", b"x"), (b"retry-after", b"4"), (b"retry-after", b"9")], NOON) == 4.0


def test_what_is_stated_goes_before_what_follows() -> None:
    said = headers(retry_after="3", x_ratelimit_remaining_requests="0", x_ratelimit_reset_requests="6m0s")
    assert read_retry_after(said, NOON) == 3.0


def test_no_headers_say_nothing() -> None:
    assert read_retry_after([], NOON) is None
    assert read_quota([]) is None


# --- limits, as providers send them

OPENAI = headers(
    x_ratelimit_limit_requests="500",
    x_ratelimit_remaining_requests="499",
    x_ratelimit_reset_requests="120ms",
    x_ratelimit_limit_tokens="30000",
    x_ratelimit_remaining_tokens="0",
    x_ratelimit_reset_tokens="6m0s",
)
GROQ = headers(
    x_ratelimit_limit_requests="1000",
    x_ratelimit_limit_tokens="8000",
    x_ratelimit_remaining_requests="0",
    x_ratelimit_remaining_tokens="7927",
    x_ratelimit_reset_requests="2m52.8s",
    x_ratelimit_reset_tokens="547ms",
)
ANTHROPIC = headers(
    anthropic_ratelimit_requests_limit="50",
    anthropic_ratelimit_requests_remaining="49",
    anthropic_ratelimit_requests_reset="2026-10-02T12:00:01Z",
    anthropic_ratelimit_input_tokens_limit="30000",
    anthropic_ratelimit_input_tokens_remaining="0",
    anthropic_ratelimit_input_tokens_reset="2026-10-02T12:00:45Z",
    anthropic_ratelimit_output_tokens_limit="8000",
    anthropic_ratelimit_output_tokens_remaining="8000",
    anthropic_ratelimit_output_tokens_reset="2026-10-02T12:00:00Z",
)
SUBSCRIPTION = headers(
    anthropic_ratelimit_unified_status="rejected",
    anthropic_ratelimit_unified_5h_utilization="1.02",
    anthropic_ratelimit_unified_5h_reset="1790944200",
    anthropic_ratelimit_unified_7d_utilization="0.68",
    anthropic_ratelimit_unified_7d_reset="1791300000",
)
AZURE = headers(
    x_ratelimit_remaining_tokens="-27689",
    x_ratelimit_limit_tokens="100000",
    x_ratelimit_reset_tokens="64",
    x_ratelimit_remaining_requests="95",
    x_ratelimit_limit_requests="100",
)
CEREBRAS = headers(
    x_ratelimit_limit_requests_day="14400",
    x_ratelimit_limit_tokens_minute="60000",
    x_ratelimit_remaining_requests_day="0",
    x_ratelimit_remaining_tokens_minute="0",
    x_ratelimit_reset_requests_day="33011.382867",
    x_ratelimit_reset_tokens_minute="11.382867",
)
MISTRAL = headers(
    x_ratelimit_limit_tokens_minute="5000000",
    x_ratelimit_remaining_tokens_minute="4999911",
    x_ratelimit_limit_req_minute="720",
    x_ratelimit_remaining_req_minute="0",
    x_ratelimit_reset_req_minute="25",
    x_ratelimit_limit_tokens_5_minute="12000000",
    x_ratelimit_remaining_tokens_5_minute="11999911",
)
OPENROUTER = headers(x_ratelimit_limit="20", x_ratelimit_remaining="0", x_ratelimit_reset="1790942430000")
TOGETHER = headers(
    x_ratelimit_limit="10",
    x_ratelimit_remaining="9",
    x_ratelimit_reset="1",
    x_tokenlimit_limit="1000",
    x_tokenlimit_remaining="0",
    x_tokenlimit_reset="30",
)
SAMBANOVA = headers(
    x_ratelimit_limit_requests_day="1500", x_ratelimit_remaining_requests_day="0", x_ratelimit_reset_requests_day="4h17m"
)
DRAFT = headers(
    ratelimit='"api";r=0;t=55, "pages";r=90;t=1', ratelimit_policy='"fixed window";"api";q=500;w=300, "pages";q=100;w=300'
)
OLD_DRAFT = headers(ratelimit_limit="100, 100;w=60", ratelimit_remaining="0", ratelimit_reset="12")
HYPHENATED = headers(x_rate_limit_limit="60", x_rate_limit_remaining="0", x_rate_limit_reset="Fri, 02 Oct 2026 12:00:09 GMT")


@pytest.mark.parametrize(
    ("said", "seconds", "left"),
    [
        pytest.param(OPENAI, 360.0, 0.0, id="openai"),
        pytest.param(GROQ, 172.8, 0.0, id="groq"),
        pytest.param(ANTHROPIC, 45.0, 0.0, id="anthropic"),
        pytest.param(SUBSCRIPTION, 1800.0, 0.0, id="anthropic-subscription"),
        pytest.param(AZURE, 64.0, 0.0, id="azure"),
        pytest.param(CEREBRAS, 33011.382867, 0.0, id="cerebras"),
        pytest.param(MISTRAL, 25.0, 0.0, id="mistral"),
        pytest.param(OPENROUTER, 30.0, 0.0, id="openrouter"),
        pytest.param(TOGETHER, 30.0, 0.0, id="together"),
        pytest.param(SAMBANOVA, 15420.0, 0.0, id="sambanova"),
        pytest.param(DRAFT, 55.0, 0.0, id="ietf"),
        pytest.param(OLD_DRAFT, 12.0, 0.0, id="ietf-old"),
        pytest.param(HYPHENATED, 9.0, 0.0, id="hyphenated"),
    ],
)
def test_the_limit_that_is_used_up_tells_when_it_is_not(said: list[tuple[bytes, bytes]], seconds: float, left: float) -> None:
    assert read_retry_after(said, NOON) == pytest.approx(seconds)
    assert read_quota(said) == left


def test_the_last_of_several_to_end_is_waited_for_and_no_longer_than_a_day() -> None:
    said = headers(
        a_ratelimit_x_remaining="0",
        a_ratelimit_x_reset="5",
        a_ratelimit_y_remaining="0",
        a_ratelimit_y_reset="7",
        a_ratelimit_z_reset="9",
    )
    assert read_retry_after(said, NOON) == 7.0
    assert read_retry_after(headers(x_ratelimit_remaining_tokens_month="0", x_ratelimit_reset_tokens_month="20d"), NOON) == DAY


def test_a_limit_that_is_not_used_up_asks_for_no_wait() -> None:
    assert read_retry_after(headers(x_ratelimit_remaining_requests="1", x_ratelimit_reset_requests="59s"), NOON) is None
    assert read_retry_after(headers(x_ratelimit_reset_requests="59s"), NOON) is None


@pytest.mark.parametrize(
    "reset", ["", "soon", "-5", "5 minutes", "2026-10-02T11:59:00Z", "1790942399", "2026-13-45T00:00:00Z", "6m0", "1h2"]
)
def test_a_reset_that_says_nothing_or_has_passed_is_no_wait(reset: str) -> None:
    assert read_retry_after(headers(x_ratelimit_remaining="0", x_ratelimit_reset=reset), NOON) is None


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        ("20ms", 0.02),
        ("250us", 0.00025),
        ("250µs", 0.00025),
        ("100ns", 1e-7),
        ("1h2m3s", 3723.0),
        ("0.5s", 0.5),
        ("2026-10-02T12:00:10+00:00", 10.0),
        ("2026-10-02T14:00:10.5+02:00", 10.5),
        ("2026-10-02T12:00:10", 10.0),
        ("1790942410", 10.0),
        ("1790942410500", 10.5),
    ],
)
def test_resets_come_in_many_forms(reset: str, seconds: float) -> None:
    assert read_retry_after(headers(x_ratelimit_remaining="0", x_ratelimit_reset=reset), NOON) == pytest.approx(seconds)


# --- what is left


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (headers(x_ratelimit_limit_requests="100", x_ratelimit_remaining_requests="25"), 0.25),
        (
            headers(
                x_ratelimit_limit_requests="100",
                x_ratelimit_remaining_requests="25",
                x_ratelimit_limit_tokens="10",
                x_ratelimit_remaining_tokens="1",
            ),
            0.1,
        ),
        (headers(anthropic_ratelimit_unified_5h_utilization="0.25", anthropic_ratelimit_unified_7d_utilization="0.1"), 0.75),
        (headers(ratelimit='"default";r=50;t=30', ratelimit_policy='"default";q=200;w=60'), 0.25),
        (headers(x_ratelimit_limit="10", x_ratelimit_remaining="12"), 1.0),
        (headers(x_ratelimit_utilization="-0.5"), 1.0),
        (headers(x_ratelimit_limit="0", x_ratelimit_remaining="0"), None),
        (headers(x_ratelimit_limit="-1", x_ratelimit_remaining="5"), None),
        (headers(x_ratelimit_remaining="5"), None),
        (headers(x_ratelimit_limit="lots", x_ratelimit_remaining="5"), None),
        (headers(anthropic_ratelimit_unified_5h_utilization="?"), None),
        (headers(limit="10", remaining="5", content_limit_remaining="3", x_ratelimit_status="ok"), None),
    ],
)
def test_the_tightest_limit_is_what_is_left(said: list[tuple[bytes, bytes]], left: float | None) -> None:
    assert read_quota(said) == (left if left is None else pytest.approx(left))


# --- anything at all

NAMES = st.sampled_from(
    [
        b"retry-after",
        b"retry-after-ms",
        b"ratelimit",
        b"ratelimit-policy",
        b"x-ratelimit-reset",
        b"x-ratelimit-remaining",
        b"x-ratelimit-limit",
        b"a-ratelimit-utilization",
    ]
)
PIECES = [
    "0",
    "1",
    "9999999999",
    "-",
    ".",
    "e",
    "ms",
    "m",
    "s",
    "h",
    ";",
    ",",
    "=",
    "r",
    "q",
    "t",
    '"',
    " ",
    "Fri",
    "Oct",
    "2026",
    ":",
    "GMT",
    "T",
    "Z",
    "+",
    "µ",
    "٣",
    "²",
]
VALUES = st.binary(max_size=40) | st.lists(st.sampled_from(PIECES), max_size=12).map(lambda pieces: "".join(pieces).encode())


@given(st.lists(st.tuples(NAMES | st.binary(max_size=30), VALUES), max_size=8))
def test_no_header_raises_or_asks_for_more_than_a_day(said: list[tuple[bytes, bytes]]) -> None:
    wait = read_retry_after(said, NOON)
    assert wait is None or 0 <= wait <= DAY
    left = read_quota(said)
    assert left is None or 0 <= left <= 1
