"""docs/metrics.md tells every metric there is."""

from __future__ import annotations

import re
from pathlib import Path

from lockgate.stores.metrics.docs import updated
from lockgate.stores.metrics.families import COUNTED, LIVE
from lockgate.stores.metrics.series import MOST
from lockgate.stores.metrics.tally import CODES, MODELS, PROVIDERS

PATH = Path(__file__).parents[3] / "docs/metrics.md"
TEXT = PATH.read_text("utf-8")


def test_the_list_is_that_of_the_table() -> None:
    assert updated(TEXT) == TEXT, "python -m lockgate.stores.metrics.docs docs/metrics.md"


def test_names_are_as_prometheus_wants_them() -> None:
    names = [family.name for family in (*COUNTED, *LIVE)]
    assert len(set(names)) == len(names)
    for family in (*COUNTED, *LIVE):
        assert re.fullmatch(r"lockgate_[a-z_]+", family.name)
        assert not family.name.endswith(("_total", "_count", "_sum", "_bucket"))
        assert all(re.fullmatch(r"[a-z_]+", label) for label in family.labels)
        assert family.help.endswith(".")
        assert bool(family.buckets) == (family.kind == "histogram")


def test_the_queries_ask_for_metrics_that_there_are() -> None:
    known = {family.sample for family in (*COUNTED, *LIVE)}
    known |= {f"{family.name}_bucket" for family in COUNTED if family.buckets}
    (queries,) = re.findall(r"```promql\n(.*?)```", TEXT, re.S)
    asked = set(re.findall(r"lockgate_[a-z_]+", queries))
    assert asked
    assert asked <= known


def test_the_bounds_are_told() -> None:
    assert MODELS == PROVIDERS == CODES == 100
    assert f"{MODELS} of them at most" in TEXT
    assert f"at\nmost {MOST:,} sets of labels" in TEXT
