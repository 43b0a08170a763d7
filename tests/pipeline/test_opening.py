"""An exchange whose beginning was looked at gives all of it to whoever takes it."""

import asyncio

import pytest

from lockgate.core.call import Call, Principal
from lockgate.core.failure import Failure
from lockgate.core.sheet import Sheet
from lockgate.pipeline.choose import Ask
from lockgate.pipeline.opening import Opening
from lockgate.pipeline.plan import plan
from lockgate.pipeline.prepare import prepare
from lockgate.transport.exchange import CUT, SLOW
from support.house import make_house, make_runtime
from support.scripted import ScriptedExchange

BODY = b'{"model": "@sim/chat", "messages": []}'


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    world = make_house(tmp_path_factory.mktemp("opening")).snapshot()
    call = Call("id", "trace", 0, 0.0, "POST", "/", b"", {}, "chat", "openai.chat", body=BODY)
    target = plan(call, Ask("@sim/chat"), Principal("1", "app"), world, make_runtime()).first()
    return prepare(call, Sheet.open(BODY), "@sim/chat", False, target)


def opened(prepared, *pieces):
    async def open_it():
        opening = Opening(ScriptedExchange(200, pieces))
        assert await opening.begin(prepared) is None
        return opening

    return asyncio.run(open_it())


def test_it_says_how_much_it_holds(prepared):
    assert repr(opened(prepared, b" ", b"{", b"}")) == "Opening(ScriptedExchange(200), 2 bytes held)"


def test_what_is_held_is_the_first_chunk(prepared):
    opening = opened(prepared, b"\n", b"{", b"}")
    assert [asyncio.run(opening.chunk()) for _ in range(3)] == [b"\n{", b"}", b""]


def test_it_is_read_whole(prepared):
    assert asyncio.run(opened(prepared, b"\n", b"{", b"}").read(100)) == b"\n{}"


def test_it_is_poured_whole_and_waits_for_a_slow_reader(prepared):
    opening, got = opened(prepared, b"{", b"}"), []

    def take(piece):
        got.append(piece)
        return len(got) > 1

    assert asyncio.run(opening.pour(take)) is SLOW
    assert asyncio.run(opening.pour(take)) is None
    assert got == [b"{", b"}"]


def test_a_failure_while_it_is_read_is_told(prepared):
    cut = Failure("cut", 502, "cut")
    assert asyncio.run(opened(prepared, b"{", cut).read(100)) is cut


def test_closed_it_gives_nothing_more(prepared):
    opening = opened(prepared, b"{", b"}")
    opening.close()
    assert asyncio.run(opening.chunk()) is CUT
