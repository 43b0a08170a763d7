"""What a config says of the cache, checked."""

from __future__ import annotations

from collections.abc import Iterable

from lockgate.core.cache_cap import LEAST_S, MOST_S
from lockgate.pipeline.route import MODES, CacheConfig, Flaw
from lockgate.policy.caching import CERTAINTIES, LEVELS, USUAL_S, CachePolicy, Semantic
from lockgate.stores.embedding.wordllama import missing_packages


def read_cache(config: CacheConfig | str | bool, at: str) -> CachePolicy | None:
    """How answers are given again; None: they are not. `at` is its place in the config. Raises `Flaw`."""
    if isinstance(config, str):
        config = CacheConfig(mode=config)
    elif isinstance(config, bool):
        config = CacheConfig(mode="simple" if config else "off")
    if config.mode not in MODES:
        raise Flaw(f"{at}.mode", f"'{config.mode}' is none of {', '.join(MODES)}")
    if config.mode == "off":
        return None
    seconds = USUAL_S if config.max_age is None else config.max_age
    if not LEAST_S <= seconds <= MOST_S:
        raise Flaw(f"{at}.max_age", f"must lie between {LEAST_S} and {MOST_S} seconds")
    semantic = _semantic(config, at) if config.mode == "semantic" else None
    for member in ("levels", "level", "judge") if semantic is None else ():
        if getattr(config, member) is not None:
            raise Flaw(f"{at}.{member}", "is for mode 'semantic'")
    return CachePolicy(seconds, config.coalesce, config.scope, semantic)


def _semantic(config: CacheConfig, at: str) -> Semantic:
    levels = _levels(LEVELS[:1] if config.levels is None else config.levels, LEVELS, f"{at}.levels")
    if not levels:
        raise Flaw(f"{at}.levels", f"name one at least: {', '.join(LEVELS)}")
    certainty = CERTAINTIES[0] if config.level is None else config.level
    if certainty not in CERTAINTIES:
        raise Flaw(f"{at}.level", f"'{certainty}' is none of {', '.join(CERTAINTIES)}")
    near = [name for name in levels if name != "canonical"]
    if near and (missing := missing_packages()):
        raise Flaw(f"{at}.levels", f"'{near[0]}' needs {missing}: pip install 'lockgate[semantic]'")
    if "judged" in levels and not config.judge:
        raise Flaw(f"{at}.judge", 'which model is to judge, as a caller would name it ("@openai/gpt-5-mini")?')
    if "judged" not in levels and config.judge is not None:
        raise Flaw(f"{at}.judge", "is for the level 'judged', which is not among the levels")
    said = config.shadow
    shadow = (levels if said else ()) if isinstance(said, bool) else _levels(said, levels, f"{at}.shadow")
    return Semantic(levels, shadow, certainty, config.judge or "", config.max_temperature)


def _levels(said: Iterable[str], known: tuple[str, ...], at: str) -> tuple[str, ...]:
    """The levels that are named, cheapest first."""
    named = list(said)
    for n, name in enumerate(named):
        if name not in known:
            raise Flaw(f"{at}[{n}]", f"'{name}' is none of {', '.join(known)}")
    return tuple(name for name in known if name in named)
