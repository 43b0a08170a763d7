"""providers/shelf: what takes long to work out is worked out once, and never believed when it is spoilt."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from lockgate.providers import bundled as package
from lockgate.providers import display
from lockgate.providers.prices import Prices
from lockgate.providers.prices_file import NAME
from lockgate.providers.shelf import Shelf, fingerprint
from lockgate.providers.table import TABLE

NOW = 1_795_608_000_000_000


class Maker:
    """Makes a book, and counts how often."""

    def __init__(self):
        self.made = 0

    def __call__(self):
        self.made += 1
        return f"edition {self.made}", {"a": b'{"x":1}'}


@pytest.fixture
def make():
    return Maker()


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path / "shelf")


def test_a_book_is_made_once(shelf, make):
    books = [shelf.book("b", "this", make) for _ in range(3)]
    assert make.made == 1
    assert [(book.edition, bytes(book.parts["a"])) for book in books] == [("edition 1", b'{"x":1}')] * 3


def test_a_book_of_something_else_is_made_again(shelf, make):
    shelf.book("b", "this", make)
    assert shelf.book("b", "that", make).edition == "edition 2"
    assert shelf.book("b", "that", make).edition == "edition 2"


@pytest.mark.parametrize("data", [b"", b"{", b'{"made_of":"this"}', b"\xff", b"[" * 9999])
def test_a_book_that_is_spoilt_is_made_again(tmp_path, shelf, make, data):
    shelf.book("b", "this", make)
    (tmp_path / "shelf" / "b.json").write_bytes(data)
    assert shelf.book("b", "this", make).edition == "edition 2"
    assert shelf.book("b", "this", make).edition == "edition 2"


def test_a_book_that_was_cut_anywhere_is_made_again(tmp_path, shelf, make):
    shelf.book("b", "this", make)
    path = tmp_path / "shelf" / "b.json"
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert bytes(shelf.book("b", "this", make).parts["a"]) == b'{"x":1}'
        assert path.read_bytes() != whole[:length]


def test_while_one_makes_a_book_another_waits_and_finds_it(shelf, make):
    begun, may_go_on = threading.Event(), threading.Event()

    def slowly():
        begun.set()
        may_go_on.wait(20)
        return "edition of the first", {}

    with ThreadPoolExecutor() as pool:
        first = pool.submit(shelf.book, "b", "this", slowly)
        assert begun.wait(20)
        second = pool.submit(shelf.book, "b", "this", make)
        with pytest.raises(TimeoutError):
            second.result(0.05)
        may_go_on.set()
        assert first.result(20).edition == second.result(20).edition == "edition of the first"
    assert make.made == 0


def test_without_a_data_directory_nothing_is_kept(tmp_path, make):
    shelf = Shelf(tmp_path / "none" / "shelf")
    assert shelf.book("b", "this", make).edition == "edition 1"
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_does_without(tmp_path, make):
    (tmp_path / "shelf").write_text("a file")
    shelf = Shelf(tmp_path / "shelf")
    assert shelf.book("b", "this", make).edition == "edition 1"
    assert (tmp_path / "shelf").read_text() == "a file"


def test_a_package_is_known_by_its_content_without_being_imported():
    known = fingerprint("genai_prices", "data.py", "1")
    assert known == fingerprint("genai_prices", "data.py", "1") != fingerprint("genai_prices", "data.py", "2")
    assert fingerprint("genai_prices", "nothing.py", "1") == fingerprint("no_such_package", "data.py", "1") == ""


def test_prices_from_the_shelf_are_the_package_s_own(tmp_path, monkeypatch):
    def prices():
        monkeypatch.setattr(package, "_last", {})
        monkeypatch.setattr(display, "_last", {})
        monkeypatch.setattr(display, "_found", {})
        return Prices(file=tmp_path / NAME)

    def said(prices):
        listed = {row.slug: prices.models(row.prices) for row in TABLE.values()}
        charged = [prices.charged(row, each.name, NOW) for row in TABLE.values() for each in listed[row.slug]]
        return listed, charged, prices.load().version, [display.facts_of(slug, prices.shelf) for slug in TABLE]

    first = said(prices())
    assert sorted(path.name for path in (tmp_path / "shelf").glob("*.json")) == ["models.json", "prices.json"]

    def not_again(name):
        raise AssertionError(f"{name} is imported")

    again = prices()
    monkeypatch.setattr(package.importlib, "import_module", not_again)
    assert said(again) == first
