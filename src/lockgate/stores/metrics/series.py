"""Numbers by their labels, and how they are written: the samples of Prometheus' text format and of OpenMetrics, which agree.

https://prometheus.io/docs/instrumenting/exposition_formats/, https://prometheus.io/docs/specs/om/open_metrics_spec/
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping

from lockgate.stores.metrics.families import Family
from lockgate.stores.metrics.names import OTHER

#: Sets of labels that one family has at most. What comes later is counted under "other".
MOST = 4000

Labels = tuple[str, ...]


class Series:
    """The numbers of one family: a whole number for each set of labels; of a histogram one for each bucket (the last has no
    border), then the sum. They are in parts of the unit (`Family.scale`)."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self.numbers: dict[Labels, list[int]] = {}
        self._texts: dict[Labels, str] = {}

    def __repr__(self) -> str:
        return f"Series({self.family.name}, {len(self.numbers)})"

    def add(self, labels: Labels, number: int = 1) -> None:
        """Count so many."""
        row = self.numbers.get(labels)
        if row is None:
            row = self._new(labels)
        row[0] += number

    def observe(self, labels: Labels, value: int) -> None:
        """Count one value in a histogram."""
        row = self.numbers.get(labels)
        if row is None:
            row = self._new(labels)
        row[bisect_left(self.family.buckets, value)] += 1
        row[-1] += value

    def forget(self, label: str, value: str) -> None:
        """Leave out all that has this value of a label."""
        if label in self.family.labels:
            at = self.family.labels.index(label)
            for labels in [labels for labels in self.numbers if labels[at] == value]:
                del self.numbers[labels]
                self._texts.pop(labels, None)

    def samples(self) -> str:
        """The lines, without the head."""
        family = self.family
        lines: list[str] = []
        for labels, row in self.numbers.items():
            text = self._texts.get(labels)
            if text is None:
                text = self._texts[labels] = pairs(family.labels, labels)
            if family.kind == "histogram":
                _write_histogram(lines, family, text, row)
            else:
                braces = f"{{{text}}}" if text else ""
                lines.append(f"{family.sample}{braces} {decimal(row[0], family.scale)}\n")
        return "".join(lines)

    def _new(self, labels: Labels) -> list[int]:
        """A row for new labels; that of "other" when there are too many."""
        if len(self.numbers) >= MOST:
            labels = (OTHER,) * len(labels)
            if labels in self.numbers:
                return self.numbers[labels]
        size = len(self.family.buckets) + 2 if self.family.buckets else 1
        row = self.numbers[labels] = [0] * size
        return row


def _write_histogram(lines: list[str], family: Family, text: str, row: list[int]) -> None:
    comma = f"{text}," if text else ""
    count = 0
    for border, number in zip(family.buckets, row, strict=False):
        count += number
        lines.append(f'{family.name}_bucket{{{comma}le="{_border(border / family.scale)}"}} {count}\n')
    count += row[len(family.buckets)]
    braces = f"{{{text}}}" if text else ""
    lines.append(f'{family.name}_bucket{{{comma}le="+Inf"}} {count}\n')
    lines.append(f"{family.name}_count{braces} {count}\n{family.name}_sum{braces} {decimal(row[-1], family.scale)}\n")


def _border(seconds: float) -> str:
    return repr(float(seconds))  # "1.0": both formats must say the same


def decimal(number: int, scale: int) -> str:
    """A number of parts as a number of units, exactly."""
    if scale == 1:
        return str(number)
    whole, rest = divmod(number, scale)
    return f"{whole}.{rest:0{len(str(scale)) - 1}d}"


def pairs(names: Iterable[str], values: Iterable[str]) -> str:
    """Labels as they are written."""
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))


def gauge(family: Family, values: Mapping[Labels, float]) -> str:
    """The lines of a gauge, without the head."""
    lines: list[str] = []
    for labels, value in values.items():
        text = pairs(family.labels, labels)
        braces = f"{{{text}}}" if text else ""
        lines.append(f"{family.sample}{braces} {value:.15g}\n")
    return "".join(lines)


def head(family: Family, *, openmetrics: bool) -> str:
    """What comes before a family's lines."""
    name = family.name if openmetrics else family.sample
    said = family.help.replace("\\", "\\\\").replace("\n", "\\n")
    if openmetrics:
        said = said.replace('"', '\\"')
    return f"# HELP {name} {said}\n# TYPE {name} {family.kind}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
