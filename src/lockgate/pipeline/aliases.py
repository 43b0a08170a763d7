"""Aliases: the operator's own names for models (`fast` for `@groq/llama-3.3-70b-versatile`).

They are resolved when the Snapshot is made, so a request looks its name up once. An alias comes before everything else that a
bare model name may mean; a request that names another provider means that provider's own model of that name.

Who may use one: a key whose patterns admit the model behind it (`@groq/*`), or the alias by its name (`fast`). The second
admits the model under this name alone, whatever the operator lets it stand for, and not the model itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from lockgate.pipeline.snapshot import Snapshot


def resolved(aliases: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """What each alias stands for in the end ("@slug/model"), and, by alias, what is wrong with those that stand for nothing.

    An alias may stand for another one.
    """
    found: dict[str, str] = {}
    wrong: dict[str, str] = {}
    for name in aliases:
        way = [name]
        while not (meant := aliases[way[-1]]).startswith("@") and meant in aliases and meant not in way:
            way.append(meant)
        if meant in way:
            wrong[name] = f"goes round in a circle: {' → '.join([*way, meant])}"
        elif not _is_model(meant):
            wrong[name] = f"'{meant}' is neither \"@slug/model\" nor another alias"
        else:
            found[name] = meant
    for name in aliases:
        if flaw := _flaw(name):
            wrong[name] = flaw
    return {name: meant for name, meant in found.items() if name not in wrong}, wrong


def grants(asked: str, slug: str, model: str, snapshot: Snapshot) -> tuple[str, ...]:
    """The names that a key's patterns may admit a request by: the model's own, and the alias that it was asked by."""
    name = f"@{slug}/{model}"
    return (name, asked) if snapshot.aliases.get(asked) == name or asked in snapshot.alias_configs else (name,)


def _is_model(name: str) -> bool:
    slug, slash, model = name.partition("/")
    return name.startswith("@") and len(slug) > 1 and bool(slash and model)


def _flaw(name: str) -> str:
    if not name or name.startswith("@") or len(name) > 200 or not name.isprintable() or name != name.strip():
        return "an alias is a name of up to 200 characters that does not begin with '@'"
    return ""
