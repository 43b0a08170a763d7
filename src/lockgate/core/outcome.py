"""`Outcome`: what one attempt produced, as far as it has come; filled while an answer passes and read when it settles."""

from __future__ import annotations

import msgspec

from lockgate.core.events import Broken, Event, Finished, Started, Used
from lockgate.core.failure import Failure
from lockgate.core.reply import Finish, Reply, Usage


class Outcome(msgspec.Struct):
    """What is known of an answer. `complete`: it ended as its dialect ends one. `begun`: a first real event came, one that
    says more than that an answer begins; before it, a failure is as good as an HTTP error and another target can be tried.

    `failure` is what broke it, which may be the provider's own error event inside a 200.
    """

    id: str = ""
    model: str = ""
    usage: Usage | None = None
    finish: Finish | None = None
    failure: Failure | None = None
    begun: bool = False
    complete: bool = False

    def note(self, events: list[Event]) -> None:
        """Learn from canonical events of a translated stream (`complete` is the reader's to say)."""
        for event in events:
            kind = type(event)
            if kind is Broken:
                self.failure = event.failure  # type: ignore[union-attr]
                continue
            if kind is Used:
                self.usage = event.usage  # type: ignore[union-attr]
            elif kind is Started:
                self.id = event.id or self.id  # type: ignore[union-attr]
                self.model = event.model or self.model  # type: ignore[union-attr]
            else:
                self.begun = True
                if kind is Finished:
                    self.finish = event.finish  # type: ignore[union-attr]

    @classmethod
    def of(cls, reply: Reply) -> Outcome:
        """The outcome of a whole answer."""
        finish = reply.choices[0].finish if reply.choices else None
        return cls(reply.id, reply.model, reply.usage, finish, None, begun=True, complete=True)
