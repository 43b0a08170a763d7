"""The budget race in small: real processes, real kills (`make bench-budget` is the whole of it)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SMALL = [
    "--workers",
    "2",
    "--concurrency",
    "100",
    "--kills",
    "2",
    "--pauses",
    "0",
    "--slow",
    "0.1",
    "--cap",
    "30000000000",
]


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_nothing_is_overspent_or_lost_while_workers_are_killed(store):
    command = [sys.executable, "-m", "bench.budget", "--stores", store, "--json", "--only-kills", *SMALL]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    (result,) = map(json.loads, done.stdout.splitlines())
    assert done.returncode == 0, result
    assert result["kills"] == 2
    assert result["orphans"] > 0  # they were killed while they spent
