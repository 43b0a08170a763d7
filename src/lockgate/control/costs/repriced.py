"""What pricing history again has found, or changed: by provider and model, and in all."""

from __future__ import annotations

import msgspec


class Line(msgspec.Struct):
    """What repricing comes to for a model at a provider. Amounts are nano-USD, counts are requests.

    `before_nusd` and `after_nusd` are sums of what is known; `changed` have another cost now, `newly_priced` had none;
    `unpriced` still have none, though they used something; `estimated` are those whose usage, or a part of it, is. `kept` could
    not be computed and stay as they are.
    """

    provider: str
    model: str
    requests: int = 0
    before_nusd: int = 0
    after_nusd: int = 0
    changed: int = 0
    newly_priced: int = 0
    unpriced: int = 0
    estimated: int = 0
    kept: int = 0

    @property
    def difference_nusd(self) -> int:
        """How much more it is."""
        return self.after_nusd - self.before_nusd

    def add(self, other: Line) -> None:
        """Add another line's numbers."""
        for name in _NUMBERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))


_NUMBERS = Line.__struct_fields__[2:]


class Repriced(msgspec.Struct):
    """A run: its lines, those first that change the most; of how many requests something was written; why some were kept.
    `resumed`: it went on where another one was killed, and tells what both found."""

    lines: list[Line] = []
    written: int = 0
    kept: dict[str, int] = {}
    resumed: bool = False

    @property
    def total(self) -> Line:
        """All lines together."""
        total = Line("", "")
        for line in self.lines:
            total.add(line)
        return total
