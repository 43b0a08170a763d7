"""The control store as a worker holds it open."""

import asyncio

import pytest

from lockgate.control.office import MOST, Office
from lockgate.core.failure import Refusal
from support.house import make_house


@pytest.fixture
def office(tmp_path):
    office = Office(make_house(tmp_path), lambda: None)
    yield office
    office.close()


def test_the_store_is_opened_once_and_again_after_it_was_closed(office):
    store = office.store
    assert office.store is store
    office.close()
    assert office.store is not store
    assert office.store.house().home == store_home(office)


def store_home(office):
    with office.house.control() as store:
        return store.house().home


def test_work_is_done_elsewhere_and_what_it_raises_arrives(office):
    def fail():
        raise ValueError("here")

    async def do():
        assert await office.do(lambda: 7) == 7
        with pytest.raises(ValueError, match="here"):
            await office.do(fail)

    asyncio.run(do())


def test_no_more_wait_than_are_allowed_to(office):
    async def crowd():
        hold = asyncio.get_running_loop().create_future()
        done = [office.do(lambda: None) for _ in range(MOST + 3)]
        hold.cancel()
        return await asyncio.gather(*done, return_exceptions=True)

    found = asyncio.run(crowd())
    refused = [each for each in found if isinstance(each, Refusal)]
    assert [each.status for each in refused] == [503] * 3
    assert found.count(None) == MOST
