"""The request log while processes are killed, in small (`make bench-log-faults` is the whole of it)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_whoever_is_killed_what_was_completed_is_on_record_once_and_all_ways_to_ask_agree():
    """A worker, the scribe, and all of the house."""
    command = [sys.executable, "-m", "bench.log_faults", "--kills", "3", "--seed", "3", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout)
    assert result["killed"] == {"worker": 1, "scribe": 1, "house": 1}
    assert result["completed"] > 100
    assert result["broken"] > 0  # they were killed while they served
    assert result["rows"] >= result["completed"]
