"""What the configuration file declares, as rows like those that are stored: so that it is listed and read with them. It belongs
to the organisation to begin with, and is changed in its file alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import NODEFAULT

from lockgate.control import saved_configs
from lockgate.control.config import Config, ProviderEntry
from lockgate.control.house import House
from lockgate.control.keys import ADMIN
from lockgate.control.scopes import EVERYTHING
from lockgate.core.failure import Refusal
from lockgate.core.holdings import SavedConfig, VirtualKey
from lockgate.core.json import raw
from lockgate.core.tenancy import ApiKey, Defaults, Policy, Row, Tenant
from lockgate.providers.table import TABLE
from lockgate.stores.control.store import ControlStore, Page

T = TypeVar("T", bound=Row)


class Declared(msgspec.Struct, frozen=True):
    """A row that is not stored, and where it is declared. `provider`: whose it is, of a provider."""

    row: Row
    where: str
    provider: str = ""


def api_keys(house: House) -> dict[str, Declared]:
    """The keys of the file, and the one of the environment, by id."""
    return {
        each.row.id: each for each in _api_keys(house.in_force, house.environment, house.stored.home.organisation, _name(house))
    }


def configs(house: House) -> dict[str, Declared]:
    """The configs of the file, by slug."""
    organisation, name = house.stored.home.organisation, _name(house)
    return {
        slug: Declared(
            SavedConfig(
                id=f"config:{slug}",
                organisation=organisation,
                slug=slug,
                name=slug,
                workspace="",
                number=1,
                config=raw(_written(written)),
            ),
            f"{name} (configs.{slug})",
        )
        for slug, written in house.in_force.configs.items()
    }


def providers(house: House) -> dict[str, Declared]:
    """The providers of the file, and those that the environment has a key for, by slug."""
    organisation, name, config = house.stored.home.organisation, _name(house), house.in_force
    found = {
        slug: Declared(_virtual_key(slug, organisation, entry), f"{name} (providers.{slug})", entry.provider or slug)
        for slug, entry in config.providers.items()
    }
    for row in TABLE.values():
        variable = next((name for name in row.env if house.environment.get(name)), "")
        if variable and row.slug not in found:
            found[row.slug] = Declared(_virtual_key(row.slug, organisation), f"the environment ({variable})", row.slug)
    return found


def policies(house: House) -> dict[str, Declared]:
    """The policies of the file, by id."""
    organisation, name = house.stored.home.organisation, _name(house)
    return {
        f"config:{entry.name}": Declared(
            Policy(
                id=f"config:{entry.name}",
                organisation=organisation,
                name=entry.name,
                conditions=[each.term() for each in entry.conditions],
                group_by=entry.group_by,
                usage=None if entry.usage is None else entry.usage.limit(),
                rate=entry.rate,
            ),
            f"{name} (policies[{n}])",
        )
        for n, entry in enumerate(house.in_force.policies)
    }


def taken(slug: str, at: str) -> Refusal:
    """The answer to whoever would store something under a slug that the file has."""
    return Refusal(409, "taken", f"The configuration declares '{slug}': choose another slug.", param=at)


def read_only(declared: Declared) -> Refusal:
    """The answer to whoever would change it."""
    return Refusal(
        403,
        "declared_in_configuration",
        f"This is declared in {declared.where}: change it there. The gateway notices within a second.",
    )


def page(
    store: ControlStore, tenant: Tenant, noun: type[T], declared: Mapping[str, Declared], limit: int, offset: int, **where: str
) -> Page[T]:
    """A page of what is stored and, after that, declared."""
    found = store.page(tenant, noun, limit=limit, offset=offset, **where)
    first = max(0, offset - found.total)
    more = [each.row for each in declared.values() if isinstance(each.row, noun)]
    room = limit - len(found.rows)
    return Page([*found.rows, *more[first : first + room]], found.total + len(more))


def _api_keys(config: Config, environment: Mapping[str, str], organisation: str, name: str) -> list[Declared]:
    found = [
        Declared(
            ApiKey(
                id=f"config:{entry.name}",
                organisation=organisation,
                name=entry.name,
                digest=b"",
                scopes=entry.scopes,
                models=entry.models,
                defaults=Defaults(config=entry.config, allow_config_override=entry.allow_config_override),
                usage_limits=None if entry.usage_limits is None else entry.usage_limits.limit(),
                rate_limits=entry.rate_limits,
                capture=entry.capture,
                redact=entry.redact,
            ),
            f"{name} (keys[{n}])",
        )
        for n, entry in enumerate(config.keys)
    ]
    if environment.get(ADMIN):
        admin = ApiKey(id="admin", organisation=organisation, name="admin", digest=b"", scopes=[EVERYTHING])
        found.append(Declared(admin, f"the environment ({ADMIN})"))
    return found


def _virtual_key(slug: str, organisation: str, entry: ProviderEntry | None = None) -> VirtualKey:
    return VirtualKey(
        id=f"config:{slug}",
        organisation=organisation,
        workspace="",
        slug=slug,
        name=slug,
        integration="",
        usage_limits=None if entry is None or entry.usage_limits is None else entry.usage_limits.limit(),
        rate_limits=[] if entry is None else entry.rate_limits,
    )


def _name(house: House) -> str:
    return "the configuration" if house.config_path is None else house.config_path.name


def _written(value: Any) -> Any:
    """A struct of the configuration as it was written: without what nobody said, and without secrets."""
    if isinstance(value, msgspec.Struct):
        said: dict[str, Any] = {}
        for field in msgspec.structs.fields(value):
            each = getattr(value, field.name)
            default = field.default if field.default_factory is NODEFAULT else field.default_factory()
            if each != default:
                said[field.encode_name] = "****" if field.name in saved_configs.SECRETS else _written(each)
        return said
    return [_written(each) for each in value] if isinstance(value, list) else value
