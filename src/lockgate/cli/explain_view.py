"""An explanation for people: the route as a tree, then who is tried in which order."""

from __future__ import annotations

from collections.abc import Iterator

from lockgate.core.record import Match
from lockgate.pipeline.explanation import Branch, Course, Explanation, No, Recalling, Retries, Told
from lockgate.policy.forecast import percent

_NAMED_BY = {"header": "that the request names", "model": "that the model stands for", "key": "of the key", "": ""}


def lines(told: Explanation) -> Iterator[str]:
    """The explanation, line by line."""
    model = f' for "{told.model}"' if told.model else ""
    yield f"POST {told.path}: {told.operation}{model}{', streamed' if told.stream else ''}"
    key = f"key '{told.key}'" if told.key else "any key"
    config = f"config {told.config} {_NAMED_BY[told.config_from]}".rstrip() if told.config else "no config"
    yield f"{config}; {key}{'' if told.live else '; circuits and parked keys are known to a running gateway alone (--url)'}"
    if told.route is not None:
        yield ""
        yield from _tree(told.route, {each.at: each for each in told.targets}, "", "")
        if told.more:
            yield f"… and {told.more} targets more"
    if told.refusal is not None:
        yield ""
        yield f"Refused with {_no(told.refusal)}"
        return
    yield ""
    yield from _ways(told)


def _tree(branch: Branch, targets: dict[str, Told], lead: str, below: str) -> Iterator[str]:
    odds = "" if branch.odds is None else f"{percent(branch.odds)}  "
    where = branch.at.rsplit(".", 1)[-1] if lead else branch.at
    if not branch.strategy:
        target = targets.get(branch.at)
        yield f"{lead}{where}{_name(branch.name)}  {odds}{_who(target)}"
        for said in _details(target) if target is not None else ():
            yield f"{below}     {said}"
        return
    yield f"{lead}{where}{_name(branch.name)}  {odds}{_strategy(branch)}"
    for held in branch.conditions:
        mark = "holds" if held.holds else "does not hold"
        yield f"{below}│  to {_short(held.then, branch.at)} {mark}: {held.why}"
    if branch.strategy == "conditional":
        default = _short(branch.default, branch.at) if branch.default else "none: such a request is refused"
        yield f"{below}│  default: {default}"
    last = len(branch.targets) - 1
    for n, child in enumerate(branch.targets):
        yield from _tree(child, targets, below + ("└─ " if n == last else "├─ "), below + ("   " if n == last else "│  "))


def _strategy(branch: Branch) -> str:
    reasons = [*map(str, branch.on_status_codes or ()), *(branch.on_failures or ())]
    after = f"on {', '.join(reasons)}" if reasons else "on any failure"
    if branch.strategy == "fallback":
        return f"fallback {after}"
    if branch.strategy == "conditional":
        return "conditional"
    sticky = ", sticky" if branch.sticky else ""
    return f"loadbalance {branch.by}{sticky}{f', another {after}' if branch.goes_on else ''}"


def _who(target: Told | None) -> str:
    if target is None:
        return "…"
    if not target.provider:
        return f"skipped: {target.skipped}"
    gear = f", {target.gear}" if target.gear else ""
    return f"@{target.provider}/{target.model}  {target.dialect}{gear}"


def _details(target: Told) -> Iterator[str]:
    if not target.provider:
        return
    if target.skipped:
        yield f"skipped: {target.skipped}"
    for what, names in (
        ("puts in", target.put),
        ("changes", target.changed),
        ("leaves out", target.left_out),
        ("cannot say", target.losses),
    ):
        if names:
            yield f"{what} {', '.join(names)}"
    facts = [f"answers within {target.timeouts['first_byte']:g} s, {target.timeouts['total']:g} s in all"]
    if target.retry is not None:
        facts.append(_retries(target.retry))
    if target.hedge is not None:
        facts.append(f"a second request to the {target.hedge.to} one after {target.hedge.after}")
    if target.prompt_cache is not None:
        put = ", ".join(target.prompt_cache.put)
        facts.append(f"prompt cache: {put or 'nothing to be put'}")
    if target.circuit is not None and target.circuit.state:
        wait = f", for {target.circuit.probe_in_ms / 1000:.3g} s" if target.circuit.probe_in_ms else ""
        facts.append(f"circuit {target.circuit.state}{wait}")
    yield "; ".join(facts)
    if target.cache is not None:
        yield _cache(target.cache)


def _cache(told: Recalling) -> str:
    """What the cache would do."""
    facts = [f"cache {told.mode}{_levels(told)}, {_span(told.max_age)}, one {told.scope}"]
    if told.capped_from is not None:
        facts.append(f"capped by the workspace (the config says {_span(told.capped_from)})")
    if told.namespace:
        facts.append(f"namespace '{told.namespace}'")
    if not told.coalesce:
        facts.append("answers under way are not shared")
    if told.found:
        how = "" if told.match is None else f" ({_how(told.match)})"
        facts.append(f"answered from {told.found}, {told.age} s old{how}")
    elif told.under_way:
        facts.append("shared with one under way")
    if told.match is not None and told.match.shadow:
        facts.append(f"would be answered from {told.match.id} ({_how(told.match)})")
    if not told.kept:
        facts.append(f"not used: {told.why}")
    elif told.why:
        facts.append(told.why)
    return "; ".join(facts)


def _levels(told: Recalling) -> str:
    if told.shadow:
        return f" by {' and '.join(told.levels)} (in the shadow)"
    names = [f"{name} (in the shadow)" if name in told.in_shadow else name for name in told.levels]
    return f" by {' and '.join(names)}" if names else ""


def _how(match: Match) -> str:
    return match.level if match.score is None else f"{match.level}, score {match.score:.3f} of {match.least:.3f}"


def _span(seconds: int) -> str:
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _retries(retry: Retries) -> str:
    reasons = ", ".join([*map(str, retry.on_status_codes), *retry.on_failures])
    return f"{retry.attempts} {'retry' if retry.attempts == 1 else 'retries'} on {reasons}"


def _ways(told: Explanation) -> Iterator[str]:
    """Who is tried in which order; ways that differ in what was skipped alone are one."""
    once: dict[tuple[str, ...], tuple[float, Course]] = {}
    for way in told.ways:
        key = tuple(each.at for each in way.tries)
        odds, first = once.get(key, (0.0, way))
        once[key] = odds + way.odds, first
    how = f"fails with {', then '.join(told.fails)}" if told.fails else "fails"
    yield f"Tried in this order, if each {how}:" if told.ways[0].ends == "fails" else "Tried:"
    for odds, way in once.values():
        share = "" if len(once) == 1 and not told.rest else f"{percent(odds):>6}  "
        for n, each in enumerate(way.tries):
            times = f", {each.times} times" if each.times > 1 else ""
            failed = f"  {each.fails}{times}" if each.fails else ""
            yield f"{share if not n else ' ' * len(share)}{n + 1:>3}. {each.at}  @{each.provider}/{each.model}{failed}"
        if way.refusal is not None:
            yield f"{' ' * len(share)}     then refused with {_no(way.refusal)}"
        for step in way.decisions if told.fails else ():
            if step.what == "stopped":
                yield f"{' ' * len(share)}     {step.at} does not go on: {step.why}"
    if told.rest > 0:
        yield f"{percent(told.rest):>6}  in other orders"


def _no(refusal: No) -> str:
    return f"{refusal.status} {refusal.code}: {refusal.message}"


def _name(name: str) -> str:
    return f" '{name}'" if name else ""


def _short(path: str, above: str) -> str:
    return path.removeprefix(above + ".")
