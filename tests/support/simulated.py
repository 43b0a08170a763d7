"""Several processes in one, in a time that is made up: each has an event loop of its own, and a seed says who goes on when.

Nothing here waits, and nothing happens at the same time, so a seed tells one story, again and again: processes are killed, stand
still for a while, wake up late. A process' threads are part of its loop (`Hand`): a job is done at some moment after it was given.
"""

from __future__ import annotations

import asyncio
from asyncio import events
from collections import deque


class Clock:
    """Seconds since the story began."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Loop(asyncio.BaseEventLoop):
    """An event loop that has nothing to wait for but its timers."""

    def __init__(self, clock):
        super().__init__()
        self._story = clock
        self._selector = self
        self._clock_resolution = 1e-9
        self.set_exception_handler(self._broken)
        self.broken = []

    def select(self, timeout):
        return []

    def _process_events(self, event_list):
        pass

    def _write_to_self(self):
        pass

    def time(self):
        return self._story.now

    def due(self):
        """When it has something to do; None: never."""
        if self._ready:
            return self._story.now
        times = [timer._when for timer in self._scheduled if not timer._cancelled]
        return min(times, default=None)

    def step(self):
        """Do what is due."""
        events._set_running_loop(self)
        try:
            self._run_once()
        finally:
            events._set_running_loop(None)

    def _broken(self, loop, context):
        self.broken.append(context.get("exception") or context["message"])


class Process:
    """A loop, and what becomes of it."""

    def __init__(self, world, name):
        self.world, self.name = world, name
        self.loop = Loop(world.clock)
        self.loop.process = self
        self.dead = False
        self.still_until = self.stood = 0.0

    def __repr__(self):
        return f"Process({self.name}{', dead' if self.dead else ''})"

    def spawn(self, coroutine):
        return self.loop.create_task(coroutine)

    def pause(self, seconds):
        """As SIGSTOP, and SIGCONT later: time passes, and nothing is done."""
        self.still_until = self.stood = self.world.clock.now + seconds

    def kill(self):
        """As SIGKILL: nothing is done any more."""
        self.dead = True


class World:
    """All processes, and the chance that rules them."""

    def __init__(self, rng):
        self.rng = rng
        self.clock = Clock()
        self.processes = []
        self.steps = 0

    def process(self, name):
        process = Process(self, name)
        self.processes.append(process)
        return process

    def run(self, until, done=lambda: False):
        """Let them all go on until then, or until it is done."""
        while not done():
            due = []
            for process in self.processes:
                if not process.dead and (when := process.loop.due()) is not None:
                    due.append((max(when, process.still_until, self.clock.now), process))
            if not due:
                return
            first = min(when for when, _ in due)
            if first > until:
                self.clock.now = until
                return
            self.clock.now = first
            ready = [process for when, process in due if when == first]
            self.steps += 1
            self.rng.choice(ready).loop.step()

    def end(self):
        """Throw everything away. What was under way is not told: it is dead."""
        for process in self.processes:
            for task in asyncio.all_tasks(process.loop):
                task._log_destroy_pending = False
            process.loop._ready.clear()
            process.loop._scheduled.clear()
            process.loop._selector = None
            process.loop.close()


class Hand:
    """The thread of a process that talks to the ledger (`stores.ledger.hand.Hand`): part of its loop. `latency` draws how many
    seconds after its beginning a job is done."""

    def __init__(self, name="ledger"):
        self._loop = asyncio.get_running_loop()
        self._process = self._loop.process
        self._jobs = deque()
        self._since = None
        self._timer = None

    def __repr__(self):
        return f"Hand({len(self._jobs)} jobs)"

    def do(self, job):
        self._jobs.append(job)
        if self._since is None:
            self._begin()

    def busy_s(self):
        return 0.0 if self._since is None else self._loop.time() - self._since

    def stop(self, wait_s):
        while self._jobs:
            self._jobs.popleft()()
        if self._timer is not None:
            self._timer.cancel()
        return True

    def interrupt(self):
        """What is under way comes to its end now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._loop.call_soon(self._do)

    def _begin(self):
        self._since = self._loop.time()
        self._timer = self._loop.call_later(self._process.latency(), self._do)

    def _do(self):
        self._timer = None
        if self._jobs:
            self._jobs.popleft()()
        self._since = None
        if self._jobs:
            self._begin()
