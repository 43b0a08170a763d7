"""A scripted place where credentials come from: each fetch gets the next answer of the script."""

from __future__ import annotations

import asyncio

from lockgate.core.failure import Failure
from lockgate.providers.auth.port import Told


class Place:
    """`asked` holds what was asked; an answer is a `Told`, a `Failure`, or a body that is told with status 200."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    async def __call__(self, asked):
        self.asked.append(asked)
        answer = self.answers.pop(0)
        return answer if isinstance(answer, Told | Failure) else Told(200, answer)


def issue(source, *answers, now_s=1000.0):
    """What the source issues from a place with these answers, and the place."""
    place = Place(*answers)
    return asyncio.run(source.issue(place, now_s)), place
