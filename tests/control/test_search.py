"""A search finds what is in the log and what is still on its way there, each once."""

import pytest

from lockgate.control.search import Search
from lockgate.stores.feedback import pack
from lockgate.stores.logs.ingest import Ingest
from lockgate.stores.logs.ports import Feedback, Filter
from lockgate.stores.spool import Spool
from support.log_store import MemoryLog
from support.logged import START, logged

ALL = Filter(organisation="org")


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


class House:
    """A spool, a store that takes from it when it is told to, and the search in both."""

    def __init__(self, data):
        self.spool = Spool(data / "spool", clock=lambda: START, report=pytest.fail)
        self.said = Spool(data / "feedback", clock=lambda: START, report=pytest.fail)
        self.store = MemoryLog()
        self.search = Search(data, self.store)
        self._data = data

    def ingest(self):
        ingest = Ingest(self._data / "spool", self.store, report=pytest.fail)
        ingest.step()
        ingest.close()

    def keep(self, *records):
        for record in records:
            self.spool.append(record)
        self.spool._look_at = 0

    def times(self, meant=ALL, after=None, limit=10):
        return [record.time_us - START for record in self.search.page(meant, after, limit).records]


@pytest.fixture(autouse=True)
def closed(house):
    yield
    house.spool.close()
    house.said.close()


def test_what_waits_and_what_is_kept_are_one_list(house):
    house.keep(logged(1), logged(5))
    house.ingest()
    house.keep(logged(3), logged(7), logged(4, organisation="other"))
    assert house.times() == [7, 5, 3, 1]


def test_pages_follow_each_other_across_both(house):
    house.keep(*(logged(n) for n in range(0, 10, 2)))
    house.ingest()
    house.keep(*(logged(n) for n in range(1, 10, 2)))
    seen, after = [], None
    while True:
        page = house.search.page(ALL, after, 3)
        seen += [record.time_us - START for record in page.records]
        if page.next is None:
            break
        after = page.next
    assert seen == list(range(9, -1, -1))


def test_what_is_not_to_be_kept_is_not_found_while_it_waits(house):
    secret = logged(1, unkept=True)
    house.keep(secret)
    assert house.times() == [] and house.search.get(secret.id, ALL) is None


def test_a_record_is_found_with_its_bodies_by_whoever_may_see_it(house):
    record = logged(1, request=b"asked", response=b"said", sent=b"sent", received=b"received")
    house.keep(record)
    for _ in range(2):
        found = house.search.get(record.id, ALL)
        assert (found.request, found.response, found.sent, found.received) == (b"asked", b"said", b"sent", b"received")
        assert house.search.get(record.id, Filter(organisation="other")) is None
        assert house.search.get(record.id, Filter(organisation="org", workspaces=("elsewhere",))) is None
        house.ingest()
    assert house.search.get("nothing", ALL) is None


def test_words_are_looked_for_in_what_waits(house):
    house.keep(logged(1, request=b"the quick fox"), logged(2, response=b"lazy dog"))
    assert house.times(Filter(text="FOX")) == [1] and house.times(Filter(text="dog lazy")) == [2]
    assert all(not record.request for record in house.search.page(Filter(text="fox"), None, 5).records)


def test_only_so_much_of_what_waits_is_read_the_newest_first(house, monkeypatch):
    monkeypatch.setattr("lockgate.control.search.WAITING_BYTES", 4000)
    house.keep(*(logged(n, request=b"x" * 1000) for n in range(20)))
    found = house.times(limit=50)
    assert found[0] == 19 and 1 < len(found) < 5


def test_a_trace_is_told_from_its_beginning(house):
    house.keep(logged(2, trace_id="t"), logged(1, trace_id="t"), logged(3, trace_id="u"))
    house.ingest()
    house.keep(logged(0, trace_id="t"))
    records = house.search.trace(Filter(organisation="org", traces=("t",)))
    assert [record.time_us - START for record in records] == [0, 1, 2]


def test_what_people_say_is_their_organisation_s_and_their_workspace_s(house):
    said = [Feedback(f"{org}{ws}", "t", START, 1, 1000, {}, org, ws) for org in "ab" for ws in ("", "x", "y")]
    house.store.rate(said[:3])
    house.said.put(pack(said[3:]))
    ids = lambda *place: [each.id for each in house.search.feedback(["t"], *place)]  # noqa: E731
    assert ids("a") == ["a", "ax", "ay"] and ids("b") == ["b", "bx", "by"]
    assert (ids("a", "x"), ids("b", "y"), ids("c")) == (["ax"], ["by"], [])
    house.said.put(pack([Feedback("ax", "t", START + 1, 9, 1000, {}, "a", "x")]))
    assert [each.value for each in house.search.feedback(["t"], "a", "x")] == [9]


def test_who_asks_several_times_in_a_row_reads_what_waits_once_and_misses_nothing(house, monkeypatch):
    house.keep(logged(1), logged(2, trace_id="t"))
    still = house.search.still()
    opened = []
    read = Search._payloads
    monkeypatch.setattr(Search, "_payloads", lambda search: opened.append(1) or read(search))
    assert [record.time_us - START for record in still.page(ALL, None, 10).records] == [2, 1]
    house.ingest()
    assert [record.time_us - START for record in still.page(ALL, None, 10).records] == [2, 1]
    assert [record.time_us - START for record in still.trace(Filter(organisation="org", traces=("t",)))] == [2]
    assert len(opened) == 1
    assert still.page(Filter(organisation="org", text="nothing of that"), None, 10).records == []
