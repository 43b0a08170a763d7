"""Real exchanges with providers, where this working copy has them beside itself; tests skip where it has not."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from support.canonical import RECORDINGS


class Exchange(msgspec.Struct):
    """One recorded exchange: the request as JSON, the answer's bytes."""

    id: str
    request: dict[str, Any]
    body: bytes
    status: int
    streamed: bool


def exchanges(wanted: Callable[[str], bool]) -> list[Any]:
    """Test parameters: the exchanges whose path is wanted, or a single one that is skipped."""
    found: list[Any] = []
    for record in _records():
        if record["method"].upper() == "POST" and wanted(record["path"]) and record["response_kind"] != "binary":
            found.append(pytest.param(_exchange(record), id=record["id"]))
    return found or [pytest.param(None, marks=pytest.mark.skip("no recordings beside this working copy"))]


@functools.cache
def _records() -> list[dict[str, Any]]:
    paths = sorted(RECORDINGS.glob("*.jsonl")) if RECORDINGS.is_dir() else []
    return [msgspec.json.decode(line) for path in paths for line in path.read_bytes().split(b"\n") if line]


def _exchange(record: dict[str, Any]) -> Exchange:
    request = record["request"]
    if isinstance(request, str):
        request = json.loads(request) if request.startswith("{") else {}
    answer = record["response"]
    body = json.dumps(answer, ensure_ascii=False) if record["response_kind"] == "json" else answer
    kind = {name.lower(): value for name, value in record["response_headers"].items()}.get("content-type", "")
    return Exchange(record["id"], request or {}, body.encode(), record["status"], "event-stream" in kind)
