"""The outcome of a run as a Markdown page. Costs are medians over the rounds, ratios are medians of the rounds' ratios."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from bench.governed.contest import Entry, Outcome, Sample
from bench.governed.workloads import PACE_MS
from bench.upstream import EVENTS

NONE = "–"
_NAMES = {"direct": "direct", "nginx": "nginx", "lockgate": "**Lockgate**", "portkey": "Portkey", "litellm": "LiteLLM"}


@dataclass(frozen=True)
class Target:
    """A figure that must not be exceeded (or, `at_least`, must be reached)."""

    what: str
    bound: float
    unit: str
    found: float | None
    at_least: bool = False

    def row(self) -> list[str]:
        """The target as cells of a table."""
        sign = "≥" if self.at_least else "≤"
        asked = [self.what, f"{sign} {self.bound:g}{self.unit}"]
        if self.found is None:
            return [*asked, NONE, "not measured"]
        met = self.found >= self.bound if self.at_least else self.found <= self.bound
        return [*asked, f"{_figure(self.found)}{self.unit}", "met" if met else "**missed**"]


def page(outcome: Outcome, machine: list[tuple[str, str]], date: str) -> str:
    """The whole page."""
    entries = {entry.rival.name: entry for entry in outcome.entries}
    plan = outcome.plan
    parts = [
        "# The governed benchmark",
        "What one request costs through each gateway, Lockgate with everything on that it has: the key is checked, its hard "
        "budget and its rate limits are kept, the request is priced and logged with its bodies. "
        "Made by `make bench`; do not edit.",
        f"Measured on {date}, in {plan.rounds} rounds in which every rival had its turn.",
        _table(["", ""], [list(row) for row in machine]),
        "## Targets",
        _table(["", "target", "measured", ""], [target.row() for target in targets(entries)]),
        "## CPU",
        "CPU time, user and system, of the whole process tree of the gateway, with the work that it puts off until later.",
        _table(
            ["", "JSON, µs/request", "× nginx", "÷ Lockgate"],
            [[_NAMES[e.rival.name], *_costs(e, "json", entries)] for e in outcome.entries if e.tree],
        ),
        f"A stream has {EVENTS} events, counted at the upstream. *Paced*: one each {PACE_MS} ms, as from a model. "
        "*Fast*: as fast as the upstream can write them; who falls behind then reads several at once, which is cheaper, so "
        "*paced* is the juster figure. *Translated*: Anthropic's messages in, OpenAI's chat completions behind.",
        _table(
            ["", "fast, µs/event", "× nginx", "÷ Lockgate", "paced, µs/event", "× nginx", "÷ Lockgate"],
            [row for entry in outcome.entries if entry.tree for row in _stream_rows(entry, entries)],
        ),
        "In brackets: the least and the most of the rounds.",
        "## Latency",
        "At one connection; *added* is to the upstream asked directly, in the same round.",
        _table(
            ["", "JSON p50, ms", "added", "JSON p99, ms", "added", "first event p50, ms", "added"],
            [_latency_row(entry, entries.get("direct")) for entry in outcome.entries],
        ),
        "## Throughput, start and memory",
        _table(
            ["", "JSON, requests/s", "streams/s", "start to first answer, s", "RSS before, MB", "under load", "after"],
            [_size_row(entry) for entry in outcome.entries if entry.tree],
        ),
        "Throughput is that of one core, shared by all of a gateway's processes. Memory by process, under load: "
        + "; ".join(_processes(entry) for entry in outcome.entries if entry.tree)
        + ".",
        "## How",
        _method(outcome),
    ]
    return "\n\n".join(parts) + "\n"


def targets(entries: dict[str, Entry]) -> list[Target]:
    """The design's figures, and what was found."""
    us, nginx = entries.get("lockgate"), entries.get("nginx")
    worker = max((size for _, size in us.rss_loaded), default=None) if us else None
    after = max((size for _, size in us.rss_after), default=None) if us else None
    direct, portkey, litellm = (entries.get(name) for name in ("direct", "portkey", "litellm"))
    return [
        Target("CPU of a governed JSON request, against nginx", 5, "×", _ratio(us, nginx, "json")),
        Target("CPU of an event relayed, against nginx, fast", 1.5, "×", _ratio(us, nginx, "stream")),
        Target("CPU of an event relayed, against nginx, paced", 1.5, "×", _ratio(us, nginx, "paced")),
        Target("CPU of an event translated, against nginx, fast", 2.5, "×", _ratio(us, nginx, "translated", "stream")),
        Target("CPU of an event translated, against nginx, paced", 2.5, "×", _ratio(us, nginx, "translated paced", "paced")),
        Target("CPU of a JSON request: Portkey's, against Lockgate's", 9, "×", _ratio(portkey, us, "json"), at_least=True),
        Target("CPU of a JSON request: LiteLLM's, against Lockgate's", 200, "×", _ratio(litellm, us, "json"), at_least=True),
        Target("added at one connection, p50", 0.3, " ms", _added(us, direct, "json calm", _whole_p50)),
        Target("added at one connection, p99", 2, " ms", _added(us, direct, "json calm", _whole_p99)),
        Target("RSS of the largest process under load", 120, " MB", worker),
        Target("RSS of the largest process after load", 120, " MB", after),
        Target("start to first answer", 1, " s", median(us.start_s) if us and us.start_s else None),
    ]


