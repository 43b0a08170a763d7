"""stores/cache: what an operator sees and forgets, wherever answers are kept."""

from typing import Any

import pytest

from lockgate.stores.cache.open import open_shelf
from lockgate.stores.cache.port import Kept, Meant
from lockgate.stores.ports import StoreError
from support.answers import HOUR, LATER, NOW, answer

pytestmark = pytest.mark.usefixtures("patient")


@pytest.fixture
def six(shared, opened, run):
    """Six entries, each a second younger than the one before."""
    cache = opened(shared)
    for number in range(6):
        place: dict[str, Any] = {
            "namespace": "mine" if number % 2 else "",
            "model": f"m{number % 3}",
            "provider": f"p{number % 2}",
        }
        cache.keep(b"%d" % number, answer(number, time_us=NOW + number * 1_000_000, **place))
    cache.keep(b"other", answer(9, time_us=NOW - HOUR, organisation="other", workspace="red"))
    run(cache.close())


def ids(shelf, meant, *page):
    return [each.id for each in shelf.entries(meant, *page)]


def test_an_entry_is_seen_as_it_is(six, shelf):
    (kept,) = shelf.entries(Meant(id="id-4"))
    assert kept == Kept("id-4", NOW + 4_000_000, LATER, NOW + 4_000_000, kept.size, "acme", "blue", "", "p0", "m1")
    assert 50 < kept.size < 1000, "it is compressed"


def test_the_newest_come_first_page_by_page(six, shelf):
    assert ids(shelf, Meant(organisation="acme")) == [f"id-{number}" for number in (5, 4, 3, 2, 1, 0)]
    assert ids(shelf, Meant(organisation="acme"), 2, 2) == ["id-3", "id-2"]
    assert ids(shelf, Meant(), 10, 6) == ["id-9"]
    assert ids(shelf, Meant(), 10, 7) == []


#: What is meant → the numbers of the entries.
MEANT = {
    Meant(): {0, 1, 2, 3, 4, 5, 9},
    Meant(organisation="acme"): {0, 1, 2, 3, 4, 5},
    Meant(workspace="red"): {9},
    Meant(namespace="mine"): {1, 3, 5},
    Meant(namespace="", organisation="acme"): {0, 2, 4},
    Meant(model="m2"): {2, 5},
    Meant(provider="p1"): {1, 3, 5},
    Meant(id="id-3"): {3},
    Meant(before_us=NOW + 2_000_000): {0, 1, 9},
    Meant(model="m1", provider="p0", before_us=LATER): {4},
    Meant(organisation="other", workspace="blue"): set(),
}


@pytest.mark.parametrize("meant", MEANT, ids=repr)
def test_what_is_meant_is_counted_and_forgotten_and_nothing_else(six, shelf, meant):
    numbers = MEANT[meant]
    assert set(ids(shelf, meant)) == {f"id-{number}" for number in numbers}
    count, size = shelf.size(meant)
    assert count == len(numbers)
    assert size == sum(each.size for each in shelf.entries(meant))
    assert shelf.purge(meant) == len(numbers)
    assert set(ids(shelf, Meant())) == {f"id-{number}" for number in {0, 1, 2, 3, 4, 5, 9} - numbers}
    assert shelf.purge(meant) == 0


def test_what_was_forgotten_is_not_found(six, shared, shelf, opened, run):
    shelf.purge(Meant(id="id-3"))
    cache = opened(shared)
    assert run(cache.find(b"3", NOW)) is None
    assert run(cache.find(b"4", NOW)).id == "id-4"


def test_a_shelf_without_anything_is_empty(shelf):
    assert list(shelf.entries(Meant())) == []
    assert shelf.size(Meant()) == (0, 0)
    assert shelf.purge(Meant()) == 0


def test_thousands_are_forgotten_to_the_last(shared, shelf, opened, run):
    cache = opened(shared)
    for number in range(3000):
        cache.keep(b"%d" % number, answer(number, b"x", namespace="n" * (number % 700), model=f"m{number % 2}"))
    run(cache.close())
    assert shelf.size(Meant())[0] == 3000
    assert shelf.purge(Meant(model="m1")) == 1500
    assert shelf.size(Meant(model="m1")) == (0, 0)
    assert shelf.purge(Meant()) == 1500


@pytest.mark.parametrize(
    ("url", "why"),
    [("memory:", "in the memory of each worker"), ("ftp://x", "must be sqlite: or memory:, or begin with redis://")],
)
def test_a_shelf_that_nobody_can_look_into_says_so(tmp_path, url, why):
    with pytest.raises(StoreError, match=why):
        open_shelf(url, tmp_path)


@pytest.mark.parametrize("url", ["redis://u:hush-hush@127.0.0.1:1", "postgresql://u:hush-hush@127.0.0.1:1/d"])
def test_a_shelf_out_of_reach_says_so_without_its_password(tmp_path, url):
    shelf = open_shelf(url, tmp_path)
    for call in (shelf.entries, shelf.size, shelf.purge):
        with pytest.raises(StoreError, match=r"The cache cannot be reached: \w+ at 127.0.0.1:1: .*refused") as error:
            call(Meant())
        assert "hush" not in str(error.value)
    assert "hush" not in repr(shelf)
