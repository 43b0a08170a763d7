"""policy/breaker: when a target is left alone, and how it comes back."""

from __future__ import annotations

import random
from array import array
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lockgate.core.failure import Failure
from lockgate.dialects.error import read_error
from lockgate.policy.breaker import COLUMN_WORDS, GATE_WORDS, Breaker, BreakerPolicy, LocalCell, Words, set_gate, touched

BAD = Failure("server", 500, "It broke.", body=b"{}")
LIMITED = Failure("rate_limit", 429, "Slow down.", body=b"{}")
WRONG = Failure("bad_request", 400, "What?", body=b"{}")


class SharedCell:
    """One worker's view of a circuit that several share."""

    def __init__(self, gate: Words, columns: list[array[float]], mine: int) -> None:
        self._gate, self._columns, self._mine = gate, columns, mine
        self.ours = True  # a probe is left to us
        self.wanted: list[float] = []

    def gate(self) -> Words:
        return self._gate

    def mine(self) -> Words:
        return self._columns[self._mine]

    def columns(self) -> Sequence[Words]:
        return self._columns

    def admits(self, since: float, now: float) -> bool:
        self.wanted.append(now)
        return self.ours

    def swap(self, until: float, since: float, to_until: float, to_since: float) -> bool:
        if (self._gate[0], self._gate[1]) != (until, since):
            return False
        set_gate(self._gate, to_until, to_since)
        return True


def workers(count: int, policy: BreakerPolicy) -> list[Breaker]:
    """A circuit as each of several workers sees it, without jitter."""
    gate = array("d", [0.0] * GATE_WORDS)
    columns = [array("d", [0.0] * COLUMN_WORDS) for _ in range(count)]
    return [Breaker(policy, SharedCell(gate, columns, mine), lambda: 0.0) for mine in range(count)]


def alone(policy: BreakerPolicy | None = None, chance: float = 0.0) -> Breaker:
    return Breaker(policy or BreakerPolicy(), LocalCell(), lambda: chance)


def opened(at: float = 100.0, policy: BreakerPolicy | None = None) -> Breaker:
    """A circuit that has opened at that moment."""
    breaker = alone(policy)
    for _ in range(5):
        breaker.report(at, BAD)
    assert breaker.state(at) == "open"
    return breaker


# --- opening


def test_what_dies_in_the_middle_of_much_traffic_is_left_alone_within_five_failures() -> None:
    breaker = alone()
    for tick in range(1000):
        breaker.report(tick / 20, None)
    for _ in range(4):
        breaker.report(51.0, BAD)
        assert breaker.allows(51.0)
    breaker.report(51.0, BAD)
    assert not breaker.allows(51.0)
    assert breaker.state(51.0) == "open"


def test_a_success_between_them_ends_a_row() -> None:
    breaker = alone(BreakerPolicy(in_a_row=3))
    for at, failure in enumerate([BAD, BAD, None, BAD, BAD, WRONG, BAD, BAD]):
        breaker.report(float(at), failure)
    assert breaker.state(8.0) == "closed"
    breaker.report(8.0, BAD)
    assert breaker.state(8.0) == "open"


def test_a_row_does_not_last_over_a_quiet_window() -> None:
    breaker = alone(BreakerPolicy(in_a_row=2, window_s=10))
    breaker.report(0.0, BAD)
    breaker.report(10.5, BAD)
    assert breaker.state(10.5) == "closed"
    breaker.report(20.5, BAD)
    assert breaker.state(20.5) == "open"


def test_half_of_at_least_five_requests_opens() -> None:
    breaker = alone()
    for at, failure in enumerate([BAD, None, BAD, BAD]):
        breaker.report(float(at), failure)
    assert breaker.state(4.0) == "closed"
    breaker.report(5.0, BAD)
    assert breaker.state(5.0) == "open"


def test_less_than_half_does_not() -> None:
    breaker = alone()
    for at in range(300):
        breaker.report(at / 10, BAD if at % 5 in (1, 3) else None)
    assert breaker.state(30.0) == "closed"


def test_a_count_opens_whatever_the_share() -> None:
    breaker = alone(BreakerPolicy(failures=3))
    for at in range(100):
        breaker.report(at / 10, BAD if at in (10, 50) else None)
    assert breaker.state(10.0) == "closed"
    breaker.report(10.0, BAD)
    assert breaker.state(10.0) == "open"


