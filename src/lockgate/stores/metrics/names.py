"""Names that may be labels: few enough, however many callers invent."""

from __future__ import annotations

#: What all others are called.
OTHER = "other"
#: A name that was not used for so long, in µs, makes room for a new one.
IDLE_US = 86_400_000_000
#: Characters of a name that are kept.
LONGEST = 128


class Names:
    """At most so many. A name that is not known comes in only by `learn`; until then, and when there is no room, it is "other".
    "" stays "": there was none."""

    def __init__(self, most: int, used: dict[str, int] | None = None) -> None:
        self._most = most
        self.used = {} if used is None else used  # when each was last used, µs since the epoch

    def __repr__(self) -> str:
        return f"Names({len(self.used)} of {self._most})"

    def label(self, name: str) -> str:
        """What a name is called."""
        return name[:LONGEST] if not name or name[:LONGEST] in self.used else OTHER

    def learn(self, name: str, time_us: int) -> str | None:
        """A name is used, and may be known from now on. The name that had to make room for it, whose numbers are to be
        forgotten; None: nobody."""
        name = name[:LONGEST]
        if not name:
            return None
        gone = None
        if name not in self.used and len(self.used) >= self._most:
            oldest = min(self.used, key=lambda each: self.used[each])
            if time_us - self.used[oldest] < IDLE_US:
                return None
            del self.used[oldest]
            gone = oldest
        self.used[name] = max(time_us, self.used.get(name, 0))
        return gone
