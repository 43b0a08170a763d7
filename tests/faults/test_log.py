"""The request log while processes are killed or stand still, in small (`make bench-log-faults` is the whole of it)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(*arguments):
    command = [sys.executable, "-m", "bench.log_faults", "--json", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_whoever_is_killed_what_was_completed_is_on_record_once_and_all_ways_to_ask_agree():
    """A worker, the scribe, and all of the house."""
    result = run("--kills", "3", "--seed", "3")
    assert result["killed"] == {"worker": 1, "scribe": 1, "house": 1}
    assert result["completed"] > 100
    assert result["rows"] >= result["completed"]


def test_while_the_log_stands_still_requests_go_on_and_what_is_left_out_is_counted_exactly():
    """Its process is stopped; so little may wait that bodies are left out."""
    result = run("--stall", "1.5", "--connections", "4", "--spool-bytes", "150000")
    assert result["during"]["requests"] > 0
    assert result["stripped"] == result["bodiless"] > 0
    assert result["dropped"] == result["missing"]
