"""What a request holds of limits and budgets while it is under way, and gives back at its end (`reserve.py` gets it)."""

from __future__ import annotations

from lockgate.pipeline.allowance import Allowance
from lockgate.policy.bound import Bound
from lockgate.policy.limits import Grant, Reading
from lockgate.policy.purse import Reservation
from lockgate.stores.ledger.ledger import Ledger
from lockgate.stores.limits.local import now_us
from lockgate.stores.limits.port import RateLimits


class Entry:
    """A request that is within the limits of whoever asks. `allowance` is what else it counts in."""

    __slots__ = ("_grant", "_limits", "allowance")

    def __init__(self, allowance: Allowance, limits: RateLimits | None, grant: Grant | None) -> None:
        self.allowance = allowance
        self._limits = limits
        self._grant = grant

    @property
    def left(self) -> list[Reading]:
        """What was left of the limits that it counted in."""
        return [] if self._grant is None else self._grant.left

    @property
    def running(self) -> bool:
        """Whether it has a place among those that run at once."""
        return self._grant is not None and bool(self._grant.held)

    def renew(self) -> None:
        """The request goes on."""
        if self._limits is not None and self._grant is not None:
            self._limits.renew(self._grant, now_us())

    def leave(self) -> None:
        """The request has ended."""
        if self._limits is not None and self._grant is not None and self._grant.held:
            self._limits.settle(self._grant, now_us())


class Hold:
    """What one attempt has reserved. `clamp` is the most output tokens that must be sent upstream; None: as it is."""

    __slots__ = ("_bound", "_grant", "_ledger", "_limits", "_reservation", "clamp")

    def __init__(
        self,
        limits: RateLimits | None,
        grant: Grant | None,
        ledger: Ledger | None,
        reservation: Reservation | None,
        bound: Bound | None,
    ) -> None:
        self._limits = limits
        self._grant = grant
        self._ledger = ledger
        self._reservation = reservation
        self._bound = bound
        self.clamp = None if bound is None else bound.clamp

    def __repr__(self) -> str:
        return f"Hold({self._reservation}, {self._grant})"

    @property
    def left(self) -> list[Reading]:
        """What was left of the limits that it counted in."""
        return [] if self._grant is None else self._grant.left

    @property
    def most(self) -> int | None:
        """The most nano-USD that the attempt can cost; None: not known."""
        return None if self._bound is None else self._bound.cost

    def dispatch(self) -> None:
        """The request goes out now: from here on it may be charged."""
        if self._reservation is not None:
            self._reservation.dispatch()

    def settle(self, nusd: int | None, tokens: int | None) -> None:
        """Charge the attempt. What nobody knows (None) is charged at its bound. Later calls do nothing."""
        if self._reservation is not None and self._ledger is not None:
            most_nusd, most_tokens, requests = self._reservation.amounts
            self._ledger.settle(
                self._reservation,
                (most_nusd if nusd is None else nusd, most_tokens if tokens is None else tokens, requests),
            )
        if self._grant is not None and self._grant.held and self._limits is not None:
            self._limits.settle(self._grant, now_us(), tokens)

    def release(self) -> None:
        """The attempt has ended, whatever became of it: what was never sent costs nothing, and what nobody has settled is
        charged in full."""
        if self._reservation is not None and self._ledger is not None:
            self._ledger.release(self._reservation)
        if self._grant is not None and self._grant.held and self._limits is not None:
            self._limits.settle(self._grant, now_us())