def test_a_count_alone_knows_no_share_and_no_row() -> None:
    breaker = alone(BreakerPolicy(failures=7))
    for _ in range(6):
        breaker.report(1.0, BAD)
    assert breaker.state(1.0) == "closed"


def test_a_count_and_a_share_open_whichever_comes_first() -> None:
    breaker = alone(BreakerPolicy(failures=100, percentage=10, minimum=20))
    for at in range(19):
        breaker.report(float(at), BAD if at == 3 else None)
    breaker.report(19.0, BAD)
    assert breaker.state(19.0) == "open"


def test_the_window_slides() -> None:
    breaker = alone(BreakerPolicy(failures=3, window_s=10))
    for at in (0.0, 5.0, 10.5, 15.5, 21.0):
        breaker.report(at, BAD)
        assert breaker.state(at) == "closed"
    breaker.report(22.0, BAD)
    breaker.report(22.5, BAD)
    assert breaker.state(22.5) == "open"


@pytest.mark.parametrize("kind", ["server", "overloaded", "connect", "timeout", "cut", "malformed"])
def test_the_targets_faults_count(kind: Any) -> None:
    breaker = alone(BreakerPolicy(in_a_row=1))
    breaker.report(1.0, Failure(kind, 502, "x"))
    assert breaker.state(1.0) == "open"


@pytest.mark.parametrize(
    "kind", ["rate_limit", "auth", "billing", "content_policy", "context_window", "not_found", "bad_request"]
)
def test_what_is_not_the_targets_fault_does_not_count(kind: Any) -> None:
    breaker = alone(BreakerPolicy(in_a_row=1))
    breaker.report(1.0, Failure(kind, 502, "x"))
    assert breaker.state(1.0) == "closed"


def test_a_list_of_statuses_says_what_counts() -> None:
    policy = BreakerPolicy(statuses=frozenset({408, 429}))
    assert policy.counts(LIMITED)
    assert policy.counts(Failure("timeout", 504, "The upstream sent no answer within 60 s."))
    assert not policy.counts(BAD)
    assert not policy.counts(read_error(504, b"<html>gateway time-out</html>"))


# --- open, half-open, closed again


def test_an_open_circuit_lets_nobody_pass_until_its_cooldown_is_over() -> None:
    breaker = opened(100.0)
    for now in (100.0, 115.0, 129.999):
        assert not breaker.allows(now)
        assert not breaker.begin(now)
        assert breaker.until(now) == 130.0
    assert breaker.allows(130.0)
    assert breaker.state(130.0) == "half-open"
    assert breaker.until(131.0) == 131.0


def test_one_request_passes_a_half_open_circuit() -> None:
    breaker = opened(100.0)
    assert breaker.begin(130.0)
    assert breaker.state(130.0) == "half-open"
    assert not breaker.allows(130.0)
    assert not breaker.begin(130.0)
    assert breaker.until(131.0) == 160.0


def test_a_good_probe_closes_the_circuit_and_forgets_what_was() -> None:
    breaker = opened(100.0)
    breaker.begin(130.0)
    breaker.report(131.0, None)
    assert breaker.state(131.0) == "closed"
    assert breaker.begin(131.0)
    for _ in range(4):
        breaker.report(131.0, BAD)
    assert breaker.state(131.0) == "closed"
    breaker.report(131.0, BAD)
    assert breaker.state(131.0) == "open"


@pytest.mark.parametrize("failure", [LIMITED, WRONG])
def test_a_probe_that_fails_by_its_own_fault_shows_that_the_target_is_well(failure: Failure) -> None:
    breaker = opened(100.0)
    breaker.begin(130.0)
    breaker.report(131.0, failure)
    assert breaker.state(131.0) == "closed"


def test_a_bad_probe_opens_the_circuit_again() -> None:
    breaker = opened(100.0)
    breaker.begin(130.0)
    breaker.report(140.0, BAD)
    assert breaker.state(140.0) == "open"
    assert breaker.until(140.0) == 170.0


def test_a_probe_that_never_reports_back_is_given_up() -> None:
    breaker = opened(100.0)
    assert breaker.begin(130.0)
    assert not breaker.begin(159.9)
    assert breaker.begin(160.0)
    assert not breaker.begin(160.0)


