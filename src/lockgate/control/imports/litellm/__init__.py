"""LiteLLM's proxy configuration (https://docs.litellm.ai/docs/proxy/configs) as a `lockgate.yaml`.

Callers keep the names that they ask for: each `model_name` is an alias, for a model or for a config that does what LiteLLM's
router does. Nothing is asked of LiteLLM, and its database is not read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from lockgate.control.imports.accounts import Accounts
from lockgate.control.imports.draft import Draft, Variables
from lockgate.control.imports.findings import Findings
from lockgate.control.imports.litellm.deployments import read_groups
from lockgate.control.imports.litellm.left import leave
from lockgate.control.imports.litellm.members import Members
from lockgate.control.imports.litellm.routes import write_routes
from lockgate.control.imports.litellm.settings import read_environment, read_general, read_litellm, read_router
from lockgate.control.imports.source import BadSource, Source, read

#: Files that `include` may name, at most.
_MOST_FILES = 32


def convert(source: Source, keep_secrets: bool, findings: Findings) -> Draft:
    """The draft of a configuration. Raises `BadSource` for a file that is none of LiteLLM's, or one that it includes."""
    if not isinstance(source.tree, dict):
        raise BadSource(f"{source.path} is no configuration of LiteLLM's: it is no mapping")
    for path in source.repeated:
        findings.changed(path, "it is given twice; the last one holds, as in LiteLLM")
    tree = _with_includes(cast("dict[str, Any]", source.tree), source.path, findings)
    top = Members(tree, "", findings)
    if "model_list" not in top and "router_settings" not in top and "litellm_settings" not in top:
        raise BadSource(f"{source.path} is no configuration of LiteLLM's: it has no model_list")
    draft = Draft()
    accounts = Accounts(draft, Variables(keep_secrets), findings)
    litellm = Members(top.take("litellm_settings"), "litellm_settings", findings)
    router = read_router(Members(top.take("router_settings"), "router_settings", findings), litellm, draft, findings)
    groups = read_groups(top.items("model_list"), _credentials(top), draft, accounts, findings)
    accounts.finish()
    write_routes(groups, router, draft, findings)
    read_litellm(litellm, draft, findings)
    read_general(Members(top.take("general_settings"), "general_settings", findings), draft, accounts, findings)
    read_environment(top.mapping("environment_variables"), draft.variables(), findings)
    leave(top, "sections")
    return draft


def _credentials(top: Members) -> dict[str, dict[str, Any]]:
    """`credential_list`, by name: values that deployments refer to."""
    found: dict[str, dict[str, Any]] = {}
    for n, tree in enumerate(top.items("credential_list")):
        entry = Members(tree, f"credential_list[{n}]", top.findings)
        info = Members(entry.take("credential_info"), entry.path("credential_info"), top.findings)
        provider = info.text("custom_llm_provider")
        values = entry.mapping("credential_values")
        found[entry.text("credential_name")] = {**values, **({"custom_llm_provider": provider} if provider else {})}
    return found


def _with_includes(tree: dict[str, Any], path: Path, findings: Findings) -> dict[str, Any]:
    """The tree with what the files of `include` add: lists grow, mappings gain members. A file is read only where the first one
    lies, or below."""
    home = path.resolve().parent
    seen = {path.resolve()}
    waiting = [(home, each) for each in _listed(tree.pop("include", None))]
    while waiting:
        base, name = waiting.pop(0)
        file = (base / name).resolve()
        if file in seen:
            continue
        if home not in file.parents:
            findings.left("include", f"{name} lies outside {home}, and is not read")
            continue
        if len(seen) > _MOST_FILES:
            raise BadSource(f"{path} includes more than {_MOST_FILES} files")
        seen.add(file)
        other = read(file).tree
        if not isinstance(other, dict):
            raise BadSource(f"{file} is no configuration of LiteLLM's: it is no mapping")
        members = cast("dict[str, Any]", other)
        waiting += [(file.parent, each) for each in _listed(members.pop("include", None))]
        for member, value in members.items():
            tree[member] = _joined(tree.get(member), value)
        findings.carried("include", f"{name}; places in model_list count on through the files")
    return tree


def _joined(one: Any, other: Any) -> Any:
    if isinstance(one, list) and isinstance(other, list):
        return [*cast("list[Any]", one), *cast("list[Any]", other)]
    if isinstance(one, dict) and isinstance(other, dict):
        return {**cast("dict[str, Any]", one), **cast("dict[str, Any]", other)}
    return other


def _listed(value: Any) -> list[str]:
    values = cast("list[Any]", value) if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, str)]
