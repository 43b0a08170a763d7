"""stores/limits/local: limits that are counted on one machine."""

from __future__ import annotations

import asyncio
from pathlib import Path

from lockgate.policy.limits import Denial, Grant, Limit
from lockgate.stores.limits.local import LocalLimits, now_us
from lockgate.stores.limits.table import ROW, SharedTable, Table

SPACE = Limit("workspace", "w", "requests", 10)


def test_everything_is_said_at_once():
    async def work() -> None:
        limits = LocalLimits(Table(ROW), clock=lambda: 1_000_000)
        answers = [await limits.ask((SPACE,)) for _ in range(11)]
        assert [type(each) for each in answers] == [Grant] * 10 + [Denial]
        assert limits.state() == ""

    asyncio.run(work())


def test_a_worker_that_counts_alone_says_so(tmp_path: Path):
    now = [0.0]
    cells = SharedTable(tmp_path / "limits", ROW, clock=lambda: now[0])
    limits = LocalLimits(cells, 4)
    assert limits.state() == ""
    cells._stuck_until = 1.0
    assert limits.state().endswith("this one grants 1/4 of each")
    now[0] = 1.0
    assert limits.state() == ""
    cells.close()


def test_its_clock_goes_on():
    assert 0 < now_us() <= now_us()
