"""Configs that are stored: made, changed into new versions, made the one that a workspace uses by default, removed."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec

from lockgate.control.accounts import SECRET
from lockgate.core.failure import Refusal
from lockgate.core.holdings import ConfigVersion, SavedConfig
from lockgate.core.json import raw
from lockgate.core.tenancy import Tenant, Workspace, check_slug, new_id
from lockgate.pipeline.branches import compile_route
from lockgate.pipeline.route import AT, Flaw, RouteConfig, read_inline
from lockgate.stores.control.change import Change

#: Members of a config that are secrets.
SECRETS = tuple(sorted(("api_key", *(SECRET & set(RouteConfig.__struct_fields__)))))


def check(config: dict[str, Any]) -> msgspec.Raw:
    """A config as it is stored. Raises `Refusal` 400 with the path of what is wrong."""
    written = raw(config)
    try:
        route = read_inline(bytes(written))
        _check_secrets(route, AT)
        compile_route(route)
    except Flaw as flaw:
        raise Refusal(400, "invalid_config", str(flaw), param=flaw.path) from None
    return written


def _check_secrets(route: RouteConfig, at: str) -> None:
    """A config is read by many and kept as it is, so no secret may stand in it."""
    for name in SECRETS:
        if getattr(route, name):
            path = f"{at}.{name}"
            raise Refusal(
                400,
                "secret_in_config",
                f"A saved config keeps no secrets: set a provider up, name it by '@slug', and leave '{path}' out.",
                param=path,
            )
    for n, target in enumerate(route.targets):
        _check_secrets(target, f"{at}.targets[{n}]")


def create(
    change: Change,
    tenant: Tenant,
    *,
    name: str,
    config: dict[str, Any],
    slug: str = "",
    default: bool = False,
    author: str = "",
) -> SavedConfig:
    """A new config, in its first version. Raises `Refusal`, `Taken`."""
    saved = change.add(
        SavedConfig(
            id=new_id(),
            organisation=tenant.organisation,
            workspace=tenant.workspace,
            slug=check_slug(slug or f"pc-{_short(name)}-{secrets.token_hex(3)}"),
            name=name,
            number=1,
            config=check(config),
            owner=author,
        )
    )
    _keep_version(change, saved, author)
    return _set_default(change, saved) if default else saved


def update(
    change: Change,
    slug: str,
    *,
    config: dict[str, Any] | None = None,
    name: str = "",
    status: str = "",
    default: bool | None = None,
    author: str = "",
) -> SavedConfig:
    """Change a config; another `config` is another version. One that is archived is nobody's default. Raises `Refusal` 404,
    400."""
    saved = named(change, slug)
    said: dict[str, Any] = {}
    if name:
        said["name"] = name
    if status:
        said["status"] = status
    if config is not None and (written := check(config)) != saved.config:
        said |= {"config": written, "number": saved.number + 1}
    if said:
        saved = change.put(msgspec.structs.replace(saved, **said))
        if "number" in said:
            _keep_version(change, saved, author)
    if default and saved.status == "active":
        return _set_default(change, saved)
    if saved.is_default and (default is False or saved.status == "archived"):
        _forget_default(change, saved)
        saved = change.put(msgspec.structs.replace(saved, is_default=False))
    return saved


def remove(change: Change, slug: str) -> None:
    """Remove a config with all its versions. Raises `Refusal` 404."""
    saved = named(change, slug)
    for version in change.all(ConfigVersion, of=saved.id):
        change.remove(version)
    if saved.is_default:
        _forget_default(change, saved)
    change.remove(saved)


def named(change: Change, slug: str) -> SavedConfig:
    """The config of a slug. Raises `Refusal` 404; 409 where several workspaces have one of that name."""
    found = change.all(SavedConfig, slug=slug)
    if len(found) > 1:
        raise ambiguous(slug)
    if not found:
        raise unknown_config(slug)
    return found[0]


def ambiguous(slug: str) -> Refusal:
    """Several are called that."""
    return Refusal(409, "ambiguous", f"Several workspaces have a config '{slug}': say which.", param="workspace_id")


def unknown_config(slug: str) -> Refusal:
    """There is no such config."""
    return Refusal(404, "config_not_found", f"No config is stored as '{slug[:100]}'.", param="slug")


def _keep_version(change: Change, saved: SavedConfig, author: str) -> None:
    change.add(
        ConfigVersion(
            id=new_id(),
            organisation=saved.organisation,
            workspace=saved.workspace,
            of=saved.id,
            number=saved.number,
            config=saved.config,
            author=author,
        )
    )


def _set_default(change: Change, saved: SavedConfig) -> SavedConfig:
    """Make it the one for requests of its workspace that name none."""
    for other in change.all(SavedConfig, workspace=saved.workspace):
        if other.is_default and other.id != saved.id:
            change.put(msgspec.structs.replace(other, is_default=False))
    place = change.get(Workspace, saved.workspace)
    if place.defaults.config != saved.slug:
        change.put(msgspec.structs.replace(place, defaults=msgspec.structs.replace(place.defaults, config=saved.slug)))
    return saved if saved.is_default else change.put(msgspec.structs.replace(saved, is_default=True))


def _forget_default(change: Change, saved: SavedConfig) -> None:
    place = change.get(Workspace, saved.workspace)
    change.put(msgspec.structs.replace(place, defaults=msgspec.structs.replace(place.defaults, config="")))


def _short(name: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name.lower()).strip("-")[:20] or "x"
