"""Configuration, environment and stored keys, compiled into a Snapshot. Everything that is wrong is found at once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from lockgate.control.alerts.post import post_of
from lockgate.control.alerts.rules import rules_of
from lockgate.control.alerts.settings import AlertsEntry
from lockgate.control.allowances import compile_allowances
from lockgate.control.config import (
    REDIS_SCHEMES,
    BadConfig,
    CatalogueEntry,
    Config,
    Mistake,
    log_url,
    redis_url,
)
from lockgate.control.entries import deadlines_of, of_environment, provider_of
from lockgate.control.identity.compiled import check_identity, compile_tokens
from lockgate.control.identity.jwks import KeySets
from lockgate.control.keeping import caps_of, captures_of, check_bodies, mask_of, masks_of
from lockgate.control.keys import principals
from lockgate.control.price_list import refresh_of
from lockgate.control.sinks.outlets import Means, outlets_by_name
from lockgate.control.stored import Stored
from lockgate.core.failure import Refusal
from lockgate.core.json import encode
from lockgate.core.tenancy import Workspace
from lockgate.pipeline.aliases import resolved
from lockgate.pipeline.branches import Route, compile_route, targets_of
from lockgate.pipeline.route import AT, Flaw, RouteConfig
from lockgate.pipeline.snapshot import Limits, LogPolicy, Refresh, Snapshot
from lockgate.pipeline.target import Provider
from lockgate.policy.tariff import Tariff
from lockgate.providers.prices import Prices
from lockgate.providers.prices_file import head_of
from lockgate.providers.table import TABLE
from lockgate.providers.worst import WorstCases
from lockgate.stores.cache.open import wrong_with as wrong_with_cache
from lockgate.stores.logs.open import wrong_with
from lockgate.transport.destination import TlsIdentity
from lockgate.transport.egress import Egress
from lockgate.wire.forwarded import networks_of


def compile_snapshot(
    config: Config,
    *,
    environment: Mapping[str, str],
    pepper: bytes,
    scopes: frozenset[str],
    stored: Stored | None = None,
    price_list: Path | None = None,
    key_sets: KeySets | None = None,
    declared_us: int = 0,
) -> Snapshot:
    """The world that a configuration describes, and the control store beside it; raises `BadConfig` with every mistake of the
    configuration. What is stored and cannot be used is left out, and told in `stored.flaws`. `price_list` is the file of one
    that may have been taken; `key_sets` are those of this process; `declared_us` is when the configuration was last written
    (µs since the epoch)."""
    mistakes: list[Mistake] = []
    stored = Stored() if stored is None else stored
    egress = _egress(config.egress.allow, mistakes)
    providers = {
        slug: provider
        for slug, entry in config.providers.items()
        if (provider := provider_of(slug, entry, config.timeouts, environment, mistakes)) is not None
    }
    parts = {place: _part(place, config, environment, stored) for place in stored.parts}
    _no_slug_twice(config, stored, mistakes)
    tariffs = _tariffs(parts, stored)
    own = parts.pop(stored.home.workspace, {})
    for row in TABLE.values():
        if (
            row.slug not in config.providers
            and row.slug not in own
            and (row.builtin or any(environment.get(name) for name in row.env))
        ):
            found = of_environment(row, config.timeouts, environment)
            if found is not None:
                providers[row.slug] = found
    shared = dict(providers)
    providers |= own
    routes = {
        slug: route
        for slug, written in config.configs.items()
        if (route := _route(f"configs.{slug}", written, providers, mistakes)) is not None
    }
    models = {name: meant for name, meant in config.aliases.items() if isinstance(meant, str)}
    aliases = _aliases(models, providers, mistakes)
    alias_configs = _alias_configs(config, mistakes)
    for n, entry in enumerate(config.keys):
        if entry.config and entry.config not in config.configs:
            mistakes.append(Mistake(f"keys[{n}].config", f"no config is called '{entry.config}'"))
    keys = {**stored.keys, **principals(config.keys, environment, pepper, scopes, mistakes)}
    try:
        prices = Prices(config.prices, tariffs=tariffs, file=price_list)
    except ValueError as error:
        mistakes.append(Mistake("prices", str(error)))
    refresh = _refresh(config.catalogue, mistakes)
    for n, each in enumerate(config.server.trusted_proxies):
        try:
            networks_of((each,))
        except ValueError as error:
            mistakes.append(Mistake(f"server.trusted_proxies[{n}]", str(error)))
    mask = mask_of("log", config.log.redact, mistakes)
    masks = masks_of(config, stored, mistakes)
    sources = check_identity(config.identity, scopes, mistakes)
    wrongs = [*post_of(config.alerts)[1], *rules_of(config.alerts)[1]]
    mistakes += [Mistake(f"alerts.{wrong.path}", wrong.message) for wrong in wrongs]
    outward = Means(lambda: egress, "", environment)
    mistakes += [Mistake(wrong.path, wrong.message) for wrong in outlets_by_name(config.telemetry, config.sinks, outward)[1]]
    if (url := redis_url(config, environment)) and not url.startswith(REDIS_SCHEMES):
        mistakes.append(Mistake("redis", f"Redis' URL begins with {', '.join(REDIS_SCHEMES)}"))
    if wrong := wrong_with(log_url(config.log, environment)):
        mistakes.append(Mistake("log.store", wrong))
    if wrong := wrong_with_cache(config.cache.store):
        mistakes.append(Mistake("cache.store", wrong))
    if config.cache.max_bytes < 1024 * 1024:
        mistakes.append(Mistake("cache.max_bytes", "must be a mebibyte (1048576) at least"))
    mistakes += check_bodies(config, environment)
    allowances = compile_allowances(config, stored, declared_us, mistakes, tokens=bool(config.identity.jwt))
    if mistakes:
        raise BadConfig(mistakes)
    taken = None if price_list is None else head_of(price_list)
    declared = dict(routes)
    routes |= _stored_routes(stored, stored.home.workspace)
    world = Snapshot(
        revision=_revision(config, stored, providers, "" if taken is None else taken.version),
        pepper=pepper,
        keys=keys,
        providers=providers,
        routes=routes,
        egress=egress,
        prices=prices,  # type: ignore[possibly-unbound] - a mistake has been raised
        worst=WorstCases(prices),  # type: ignore[possibly-unbound]
        allowances=allowances,
        deadlines=deadlines_of(config.timeouts),
        limits=Limits(request=config.limits.request_body, answer=config.limits.answer_body),
        log=LogPolicy(config.log.capture, config.log.body_limit),
        captures=captures_of(config, stored),
        caps=caps_of(config, stored),
        mask=mask,
        masks=masks,
        home=stored.home,
        aliases=aliases,
        refresh=refresh,
        alias_configs=alias_configs,
        tokens=compile_tokens(config.identity, sources, stored, scopes, key_sets),
    )
    _show(world, stored, parts, shared, declared)
    return world


def _part(place: str, config: Config, environment: Mapping[str, str], stored: Stored) -> dict[str, Provider]:
    """The providers that are stored for one workspace, as far as they can be used."""
    found: dict[str, Provider] = {}
    for slug, each in stored.parts[place].providers.items():
        provider = provider_of(
            slug,
            each.entry,
            config.timeouts,
            environment if each.own_identity else None,
            stored.flaws,
            at=f"stored provider @{slug}",
        )
        if provider is not None:
            provider.realm = "" if place == stored.home.workspace else place
            provider.without, provider.granted = each.without, each.granted
            found[slug] = provider
    return found


def _tariffs(parts: Mapping[str, Mapping[str, Provider]], stored: Stored) -> dict[str, Tariff]:
    """The tariffs of the accounts behind stored providers, by what these are known by. A model is priced by its name there too,
    where that is another."""
    found: dict[str, Tariff] = {}
    for place, providers in parts.items():
        for slug, provider in providers.items():
            tariff = stored.parts[place].providers[slug].tariff
            if tariff is not None:
                own = {provider.named(model): price for model, price in tariff.own.items()} | dict(tariff.own)
                like = {provider.named(model): other for model, other in tariff.like.items()} | dict(tariff.like)
                found[provider.known_by] = Tariff(own, like, tariff.factors)
    return found


def _no_slug_twice(config: Config, stored: Stored, mistakes: list[Mistake]) -> None:
    """What the file declares and what is stored share their names."""
    of_home = {row.id for row in stored.rows[Workspace].values() if row.organisation == stored.home.organisation}
    for place, part in stored.parts.items():
        if place in of_home:
            for kind, declared, there in (
                ("providers", config.providers, part.providers),
                ("configs", config.configs, part.configs),
            ):
                mistakes += [
                    Mistake(f"{kind}.{slug}", f"'{slug}' is stored too: rename it here, or remove the stored one")
                    for slug in sorted(declared.keys() & there.keys())
                ]


def _stored_routes(stored: Stored, place: str) -> dict[str, Route]:
    """The configs that are stored for a workspace. Their targets are looked up when they are used."""
    part, found = stored.parts.get(place), dict[str, Route]()
    for slug, written in part.configs.items() if part is not None else ():
        try:
            found[slug] = compile_route(written)
        except Flaw as flaw:
            stored.flaws.append(Mistake(f"stored config {slug}{flaw.path.removeprefix(AT)}", str(flaw)))
    return found


def _show(
    world: Snapshot,
    stored: Stored,
    parts: dict[str, dict[str, Provider]],
    shared: dict[str, Provider],
    declared: dict[str, Route],
) -> None:
    """The world as other workspaces see it. What the configuration and the environment set up is the home organisation's; other
    organisations have what is built in, and what is their own."""

    def view(providers: dict[str, Provider], routes: dict[str, Route], at_home: bool) -> Snapshot:
        aliases = {name: meant for name, meant in world.aliases.items() if meant[1:].partition("/")[0] in providers}
        return msgspec.structs.replace(
            world,
            providers=providers,
            routes=routes,
            aliases=aliases if at_home else {},
            alias_configs=world.alias_configs if at_home else {},
            views={},
            default_view={},
            _homes={},
            seen={},
            inline_routes={},
            targets={},
            inline={},
        )

    builtin = {slug: provider for slug, provider in shared.items() if provider.row.builtin and slug == provider.row.slug}
    world.default_view = {stored.home.organisation: view(shared, declared, True), "": view(builtin, {}, False)}
    owners = {row.id: row.organisation for row in stored.rows[Workspace].values()}
    for place in stored.parts.keys() - {stored.home.workspace}:
        at_home = owners.get(place) == stored.home.organisation
        providers = (shared if at_home else builtin) | parts.get(place, {})
        routes = (declared if at_home else {}) | _stored_routes(stored, place)
        world.views[place] = view(providers, routes, at_home)


def _egress(allow: list[str], mistakes: list[Mistake]) -> Egress:
    good: list[str] = []
    for n, rule in enumerate(allow):
        try:
            Egress.compile([rule])
            good.append(rule)
        except ValueError as error:
            mistakes.append(Mistake(f"egress.allow[{n}]", str(error)))
    return Egress.compile(good)


def _route(at: str, written: RouteConfig, providers: dict[str, Provider], mistakes: list[Mistake]) -> Route | None:
    """A config, compiled; None when it is too wrong to be one."""
    try:
        route = compile_route(written)
    except Flaw as flaw:
        mistakes.append(Mistake(at + flaw.path.removeprefix(AT), str(flaw)))
        return None
    for leaf, branch in targets_of(route):
        _check_target(at + leaf.path.removeprefix(AT), branch.config, providers, mistakes)
    return route


def _check_target(at: str, route: RouteConfig, providers: dict[str, Provider], mistakes: list[Mistake]) -> None:
    said = route.virtual_key or route.provider
    slug = said.removeprefix("@")
    if (route.virtual_key or said.startswith("@")) and slug not in providers:
        mistakes.append(Mistake(f"{at}.provider", f"no provider is set up as '@{slug}'"))
    elif said and not (route.virtual_key or said.startswith("@")) and said not in TABLE:
        mistakes.append(Mistake(f"{at}.provider", f"no provider is called '{said}'; `lockgate providers` lists them"))


def _alias_configs(config: Config, mistakes: list[Mistake]) -> dict[str, str]:
    """Aliases that stand for configs."""
    found: dict[str, str] = {}
    for name, meant in config.aliases.items():
        if isinstance(meant, str):
            continue
        if meant.config not in config.configs:
            mistakes.append(Mistake(f"aliases.{name}.config", f"no config is called '{meant.config}'"))
        found[name] = meant.config
    return found


def _aliases(written: dict[str, str], providers: dict[str, Provider], mistakes: list[Mistake]) -> dict[str, str]:
    """The aliases as they end, each at a provider that is set up and that admits the model."""
    aliases, wrong = resolved(written)
    for name, meant in aliases.items():
        slug, _, model = meant[1:].partition("/")
        if (provider := providers.get(slug)) is None:
            wrong[name] = f"no provider is set up as '@{slug}'"
        elif not provider.admits(model):
            wrong[name] = f"'{model}' is not among the models of '@{slug}'"
    mistakes += [Mistake(f"aliases.{name}", why) for name, why in wrong.items()]
    return aliases


def _refresh(entry: CatalogueEntry, mistakes: list[Mistake]) -> Refresh | None:
    """Where the price list is fetched from; None: nowhere."""
    if not entry.every_hours >= 1:
        mistakes.append(Mistake("catalogue.every_hours", "must be a number of hours, 1 or more"))
    tls = None if entry.tls == type(entry.tls)() else TlsIdentity(**msgspec.structs.asdict(entry.tls))
    try:
        refresh = refresh_of(entry.url, entry.every_hours * 3600, tls, entry.proxy)
    except Refusal as refusal:
        mistakes.append(Mistake(f"catalogue.{refusal.param}", refusal.message))
        return None
    return refresh if entry.refresh else None


def _revision(config: Config, stored: Stored, providers: dict[str, Provider], price_list: str) -> str:
    """A short name for this world: the same for the same configuration, keys, providers and price list. Secrets do not enter
    it."""
    said = msgspec.structs.replace(
        config,
        providers={},
        keys=[],
        catalogue=CatalogueEntry(),
        alerts=AlertsEntry(),
        identity=config.identity.without_secrets(),
    )
    parts = (encode(said), encode(sorted(providers)), encode([stored.revision, len(stored.keys)]), price_list.encode())
    return hashlib.sha256(b"\n".join(parts)).hexdigest()[:12]
