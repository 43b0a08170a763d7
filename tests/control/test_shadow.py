"""control/shadow: what a cache in the shadow would have given, summed up from the log."""

import pytest

from lockgate.control.shadow import FEW, Differing, shadow
from lockgate.core.record import Match, new_id
from lockgate.stores.logs.ports import Filter
from lockgate.stores.logs.sqlite import SqliteLog
from support.logged import logged

NOW = 1_800_000_000_000_000


@pytest.fixture
def log(tmp_path):
    store = SqliteLog(tmp_path / "log", report=pytest.fail)
    yield store
    store.close()


def miss(n, match=None, **more):
    said = {"id": new_id(NOW + n, n), "time_us": NOW + n, "cache": "semantic miss", "cost_nusd": 100, **more}
    return logged(**said, match=match)


def would(answers="", alike=None, level="verified", score=0.99):
    return Match(level, "from", score, 0.96, 0.9, shadow=True, answers=answers, alike=alike)


def test_it_is_counted_what_would_have_hit_and_how_the_answers_compare(log):
    records = [
        miss(0),
        miss(1, would()),
        miss(2, would("equal", 1.0)),
        miss(3, would("canonical", 0.99)),
        miss(4, would("other", 0.5)),
        miss(5, would("other", 0.7)),
        miss(6, would("equal", 1.0, level="canonical", score=None)),
        miss(7, Match("canonical"), cache="semantic hit"),
    ]
    log.append(records)
    found = shadow(log, Filter())
    assert found.missed == 7
    canonical, verified = found.levels
    assert (canonical.level, canonical.would_hit, canonical.equal, canonical.alike) == ("canonical", 1, 1, None)
    assert (verified.would_hit, verified.compared, verified.equal, verified.canonical, verified.other) == (5, 4, 1, 1, 2)
    assert verified.alike == pytest.approx(0.6)
    assert verified.saved_nusd == 500
    assert verified.worst == [Differing(records[4].id, "from", 0.5, 0.99), Differing(records[5].id, "from", 0.7, 0.99)]


def test_of_many_that_differ_the_worst_are_told(log):
    log.append([miss(n, would("other", n / 100)) for n in range(30)])
    (told,) = shadow(log, Filter(since_us=NOW + 5)).levels
    assert (told.other, [each.alike for each in told.worst]) == (25, [n / 100 for n in range(5, 5 + FEW)])


def test_nothing_in_the_shadow_is_nothing(log):
    assert shadow(log, Filter()).levels == []
