"""What the numbers were measured on, for the report: hardware and versions, no names and no paths."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path


def described() -> list[tuple[str, str]]:
    """Rows of (what, which)."""
    return [
        ("CPU", f"{_cpu()}, {len(os.sched_getaffinity(0))} cores usable"),
        ("Memory", f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 1e9:.1f} GB"),
        ("System", f"Linux {platform.release().split('-')[0]}, {_distribution()}"),
        ("Python", f"{platform.python_version()}, {_versions('uvloop', 'httptools', 'uvicorn', 'msgspec')}"),
    ]


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return "unknown distribution"


def _versions(*names: str) -> str:
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
