from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable

from lockgate.core.failure import Failure
from lockgate.transport import resolve
from lockgate.transport.resolve import FAILED, FRESH, LOOKUPS, STALE, CachedResolver, system_lookup

NO_SUCH_NAME = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
ASK_LATER = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


class Names:
    """A name server that gives what it is told to, and a clock."""

    def __init__(self) -> None:
        self.time = 0.0
        self.asked: list[str] = []
        self.answer: tuple[str, ...] | Exception = ("1.1.1.1",)
        self.hold: threading.Event | None = None

    def lookup(self, host: str) -> tuple[str, ...]:
        self.asked.append(host)
        if self.hold is not None:
            self.hold.wait(10)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def resolver(self, patience: float = 0.01) -> CachedResolver:
        return CachedResolver(self.lookup, lambda: self.time, patience)


def failure(why: str, host: str = "a.example") -> Failure:
    return Failure("connect", 502, f"The host name {host} could not be resolved: {why}.")


def test_an_answer_is_used_while_it_is_fresh(run):
    async def main():
        names = Names()
        resolver = names.resolver()
        assert await resolver.resolve("a.example") == ("1.1.1.1",)
        names.answer = ("2.2.2.2", "3.3.3.3")
        names.time = FRESH - 1
        assert await resolver.resolve("a.example") == ("1.1.1.1",)
        assert names.asked == ["a.example"]
        names.time = FRESH
        assert await resolver.resolve("a.example") == ("2.2.2.2", "3.3.3.3")

    run(main())


def test_a_failed_lookup_is_not_tried_again_at_once(run):
    async def main():
        names = Names()
        resolver = names.resolver()
        names.answer = NO_SUCH_NAME
        assert await resolver.resolve("a.example") == failure("name or service not known")
        names.answer = ("1.1.1.1",)
        names.time = FAILED - 1
        assert await resolver.resolve("a.example") == failure("name or service not known")
        assert len(names.asked) == 1
        names.time = FAILED
        assert await resolver.resolve("a.example") == ("1.1.1.1",)

    run(main())


def test_an_old_answer_stands_in_for_a_failing_name_server(run):
    async def main():
        names = Names()
        resolver = names.resolver()
        await resolver.resolve("a.example")
        names.answer = ASK_LATER
        names.time = FRESH
        assert await resolver.resolve("a.example") == ("1.1.1.1",)
        assert await resolver.resolve("a.example") == ("1.1.1.1",)
        assert len(names.asked) == 2
        names.time = STALE - 1
        assert await resolver.resolve("a.example") == ("1.1.1.1",)
        names.time = STALE + FAILED
        assert await resolver.resolve("a.example") == failure("temporary failure in name resolution")

    run(main())


def test_a_name_that_is_gone_is_gone(run):
    async def main():
        names = Names()
        resolver = names.resolver()
        await resolver.resolve("a.example")
        names.answer = NO_SUCH_NAME
        names.time = FRESH
        assert await resolver.resolve("a.example") == failure("name or service not known")

    run(main())


def test_no_addresses_and_no_host_name_are_failures(run):
    async def main():
        names = Names()
        names.answer = ()
        assert await names.resolver().resolve("a.example") == failure("it has no addresses")
        names.answer = UnicodeError()
        assert await names.resolver().resolve("a.example") == failure("it is not a host name")
        names.answer = OSError()
        assert await names.resolver().resolve("a.example") == failure("the lookup failed")

    run(main())


def test_callers_of_one_name_share_a_lookup_and_outlive_who_leaves(run):
    async def main():
        names = Names()
        names.hold = threading.Event()
        resolver = names.resolver()
        callers = [asyncio.ensure_future(resolver.resolve("a.example")) for _ in range(5)]
        await asyncio.sleep(0)
        callers[0].cancel()
        await asyncio.sleep(0)
        names.hold.set()
        assert await asyncio.gather(*callers[1:]) == [("1.1.1.1",)] * 4
        assert callers[0].cancelled()
        assert names.asked == ["a.example"]

    run(main())


def test_an_old_answer_stands_in_for_a_slow_name_server(run):
    async def main():
        names = Names()
        resolver = names.resolver()
        await resolver.resolve("a.example")
        names.hold = threading.Event()
        names.answer = ("2.2.2.2",)
        names.time = FRESH
        assert await resolver.resolve("a.example") == ("1.1.1.1",)
        names.hold.set()
        await until(lambda: repr(resolver) == "CachedResolver(1 names, 0 under way)")
        assert await resolver.resolve("a.example") == ("2.2.2.2",)

    run(main())


def test_the_lookups_under_way_are_bounded(run):
    async def main():
        names = Names()
        names.hold = threading.Event()
        resolver = names.resolver()
        hanging = [asyncio.ensure_future(resolver.resolve(f"{number}.example")) for number in range(LOOKUPS)]
        await asyncio.sleep(0)
        assert await resolver.resolve("more.example") == failure("too many lookups are under way", "more.example")
        joined = asyncio.ensure_future(resolver.resolve("0.example"))
        names.hold.set()
        assert await asyncio.gather(*hanging, joined) == [("1.1.1.1",)] * (LOOKUPS + 1)
        assert await resolver.resolve("more.example") == ("1.1.1.1",)

    run(main())


def test_the_names_kept_are_bounded(run, monkeypatch):
    async def main():
        monkeypatch.setattr(resolve, "NAMES", 3)
        names = Names()
        resolver = names.resolver()
        for number in range(5):
            await resolver.resolve(f"{number}.example")
        assert repr(resolver) == "CachedResolver(3 names, 0 under way)"
        await resolver.resolve("4.example")
        assert len(names.asked) == 5
        await resolver.resolve("0.example")
        assert len(names.asked) == 6

    run(main())


def test_a_lookup_that_ends_after_its_loop_is_forgotten():
    names = Names()
    names.hold = threading.Event()

    async def main() -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(names.resolver().resolve("a.example"), 0.001)

    asyncio.run(main())
    names.hold.set()
    for thread in threading.enumerate():
        if thread.name == "resolve":
            thread.join(10)


def test_the_systems_resolver_knows_localhost_and_addresses():
    assert set(system_lookup("localhost")) <= {"127.0.0.1", "::1"}
    assert system_lookup("127.0.0.1") == ("127.0.0.1",)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.001)