def test_there_is_one_probe_in_a_cooldown_however_many_ask() -> None:
    breaker = opened(100.0)
    probes = [now for now in (100 + tick / 10 for tick in range(3000)) if breaker.begin(now)]
    assert probes == [130.0, 160.0, 190.0, 220.0, 250.0, 280.0, 310.0, 340.0, 370.0]


def test_what_began_before_tells_nothing_about_now() -> None:
    breaker = opened(100.0)
    breaker.report(101.0, None, began=99.0)
    assert breaker.state(101.0) == "open"
    breaker.begin(130.0)
    breaker.report(131.0, None, began=99.0)
    breaker.report(131.0, BAD, began=129.9)
    assert repr(breaker) == "Breaker(probe until 160)"
    breaker.report(132.0, None, began=130.0)
    for _ in range(9):
        breaker.report(133.0, BAD, began=131.9)
    assert breaker.state(133.0) == "closed"


def test_what_passed_an_open_circuit_closes_it_when_it_went_well() -> None:
    breaker = opened(100.0)
    breaker.report(105.0, BAD, began=101.0)
    assert breaker.until(105.0) == 130.0
    breaker.report(105.0, None)
    assert breaker.state(105.0) == "open"
    breaker.report(105.0, None, began=101.0)
    assert breaker.state(105.0) == "closed"


def test_a_cooldown_is_up_to_a_fifth_longer() -> None:
    draw = random.Random(1)
    ends: list[float] = []
    for _ in range(200):
        breaker = Breaker(BreakerPolicy(in_a_row=1), LocalCell(), draw.random)
        breaker.report(100.0, BAD)
        ends.append(breaker.until(100.0))
    assert 130.0 <= min(ends) < 130.5
    assert 135.5 < max(ends) < 136.0


def test_a_cooldown_lasts_at_least_a_second() -> None:
    breaker = opened(100.0, BreakerPolicy(cooldown_s=0.01))
    assert not breaker.allows(100.9)
    assert breaker.allows(101.0)


@pytest.mark.parametrize("until", [float("nan"), float("inf"), -float("inf"), 1e18, -1e18, 1e-300])
def test_a_gate_that_is_damaged_shuts_nobody_out(until: float) -> None:
    cell = LocalCell()
    set_gate(cell.gate(), until, 0.0)
    breaker = Breaker(BreakerPolicy(), cell, lambda: 0.0)
    assert breaker.allows(100.0)
    assert breaker.state(100.0) == "half-open"
    assert breaker.until(100.0) == 100.0


def test_it_says_where_it_stands() -> None:
    assert repr(alone()) == "Breaker(closed)"
    assert repr(opened(100.0)) == "Breaker(open until 130)"


# --- shared by workers


def test_workers_share_what_they_have_seen() -> None:
    one, two, three = workers(3, BreakerPolicy())
    one.report(1.0, BAD)
    two.report(2.0, BAD)
    one.report(3.0, BAD)
    three.report(4.0, BAD)
    assert one.state(4.0) == "closed"
    two.report(5.0, BAD)
    assert [each.state(5.0) for each in (one, two, three)] == ["open"] * 3


def test_a_row_that_another_worker_has_seen_long_ago_does_not_count() -> None:
    one, two = workers(2, BreakerPolicy(in_a_row=3, window_s=10))
    one.report(1.0, BAD)
    one.report(2.0, BAD)
    two.report(12.5, BAD)
    assert two.state(12.5) == "closed"
    two.report(13.0, BAD)
    assert two.state(13.0) == "closed"
    two.report(13.5, BAD)
    assert two.state(13.5) == "open"


def test_a_success_of_one_worker_ends_the_rows_of_all() -> None:
    one, two = workers(2, BreakerPolicy(in_a_row=3))
    one.report(1.0, BAD)
    one.report(2.0, BAD)
    two.report(3.0, None)
    one.report(4.0, BAD)
    two.report(5.0, BAD)
    assert one.state(5.0) == "closed"
    one.report(6.0, BAD)
    assert one.state(6.0) == "open"


def test_a_bucket_counts_until_a_window_after_it_began() -> None:
    one, two = workers(2, BreakerPolicy(failures=2, window_s=10))
    one.report(1.0, BAD)
    two.report(11.0, BAD)
    assert two.state(11.0) == "closed"
    one.report(20.75, BAD)
    assert one.state(20.75) == "open"


