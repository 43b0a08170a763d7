"""stores/cache: what holds for every cache, wherever it is kept."""

import asyncio
import os

import pytest

from lockgate.stores.cache.open import open_shelf
from lockgate.stores.cache.port import Meant
from support.answers import HOUR, LATER, NOW, answer

pytestmark = pytest.mark.usefixtures("patient")


@pytest.fixture(params=["memory", "sqlite", "redis", "postgres"])
def cache(request, url_of, opened):
    return opened(url_of(request.param))


def test_what_is_kept_is_found(cache, run):
    assert run(cache.find(b"k", NOW)) is None
    cache.keep(b"k", answer())
    assert run(cache.find(b"k", NOW)) == answer()
    assert run(cache.find(b"l", NOW)) is None


def test_a_later_answer_takes_the_place_of_an_earlier_one(cache, run):
    cache.keep(b"k", answer(1))
    cache.keep(b"k", answer(2))
    assert run(cache.find(b"k", NOW)).id == "id-2"


def test_what_has_expired_is_not_found(cache, run):
    cache.keep(b"k", answer())
    assert run(cache.find(b"k", LATER)) is None


def test_what_is_dropped_is_not_found(cache, run):
    cache.keep(b"k", answer())
    cache.drop(b"k")
    assert run(cache.find(b"k", NOW)) is None
    cache.keep(b"k", answer(2))
    assert run(cache.find(b"k", NOW)).id == "id-2"


def test_what_is_very_large_is_not_kept(cache, run):
    cache.keep(b"k", answer(body=b"x" * (11 * 1024 * 1024)))
    assert run(cache.find(b"k", NOW)) is None


class TestShared:
    """What others see."""

    def test_other_workers_and_later_ones_find_it(self, shared, opened, run, said):
        whole = answer(1, os.urandom(5000), namespace="n", provider="p", model="m", latency_us=5)
        first = opened(shared)
        first.keep(b"k", whole)
        first.keep(b"\0\xff", answer(2, b""))
        run(first.close())
        second = opened(shared)
        assert run(second.find(b"k", NOW)) == whole
        assert run(second.find(b"\0\xff", NOW)) == answer(2, b"")
        assert run(second.find(b"k", LATER)) is None
        assert said == []

    def test_what_stands_there_is_replaced_and_dropped(self, shared, opened, run):
        for number in (1, 2):
            cache = opened(shared)
            cache.keep(b"k", answer(number))
            run(cache.close())
        cache = opened(shared)
        assert run(cache.find(b"k", NOW)).id == "id-2"
        cache.drop(b"k")
        assert run(cache.find(b"k", NOW)) is None
        run(cache.close())
        assert run(opened(shared).find(b"k", NOW)) is None

    def test_many_are_found_at_once(self, shared, opened, run, said):
        first = opened(shared)
        for number in range(300):
            first.keep(b"%d" % number, answer(number))
        run(first.close())
        second = opened(shared)

        async def all_of_them():
            return await asyncio.gather(*(second.find(b"%d" % (number % 350), NOW) for number in range(1000)))

        found = run(all_of_them())
        wanted = [number % 350 for number in range(1000)]
        assert [each and each.id for each in found] == [f"id-{number}" if number < 300 else None for number in wanted]
        assert said == []

    def test_what_comes_after_closing_is_not_kept_and_harms_nobody(self, shared, opened, run):
        cache = opened(shared)
        cache.keep(b"k", answer())
        run(cache.close())
        cache.keep(b"l", answer())
        assert run(opened(shared).find(b"l", NOW)) is None

    def test_names_may_be_long_and_strange(self, shared, opened, run, said):
        strange = answer(1, namespace="ü\x00'" * 3000, model="m" * 9000, provider="\N{SNOWMAN}")
        cache = opened(shared)
        cache.keep(b"k", strange)
        cache.keep(b"l", answer(2))
        run(cache.close())
        other = opened(shared)
        assert run(other.find(b"k", NOW)) == strange
        assert run(other.find(b"l", NOW)) == answer(2)
        assert said == []


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@pytest.mark.parametrize(("used", "written"), [(NOW + 59_000_000, NOW), (NOW + HOUR // 2, NOW + HOUR // 2)])
def test_a_use_is_written_down_to_the_minute(kind, used, written, url_of, opened, run, tmp_path):
    url = url_of(kind)
    cache = opened(url)
    cache.keep(b"k", answer())
    run(cache.close())
    cache = opened(url)
    for later in range(3):
        assert run(cache.find(b"k", used + later))
    run(cache.close())
    assert [each.used_us for each in open_shelf(url, tmp_path).entries(Meant())] == [written]
