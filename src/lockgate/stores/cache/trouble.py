"""Trouble with a store of answers: it is told once a minute, and a server in trouble is left alone for a while."""

from __future__ import annotations

import time
from collections.abc import Callable

_TELL_S = 60.0
#: For how many seconds a server in trouble is left alone: the first time, and at most. Each time is twice the one before.
FIRST_S, MOST_S = 1.0, 30.0

Clock = Callable[[], float]


class Voice:
    """Tells what is wrong, once a minute at most. Threads may share it."""

    def __init__(self, report: Callable[[str], None], clock: Clock = time.monotonic) -> None:
        self._report = report
        self._clock = clock
        self._told_at = -_TELL_S

    def __repr__(self) -> str:
        return "Voice()"

    def say(self, sentence: str) -> None:
        """Tell it, unless something was told a moment ago."""
        now = self._clock()
        if now - self._told_at >= _TELL_S:
            self._told_at = now
            self._report(f"cache: {sentence}")


class Pause:
    """How long to leave alone what has failed, in seconds: longer each time, until it goes well."""

    def __init__(self, most_s: float = MOST_S) -> None:
        self._most_s = most_s
        self.s = 0.0

    def __repr__(self) -> str:
        return f"Pause({self.s} s)"

    def failed(self) -> float:
        """It failed (again)."""
        self.s = min(2 * self.s, self._most_s) or FIRST_S
        return self.s

    def went_well(self) -> None:
        """It did not."""
        self.s = 0.0


class Trouble:
    """Whether a server may be asked. After a failure it may not, for a while; then one request tries, and the others go on
    without it until that one knows."""

    def __init__(self, voice: Voice, clock: Clock = time.monotonic) -> None:
        self._voice = voice
        self._clock = clock
        self._pause = Pause()
        self._until = 0.0
        self._trying = False

    def __repr__(self) -> str:
        return f"Trouble({self._pause})"

    @property
    def lasts(self) -> bool:
        """Whether it failed, and did not go well since."""
        return self._pause.s > 0

    def may_ask(self) -> bool:
        """Whether to ask now."""
        if not self._pause.s:
            return True
        now = self._clock()
        if now < self._until:
            return False
        self._trying = True
        self._until = now + self._pause.s
        return True

    def happened(self, sentence: str) -> None:
        """It failed. Of several that were under way together only the first counts."""
        self._voice.say(sentence)
        if self._trying or not self._pause.s:
            self._trying = False
            self._until = self._clock() + self._pause.failed()

    def over(self) -> None:
        """It went well."""
        self._pause.went_well()
        self._trying = False
