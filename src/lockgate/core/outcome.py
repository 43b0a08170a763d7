"""`Outcome`: what one attempt produced, as far as it has come; filled while an answer passes and read when it settles."""

from __future__ import annotations

import msgspec

from lockgate.core.events import Broken, Event, Finished, Started, Used
from lockgate.core.failure import Failure
from lockgate.core.reply import Finish, Reply, Usage


class Outcome(msgspec.Struct):
    """What is known of an answer. `begun`: a first real event came; `complete`: the answer ended as its dialect ends one.

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
            self.begun = True
            if kind is Used:
                self.usage = event.usage  # type: ignore[union-attr]
            elif kind is Finished:
                self.finish = event.finish  # type: ignore[union-attr]
            elif kind is Started:
                self.id = event.id or self.id  # type: ignore[union-attr]
                self.model = event.model or self.model  # type: ignore[union-attr]

    @classmethod
    def of(cls, reply: Reply) -> Outcome:
        """The outcome of a whole answer."""
        finish = reply.choices[0].finish if reply.choices else None
        return cls(reply.id, reply.model, reply.usage, finish, None, begun=True, complete=True)
