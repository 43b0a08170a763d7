"""policy/retry: what is tried again, and when."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.core.failure import KIND_OF_STATUS, Failure, FailureKind, kind_of_status
from lockgate.dialects.error import failure_of, read_error
from lockgate.policy.retry import DEFAULT_STATUSES, LASTING, MOST_ATTEMPTS, NETWORK, Retry, again, matches

KINDS: tuple[FailureKind, ...] = get_args(FailureKind)
ONCE = Retry(attempts=1)
AMPLE = 3600.0


def said(status: int, kind: FailureKind | None = None, **rest: Any) -> Failure:
    """A failure with the status and the words of a provider."""
    return Failure(kind or kind_of_status(status), status, "said", body=b'{"error":{}}', **rest)


#: Our own timeout, as the upstream client tells it.
LATE = Failure("timeout", 504, "The upstream sent no answer within 120 s.")
UNREACHABLE = Failure("connect", 502, "No connection.")
CUT = Failure("cut", 502, "The upstream closed the connection without an answer.")


def waits(retry: Retry, failure: Failure, *, number: int = 0, left_s: float = AMPLE, chance: float = 0.5) -> float | None:
    return again(retry, number, failure, left_s=left_s, chance=chance)


# --- what is retried


@pytest.mark.parametrize("status", sorted(DEFAULT_STATUSES))
def test_a_status_of_portkeys_default_list_is_retried(status: int) -> None:
    assert waits(ONCE, said(status)) is not None


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 408, 409, 413, 422, 425, 501, 520])
def test_a_status_outside_the_default_list_is_not(status: int) -> None:
    assert waits(ONCE, said(status)) is None


def test_a_list_replaces_the_default_list() -> None:
    retry = Retry(attempts=1, statuses=frozenset({503}))
    assert waits(retry, said(503)) is not None
    assert waits(retry, said(500)) is None
    assert waits(retry, said(429)) is None


@pytest.mark.parametrize("failure", [UNREACHABLE, CUT])
def test_a_network_failure_is_retried_whatever_is_listed(failure: Failure) -> None:
    assert waits(Retry(attempts=1, statuses=frozenset()), failure) is not None


def test_a_timeout_of_ours_is_retried_only_where_it_is_listed() -> None:
    assert waits(ONCE, LATE) is None
    assert waits(Retry(attempts=1, statuses=frozenset({504})), LATE) is None
    assert waits(Retry(attempts=1, statuses=frozenset({408})), LATE) is not None
    assert waits(Retry(attempts=1, kinds=frozenset({"timeout"})), LATE) is not None


def test_a_timeout_of_the_providers_is_a_status_like_any_other() -> None:
    assert waits(ONCE, said(504)) is not None
    assert waits(Retry(attempts=1, statuses=frozenset({408})), said(408)) is not None
    assert waits(Retry(attempts=1, statuses=frozenset({408})), said(504)) is None


@pytest.mark.parametrize("kind", sorted(LASTING))
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
def test_what_another_try_meets_again_is_not_retried_even_where_its_status_is_listed(kind: FailureKind, status: int) -> None:
    listed = frozenset({400, 401, 403, 404, 429, 500})
    assert waits(Retry(attempts=1, statuses=listed), said(status, kind)) is None
    assert waits(Retry(attempts=1, statuses=listed, kinds=frozenset({kind})), said(status, kind)) is not None


def test_an_empty_wallet_behind_a_429_is_not_retried() -> None:
    body = b'{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}'
    failure = read_error(429, body)
    assert failure.kind == "billing"
    assert waits(ONCE, failure) is None


@pytest.mark.parametrize("status", [409, 425])
def test_not_now_is_retried_where_it_is_listed(status: int) -> None:
    assert waits(Retry(attempts=1, statuses=frozenset({status})), said(status)) is not None
    assert waits(Retry(attempts=1, statuses=frozenset({503})), said(status)) is None


def test_an_answer_that_cannot_be_read_is_retried_as_the_502_that_it_is() -> None:
    garbled = Failure("malformed", 502, "unreadable", body=b"<html>")
    assert waits(ONCE, garbled) is not None
    assert waits(Retry(attempts=1, statuses=frozenset({500})), garbled) is not None
    assert waits(Retry(attempts=1, statuses=frozenset({503})), garbled) is None


@given(number=st.integers(0, 20), attempts=st.integers(0, MOST_ATTEMPTS))
def test_no_more_retries_than_allowed(number: int, attempts: int) -> None:
    assert (waits(Retry(attempts=attempts), said(503), number=number) is None) == (number >= attempts)


# --- how long


@given(number=st.integers(0, MOST_ATTEMPTS - 1), chance=st.floats(0, 1, exclude_max=True))
def test_backoff_is_anywhere_between_nothing_and_twice_as_long_each_time(number: int, chance: float) -> None:
    retry = Retry(attempts=MOST_ATTEMPTS, base_s=0.5, cap_s=8.0)
    assert waits(retry, said(503), number=number, chance=chance) == chance * min(0.5 * 2**number, 8.0)


def test_retry_after_wins_over_backoff() -> None:
    assert waits(ONCE, said(429, retry_after=20.0), chance=0.0) == 20.0
    assert waits(ONCE, said(503, retry_after=20.0), chance=0.0) == 20.0
    assert waits(Retry(attempts=1, use_retry_after=False), said(429, retry_after=20.0), chance=0.5) == 0.5


@pytest.mark.parametrize(("after", "most"), [(0.2, 0.3), (10.0, 11.0), (40.0, 42.0)])
def test_those_who_were_told_the_same_do_not_come_back_as_one(after: float, most: float) -> None:
    failure = said(429, retry_after=after)
    assert waits(ONCE, failure, chance=0.0) == after
    assert waits(ONCE, failure, chance=0.999999) == pytest.approx(most, abs=1e-4)


def test_retry_after_at_once_is_no_reason_to_hurry() -> None:
    assert waits(ONCE, said(429, retry_after=0.0), chance=0.5) == 0.5


def test_a_longer_wait_than_the_cap_is_one_for_elsewhere() -> None:
    retry = Retry(attempts=1, cap_s=30.0)
    assert waits(retry, said(429, retry_after=30.0), chance=0.9) == 30.0
    assert waits(retry, said(429, retry_after=30.1), chance=0.0) is None


def test_a_wait_that_ends_after_the_deadline_is_one_for_elsewhere() -> None:
    assert waits(ONCE, said(429, retry_after=5.0), chance=0.0, left_s=5.0) is None
    assert waits(ONCE, said(429, retry_after=5.0), chance=0.0, left_s=5.1) == 5.0
    assert waits(ONCE, said(503), chance=0.5, left_s=0.4) is None
    assert waits(ONCE, said(503), chance=0.0, left_s=0.0) is None


@given(
    retry=st.builds(
        Retry,
        attempts=st.integers(0, MOST_ATTEMPTS),
        statuses=st.frozensets(st.integers(400, 599)),
        kinds=st.frozensets(st.sampled_from(KINDS)),
        base_s=st.floats(0.001, 60),
        cap_s=st.floats(60, 600),
        use_retry_after=st.booleans(),
    ),
    number=st.integers(0, 12),
    failure=st.builds(
        Failure,
        kind=st.sampled_from(KINDS),
        status=st.integers(400, 599),
        message=st.just(""),
        retry_after=st.none() | st.floats(0, 1e9),
        body=st.sampled_from([b"", b"{}"]),
    ),
    left_s=st.floats(-10, 1000),
    chance=st.floats(0, 1, exclude_max=True),
)
def test_a_wait_is_within_the_cap_and_the_deadline(
    retry: Retry, number: int, failure: Failure, left_s: float, chance: float
) -> None:
    wait = again(retry, number, failure, left_s=left_s, chance=chance)
    if wait is not None:
        assert 0 <= wait <= retry.cap_s
        assert wait < left_s
        assert number < retry.attempts
        assert failure.kind in NETWORK | retry.kinds or matches(failure, retry.statuses, frozenset())


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempts": -1},
        {"attempts": MOST_ATTEMPTS + 1},
        {"base_s": 0.0},
        {"base_s": 2.0, "cap_s": 1.0},
        {"cap_s": float("inf")},
        {"base_s": float("nan")},
    ],
)
def test_numbers_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"attempts|wait"):
        Retry(**wrong)


# --- what a list means


@pytest.mark.parametrize(
    ("failure", "statuses"),
    [
        (UNREACHABLE, {500, 502, 503}),
        (CUT, {500, 502, 503}),
        (LATE, {408, 504}),
        (Failure("malformed", 502, "unreadable", body=b"<html>"), {500, 502}),
        (Failure("overloaded", 503, "Too many wait for a connection already."), {503, 529}),
        (failure_of({"error": {"type": "overloaded_error", "message": "Overloaded"}}), {503, 529}),
        (failure_of({"error": {"type": "api_error", "message": "Internal server error"}}), {500, 502}),
        (Failure("rate_limit", 429, "in a stream"), {429}),
        (said(504), {504}),
        (said(529), {529}),
        (said(500), {500}),
        (said(404), {404}),
    ],
)
def test_a_failure_answers_to_the_statuses_that_it_stands_for(failure: Failure, statuses: set[int]) -> None:
    every = {*KIND_OF_STATUS, *range(500, 530)}
    assert {status for status in every if matches(failure, {status}, frozenset())} == statuses


@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_answers_to_its_kind(kind: FailureKind) -> None:
    failure = said(599, kind)
    assert matches(failure, frozenset(), {kind})
    assert not matches(failure, frozenset(), set(KINDS) - {kind})