def test_it_is_known_when_a_circuit_was_last_used() -> None:
    cell = LocalCell()
    breaker = Breaker(BreakerPolicy(), cell, lambda: 0.0)
    assert touched(cell.gate(), cell.mine()) == 0.0
    for at, failure in enumerate([None, BAD, WRONG, BAD], start=1):
        breaker.report(float(at), failure)
        assert touched(cell.gate(), cell.mine()) == at
    cell.swap(0.0, 0.0, 40.0, 10.0)
    assert touched(cell.gate(), cell.mine()) == 10.0


def test_a_probe_that_is_left_to_others_is_wanted_and_does_not_begin():
    cell = SharedCell(array("d", [0.0] * GATE_WORDS), [array("d", [0.0] * COLUMN_WORDS)], 0)
    breaker = Breaker(BreakerPolicy(failures=1), cell, lambda: 0.0)
    assert breaker.allows(0.0)
    assert breaker.begin(0.0)
    breaker.report(0.0, BAD)
    assert not breaker.allows(1.0)
    assert not breaker.begin(1.0)
    assert cell.wanted == []  # nobody needs to be asked
    cell.ours = False
    assert not breaker.allows(30.0)
    assert not breaker.begin(31.0)
    assert cell.wanted == [30.0, 31.0]
    assert breaker.state(31.0) == "half-open"
    cell.ours = True
    assert breaker.allows(32.0)
    assert breaker.begin(32.0)


def test_one_of_all_workers_probes() -> None:
    every = workers(4, BreakerPolicy(in_a_row=1))
    every[0].report(0.0, BAD)
    assert [each.begin(30.0) for each in every] == [True, False, False, False]
    every[0].report(31.0, None, began=30.0)
    assert [each.begin(31.0) for each in every] == [True] * 4


def test_who_comes_second_does_not_change_the_gate() -> None:
    cell = LocalCell()
    assert cell.swap(0.0, 0.0, 30.0, 1.0)
    assert not cell.swap(0.0, 0.0, 99.0, 2.0)
    assert not cell.swap(30.0, 0.0, 99.0, 2.0)
    assert list(cell.gate().tolist()) == [30.0, 1.0]


# --- the policy


@pytest.mark.parametrize(
    "wrong",
    [
        {"failures": 0},
        {"percentage": 0},
        {"percentage": 100.5},
        {"percentage": float("nan")},
        {"in_a_row": 0},
        {"minimum": 0},
        {"cooldown_s": 0},
        {"cooldown_s": 90_000},
        {"cooldown_s": float("nan")},
        {"window_s": 0.5},
        {"window_s": float("inf")},
    ],
)
def test_numbers_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        BreakerPolicy(**wrong)


def test_two_policies_have_one_identity_when_they_are_equal() -> None:
    policies = [
        BreakerPolicy(),
        BreakerPolicy(failures=5),
        BreakerPolicy(percentage=5),
        BreakerPolicy(in_a_row=5),
        BreakerPolicy(minimum=6),
        BreakerPolicy(cooldown_s=5),
        BreakerPolicy(window_s=5),
        BreakerPolicy(statuses=frozenset()),
        BreakerPolicy(statuses=frozenset({500, 429})),
    ]
    assert len({policy.identity for policy in policies}) == len(policies)
    assert BreakerPolicy(statuses=frozenset({429, 500})).identity == policies[-1].identity


# --- against a model: lists of what happened, looked through from the start each time

COOLDOWN, WINDOW = 4.0, 10.0  # numbers that floats hold exactly, as are all times below
WIDTH = WINDOW / 10


