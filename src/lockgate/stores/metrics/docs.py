"""The list of metrics in `docs/metrics.md`, made of the table: `python -m lockgate.stores.metrics.docs docs/metrics.md`."""

from __future__ import annotations

import sys
from pathlib import Path

from lockgate.stores.metrics.families import COUNTED, LIVE, Family

BEGIN, END = "<!-- metrics: begin -->\n", "<!-- metrics: end -->\n"


def listing() -> str:
    """The two tables."""
    return (
        "### Counted from records\n\n"
        + _table(COUNTED)
        + "\n### Looked up at each scrape\n\n"
        + _table(LIVE)
        + "\nHistograms have `_bucket`, `_sum` and `_count`, as usual; borders, in seconds:\n\n"
        + "".join(_borders(family) for family in COUNTED if family.buckets)
    )


def updated(text: str) -> str:
    """A document with the tables as they are now."""
    before, rest = text.split(BEGIN)
    return before + BEGIN + listing() + END + rest.split(END)[1]


def _table(families: tuple[Family, ...]) -> str:
    lines = ["| Metric | Kind | Labels | |\n", "|---|---|---|---|\n"]
    for family in families:
        labels = ", ".join(f"`{label}`" for label in family.labels)
        lines.append(f"| `{family.sample}` | {family.kind} | {labels} | {family.help} |\n")
    return "".join(lines)


def _borders(family: Family) -> str:
    borders = ", ".join(f"{border / family.scale:g}" for border in family.buckets)
    return f"- `{family.name}`: {borders}\n"


if __name__ == "__main__":
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/metrics.md")
    path.write_text(updated(path.read_text("utf-8")), "utf-8")
