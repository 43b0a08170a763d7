"""The supervisor: binds the socket, forks the workers and the scribe, replaces those that die, and leaves no orphan.

It forks before any thread, event loop or database connection exists, and never does anything else, so a fork is safe and
fast. Its children hold the reading end of a pipe (the *lifeline*) that closes when it is gone, even by SIGKILL.
"""

from __future__ import annotations

import gc
import logging
import os
import resource
import select
import signal
import socket
import sys
from collections.abc import Callable
from time import monotonic

import msgspec

log = logging.getLogger("lockgate")

#: A child that lives shorter than this (seconds) has failed to start; so many failures in a row end the whole house.
SETTLED = 1.0
FAILURES = 5
#: Where the system has no room for another process, it is asked again after so many seconds. That is no child's failure.
ROOM_S = 1.0
_SIGNALS = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def _allow_files() -> None:
    """As many open files as the system lets us have: each stream needs two, and 1024 is a shell's default."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def aside(work: Callable[[], object]) -> Callable[[], object]:
    """Have something done by a child that ends with it, whose memory nobody keeps; what is returned waits for its end, which
    the supervisor notices otherwise. Called before any thread exists. That it has failed is logged."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return lambda: os.waitpid(pid, 0)
    status = 1
    try:  # the child: nothing may return from here
        work()
        status = 0
    except BaseException:  # the border of a process
        log.exception("what was to be done before the start failed")
    finally:
        sys.stderr.flush()
        os._exit(status)


def _ended_child() -> tuple[int, int] | None:
    """A child that has ended, and how; None: there is none."""
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, status) if pid else None


class Role(msgspec.Struct):
    """One child that must be there. `run` gets the lifeline and gives the exit status; it runs in the child."""

    name: str
    run: Callable[[int], int]
    listens: bool = True
    first_to_go: bool = True  # told to stop at once; the others only when these are gone
    vital: bool = True  # when it does not start, the house ends; without the others it goes on, and they are tried again
    pid: int = 0
    started: float = 0.0
    failures: int = 0
    start_at: float = 0.0


class Supervisor:
    """Runs until told to stop; `run` gives the exit status."""

    def __init__(self, roles: list[Role], listener: socket.socket, drain_seconds: float) -> None:
        self._roles = roles
        self._listener = listener
        self._drain_seconds = drain_seconds
        self._lifeline, self._life = os.pipe()
        self._wake, self._poke = os.pipe()
        self._told: list[int] = []
        self._stopping = 0.0  # since when (monotonic); 0: not
        self._status = 0

    def __repr__(self) -> str:
        return f"Supervisor({', '.join(f'{role.name}={role.pid}' for role in self._roles)})"

    def run(self) -> int:
        """Supervise. Returns when every child is gone."""
        _allow_files()
        os.set_blocking(self._poke, False)
        for number in _SIGNALS:
            signal.signal(number, lambda number, _: self._told.append(number))
        signal.set_wakeup_fd(self._poke, warn_on_full_buffer=False)
        while True:
            now = monotonic()
            self._reap(now)
            for number in self._take():
                self._obey(number, now)
            if self._stopping:
                if self._wind_down(now):
                    return self._status
            else:
                for role in self._roles:
                    if not role.pid and now >= role.start_at:
                        self._start(role)
            self._sleep(now)

    def _take(self) -> list[int]:
        told, self._told = self._told, []
        return told

    def _sleep(self, now: float) -> None:
        """Until a signal, or until a child is due."""
        due = [role.start_at for role in self._roles if not role.pid]
        wait = 0.5 if self._stopping else max(0.0, min(due) - now) if due else None
        woken = select.poll()  # select() knows no descriptor above 1023
        woken.register(self._wake, select.POLLIN)
        if woken.poll(None if wait is None else wait * 1000):
            os.read(self._wake, 4096)

    def _start(self, role: Role) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        gc.freeze()  # what is shared with the child stays shared: its collector does not write into it
        # A child hears nothing until it listens as itself: with our handlers it would take a signal for its parent's.
        held = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            pid = os.fork()
        except OSError as error:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
            log.error("%s cannot be started: %s", role.name, error.strerror)
            role.start_at = monotonic() + ROOM_S
            return
        if pid:
            role.pid, role.started = pid, monotonic()
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
            return
        status = 1
        try:  # the child: nothing may return from here
            signal.set_wakeup_fd(-1)
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
            for fd in (self._life, self._wake, self._poke):
                os.close(fd)
            if not role.listens:  # whoever holds the socket keeps its address taken, and callers waiting
                self._listener.close()
            status = role.run(self._lifeline)
        except BaseException:  # the border of a process: whatever it was is told, and is its exit status
            log.exception("%s failed", role.name)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _reap(self, now: float) -> None:
        while (ended := _ended_child()) is not None:
            pid, status = ended
            role = next((each for each in self._roles if each.pid == pid), None)
            if role is None:
                continue  # one from before (`aside`), or an orphan that was left to the first process of a container
            lived = now - role.started
            role.pid = 0
            if self._stopping:
                continue
            role.failures = role.failures + 1 if lived < SETTLED else 0
            how = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"status {os.WEXITSTATUS(status)}"
            log.error("%s (%d) ended with %s after %.1f s; starting another", role.name, pid, how, lived)
            role.start_at = now + (0.0 if not role.failures else min(5.0, 0.1 * 2 ** min(role.failures, 6)))
            if role.failures >= FAILURES and role.vital:
                log.error("%s does not start: giving up", role.name)
                self._status = 1
                self._stop(now)

    def _obey(self, number: int, now: float) -> None:
        if number == signal.SIGHUP:
            for role in self._roles:
                if role.pid and role.first_to_go:
                    os.kill(role.pid, signal.SIGHUP)
        elif number in (signal.SIGTERM, signal.SIGINT):
            if self._stopping:
                log.warning("told twice: ending at once")
                self._tell(signal.SIGKILL, first=True)
            else:
                self._stop(now)

    def _stop(self, now: float) -> None:
        self._stopping = now
        self._listener.close()
        self._tell(signal.SIGTERM, first=True)

    def _tell(self, number: int, *, first: bool) -> None:
        for role in self._roles:
            if role.pid and role.first_to_go is first:
                os.kill(role.pid, number)

    def _wind_down(self, now: float) -> bool:
        """Whether everybody is gone. Workers drain first; then the scribe, who writes down what they left."""
        if any(role.pid for role in self._roles if role.first_to_go):
            if now - self._stopping > self._drain_seconds + 5:
                log.error("still not drained after %.0f s: ending the workers", now - self._stopping)
                self._tell(signal.SIGKILL, first=True)
            return False
        if any(role.pid for role in self._roles):
            late = now - self._stopping > self._drain_seconds + 20
            self._tell(signal.SIGKILL if late else signal.SIGTERM, first=False)
            return False
        return True