class Model:
    """The same circuit, written down as plainly as can be."""

    def __init__(self, policy: BreakerPolicy) -> None:
        self.policy = policy
        self.state, self.until, self.since = "closed", 0.0, 0.0
        self.events: list[tuple[float, int, bool]] = []  # of the present state: when, by which worker, failed

    def allows(self, now: float) -> bool:
        return self.state == "closed" or now >= self.until

    def begin(self, now: float) -> bool:
        if self.state != "closed":
            if now < self.until:
                return False
            self.become("probing", now + COOLDOWN, now)
        return True

    def become(self, state: str, until: float, now: float) -> None:
        self.state, self.until, self.since, self.events = state, until, now, []

    def report(self, worker: int, now: float, failed: bool, began: float) -> None:
        if began < self.since:
            return
        if self.state == "closed":
            self.events.append((now, worker, failed))
            if failed and self.is_enough(now):
                self.become("open", now + COOLDOWN, now)
        elif not failed:
            self.become("closed", 0.0, now)
        elif self.state == "probing":
            self.become("open", now + COOLDOWN, now)

    def is_enough(self, now: float) -> bool:
        policy = self.policy
        seen = [failed for at, _, failed in self.events if self.since + (at - self.since) // WIDTH * WIDTH > now - WINDOW]
        if policy.failures is not None and sum(seen) >= policy.failures:
            return True
        if policy.percentage is not None and len(seen) >= policy.minimum and sum(seen) / len(seen) >= policy.percentage / 100:
            return True
        return policy.in_a_row is not None and self.row(now) >= policy.in_a_row

    def row(self, now: float) -> int:
        last_success = max((index for index, event in enumerate(self.events) if not event[2]), default=-1)
        total = 0
        for worker in range(3):
            row = 0
            times = [at for at, by, _ in self.events[last_success + 1 :] if by == worker]
            for before, at in zip([None, *times], times, strict=False):
                row = row + 1 if before is not None and at - before <= WINDOW else 1
            if times and times[-1] >= now - WINDOW:
                total += row
        return total


class AgainstTheModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.workers: list[Breaker] = []
        self.under_way: list[tuple[int, float]] = []  # who, since when

    @precondition(lambda self: not self.workers)
    @rule(
        failures=st.none() | st.integers(1, 6),
        percentage=st.none() | st.sampled_from([10.0, 50.0, 100.0]),
        minimum=st.integers(1, 6),
        in_a_row=st.integers(1, 6),
    )
    def set_up(self, failures: int | None, percentage: float | None, minimum: int, in_a_row: int) -> None:
        policy = BreakerPolicy(failures, percentage, COOLDOWN, None, minimum, WINDOW, in_a_row)
        self.model = Model(policy)
        self.workers = workers(3, policy)

    @precondition(lambda self: self.workers)
    @rule(quarters=st.integers(1, 60))
    def time_passes(self, quarters: int) -> None:
        self.now += quarters / 4

    @precondition(lambda self: self.workers)
    @rule(worker=st.integers(0, 2))
    def a_request_begins(self, worker: int) -> None:
        self.now += 0.25
        passes = self.model.begin(self.now)
        assert self.workers[worker].begin(self.now) == passes
        if passes:
            self.under_way.append((worker, self.now))

    @precondition(lambda self: self.workers)
    @rule(worker=st.integers(0, 2))
    def a_request_passes_anyway(self, worker: int) -> None:
        self.now += 0.25
        self.under_way.append((worker, self.now))

    @precondition(lambda self: self.under_way)
    @rule(pick=st.integers(0, 1000), failure=st.sampled_from([None, BAD, BAD, WRONG]))
    def a_request_ends(self, pick: int, failure: Failure | None) -> None:
        self.now += 0.25
        worker, began = self.under_way.pop(pick % len(self.under_way))
        self.model.report(worker, self.now, failure is BAD, began)
        self.workers[worker].report(self.now, failure, began)

    @precondition(lambda self: self.workers)
    @rule(worker=st.integers(0, 2), failures=st.lists(st.sampled_from([None, BAD]), min_size=1, max_size=12))
    def a_worker_is_busy(self, worker: int, failures: list[Failure | None]) -> None:
        for failure in failures:
            self.now += 0.25
            passes = self.model.begin(self.now)
            assert self.workers[worker].begin(self.now) == passes
            if passes:
                self.model.report(worker, self.now, failure is BAD, self.now)
                self.workers[worker].report(self.now, failure, self.now)

    @precondition(lambda self: self.under_way)
    @rule(pick=st.integers(0, 1000))
    def a_request_is_lost(self, pick: int) -> None:
        self.under_way.pop(pick % len(self.under_way))

    @invariant()
    def every_worker_sees_what_the_model_says(self) -> None:
        for breaker in self.workers:
            assert breaker.allows(self.now) == self.model.allows(self.now)
            closed, waits = self.model.state == "closed", self.now < self.model.until
            assert breaker.state(self.now) == (
                "closed" if closed else "open" if self.model.state == "open" and waits else "half-open"
            )
            assert breaker.until(self.now) == max(self.now, self.model.until)


TestAgainstTheModel = AgainstTheModel.TestCase
TestAgainstTheModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