def _ratio(one: Entry | None, other: Entry | None, load: str, other_load: str = "") -> float | None:
    """The median of the rounds' CPU ratios."""
    if one is None or other is None:
        return None
    pairs = _pairs(one, load, other, other_load or load)
    ratios = [mine.cpu_us / theirs.cpu_us for mine, theirs in pairs if theirs.cpu_us]
    return median(ratios) if ratios else None


def _pairs(one: Entry, load: str, other: Entry, other_load: str) -> list[tuple[Sample, Sample]]:
    """Samples of the same round."""
    mine, theirs = one.samples.get(load, {}), other.samples.get(other_load, {})
    return [(mine[number], theirs[number]) for number in mine if number in theirs]


def _whole_p50(sample: Sample) -> float:
    return sample.whole_p50_ms


def _whole_p99(sample: Sample) -> float:
    return sample.whole_p99_ms


def _first_p50(sample: Sample) -> float:
    return sample.first_p50_ms


def _added(one: Entry | None, direct: Entry | None, load: str, of: Callable[[Sample], float]) -> float | None:
    if one is None or direct is None:
        return None
    differences = [of(mine) - of(theirs) for mine, theirs in _pairs(one, load, direct, load)]
    return median(differences) if differences else None


def _stream_rows(entry: Entry, entries: dict[str, Entry]) -> list[list[str]]:
    rows = [[_NAMES[entry.rival.name], *_costs(entry, "stream", entries), *_costs(entry, "paced", entries)]]
    if entry.rival.translates:
        costs = [*_costs(entry, "translated", entries, "stream"), *_costs(entry, "translated paced", entries, "paced")]
        rows.append([f"{_NAMES[entry.rival.name]}, translated", *costs])
    return rows


def _costs(entry: Entry, load: str, entries: dict[str, Entry], other_load: str = "") -> list[str]:
    """Cost, and its ratios to nginx's and ours of `other_load`."""
    ratios = [_ratio(entry, entries.get(name), load, other_load) for name in ("nginx", "lockgate")]
    return [_cost(entry, load), *(NONE if ratio is None else _figure(ratio) for ratio in ratios)]


def _cost(entry: Entry, load: str) -> str:
    if load in entry.faults and load not in entry.samples:
        return "fails"
    costs = [sample.cpu_us for sample in entry.samples.get(load, {}).values()]
    return f"{_figure(median(costs))} ({_figure(min(costs))}–{_figure(max(costs))})" if costs else NONE


def _latency_row(entry: Entry, direct: Entry | None) -> list[str]:
    row = [_NAMES[entry.rival.name]]
    for load, of in (("json calm", _whole_p50), ("json calm", _whole_p99), ("stream calm", _first_p50)):
        found = [of(sample) for sample in entry.samples.get(load, {}).values()]
        added = _added(entry, direct, load, of) if entry is not direct else None
        row += [f"{median(found):.3f}" if found else "fails", f"{added:.3f}" if added is not None else NONE]
    return row


def _size_row(entry: Entry) -> list[str]:
    rates = [
        median(s.rate for s in entry.samples[load].values()) if load in entry.samples else None for load in ("json", "stream")
    ]
    memory = [sum(size for _, size in sizes) for sizes in (entry.rss_before, entry.rss_loaded, entry.rss_after)]
    start = f"{median(entry.start_s):.2f}" if entry.start_s else NONE
    shown = [f"{rate:,.0f}" if rate is not None else "fails" for rate in rates]
    return [_NAMES[entry.rival.name], *shown, start, *(f"{mb:.0f}" for mb in memory)]


def _processes(entry: Entry) -> str:
    return f"{_NAMES[entry.rival.name]} " + ", ".join(f"{name} {size:.0f} MB" for name, size in entry.rss_loaded)


def _method(outcome: Outcome) -> str:
    plan = outcome.plan
    cores = "The upstream and the load driver share one core, the gateway has another to itself." if outcome.pinned else ""
    lines = [
        "- One loopback upstream (`bench/upstream.py`) answers at once: JSON of about 1 kB, or a stream of "
        f"{EVENTS} events, each written by itself. {cores}",
        f"- JSON at 64 connections, streams at 100, {plan.seconds:g} s each; latencies at one connection, "
        f"{plan.calm_seconds:g} s. Every answer is read to its end and checked (`bench/driver.py`).",
        *(f"- {_NAMES[e.rival.name]} {e.launch.version}".rstrip() + f": {e.rival.does}{_fewer(e)}." for e in outcome.entries),
        *(f"- {_NAMES[name]} did not take part: {why}." for name, why in outcome.missing.items()),
        *(f"- {_NAMES[e.rival.name]}, {load}, fails: `{why}`" for e in outcome.entries for load, why in e.faults.items()),
    ]
    return "\n".join(lines)


def _fewer(entry: Entry) -> str:
    if entry.rival.connections == 64:
        return ""
    return f"; asked at {entry.rival.connections} connections, because it is slow"


def _figure(number: float) -> str:
    """A number with about three digits that count."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.1f}" if number >= 10 else f"{number:.2f}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
