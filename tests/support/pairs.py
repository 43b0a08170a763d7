"""The pairs of texts in `golden/sameness/pairs.txt`, which says how they are written."""

from pathlib import Path
from typing import NamedTuple

PAIRS = Path(__file__).parents[1] / "golden" / "sameness" / "pairs.txt"


class Pair(NamedTuple):
    """Two texts, and whether they may be answered alike. `kind` is the class of trap that a trap would be."""

    kind: str
    language: str
    same: bool
    one: str
    other: str


def read_pairs(path: Path = PAIRS) -> list[Pair]:
    """All pairs, in their order. Raises `ValueError` for a line that is none."""
    found: list[Pair] = []
    kind = language = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            kind, language = line[3:].split()
        elif line.startswith(("+ ", "- ")):
            one, other = line[2:].replace("\\n", "\n").split(" || ")
            found.append(Pair(kind, language, line[0] == "+", one, other))
        elif line and not line.startswith("#"):
            raise ValueError(f"no pair: {line!r}")
    return found
