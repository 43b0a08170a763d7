"""/v1/providers: the names (`@slug`) under which workspaces use accounts at providers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from lockgate.control import declared, integrations
from lockgate.control import providers as case
from lockgate.control.budgets import standings
from lockgate.core.failure import Refusal
from lockgate.core.holdings import Integration, VirtualKey
from lockgate.core.tenancy import Tenant
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.integrations import declared_slugs
from lockgate.http.admin.provider_shapes import (
    ChangedProvider,
    ListProviders,
    MadeProvider,
    NewProvider,
    ShownProvider,
    changes_of,
    limits_of,
    row_of,
)
from lockgate.http.admin.shapes import Empty, Listing
from lockgate.stores.control.change import Change
from lockgate.stores.control.query import Absent
from lockgate.stores.ledger.standings import Standing

T = TypeVar("T")


def create(ask: Ask, body: NewProvider) -> MadeProvider:
    """Make a provider of an integration, for a workspace."""
    check_slug(ask, body.slug or "")
    if body.model_config:
        raise Refusal(
            400, "unsupported_member", "Models are said of the integration: leave model_config out.", param="model_config"
        )
    around = Tenant(ask.tenant.organisation) if ask.caller.is_whole else ask.tenant
    try:
        account = integrations.named(ask.store, around, body.integration_id)
    except Refusal as refusal:
        refusal.param = "integration_id"
        raise
    with ask.change() as change:
        key = case.add_virtual_key(
            change, ask.tenant, account, name=body.name, slug=body.slug or "", **limits_of(body, ask.now_us)
        )
    return MadeProvider(id=key.id, slug=key.slug)


def index(ask: Ask, query: ListProviders) -> Listing[ShownProvider]:
    """List the providers that the caller may use, newest first, and those that the configuration declares."""
    return listed(ask, query, lambda found: ShownProvider(**found.row))


def read(ask: Ask) -> ShownProvider:
    """Read a provider."""
    found = seen(ask)
    ask.version = found.key.version
    return ShownProvider(**found.row)


def update(ask: Ask, body: ChangedProvider) -> MadeProvider:
    """Change a provider. Requests that are under way keep what they began with."""
    check_same(ask, body.slug)
    if body.reset_usage:
        ask.check_resets()
    with ask.change() as change:
        key = changeable(ask, change)
        key = case.update_virtual_key(change, key, **changes_of(body, key, ask.now_us))
    return MadeProvider(id=key.id, slug=key.slug)


def remove(ask: Ask) -> Empty:
    """Remove a provider; its integration stays."""
    with ask.change() as change:
        change.remove(changeable(ask, change))
    return Empty()


# --- what virtual keys have as well


class Found:
    """A provider, stored or declared, with its account where that is stored, and how its budget stands (None: nobody knows)."""

    def __init__(
        self,
        ask: Ask,
        key: VirtualKey,
        account: Integration | None,
        fixed: declared.Declared | None,
        standing: Standing | None,
    ) -> None:
        self.key = key
        self.account = account
        self.provider = fixed.provider if fixed is not None else "" if account is None else account.provider
        status = case.status_of(key, ask.now_us, spent=standing is not None and standing.exhausted)
        where = None if fixed is None else fixed.where
        self.row: dict[str, Any] = row_of(key, self.provider, status, where, ask.now_us, standing)

    def __repr__(self) -> str:
        return f"Found(@{self.key.slug})"


def listed(ask: Ask, query: ListProviders, show: Callable[[Found], T]) -> Listing[T]:
    """A page of what is stored and then declared, each shown."""
    fixed = _declared(ask)
    stored = {key.slug for slug in fixed for key in ask.store.page(ask.tenant, VirtualKey, limit=1, slug=slug).rows}
    fixed = {slug: each for slug, each in fixed.items() if slug not in stored}  # a stored one comes before the environment's
    found = declared.page(ask.store, ask.tenant, VirtualKey, fixed, query.page_size, query.offset)
    accounts: dict[str, Integration | None] = {"": None}
    for key in found.rows:
        if key.integration not in accounts:
            accounts[key.integration] = _account(ask, key)
    known = standings(ask.office, found.rows)
    shown = [
        show(Found(ask, key, accounts[key.integration], None if key.version else fixed[key.slug], known.get(key.id)))
        for key in found.rows
    ]
    return Listing(total=found.total, data=shown)


def seen(ask: Ask) -> Found:
    """The provider of the path. Raises `Refusal` 404; 409 where several workspaces have one of that slug."""
    slug = ask.params["slug"]
    rows = ask.store.page(ask.tenant, VirtualKey, limit=2, slug=slug).rows
    if len(rows) > 1:
        raise case.ambiguous(slug)
    if rows:
        return Found(ask, rows[0], _account(ask, rows[0]), None, standings(ask.office, rows).get(rows[0].id))
    fixed = _declared(ask).get(slug)
    if fixed is None:
        raise case.unknown_provider(slug)
    assert isinstance(fixed.row, VirtualKey)
    return Found(ask, fixed.row, None, fixed, standings(ask.office, [fixed.row]).get(fixed.row.id))


def changeable(ask: Ask, change: Change) -> VirtualKey:
    """The provider of the path, to be changed. Raises `Refusal`: 403 for one that is declared."""
    slug = ask.params["slug"]
    try:
        key = case.named(change, slug)
    except Refusal as refusal:
        if refusal.status == 404 and (fixed := _declared(ask).get(slug)) is not None:
            raise declared.read_only(fixed) from None
        raise
    ask.match(key)
    return key


def check_slug(ask: Ask, slug: str) -> None:
    """Raises `Refusal` 409 for a slug that the configuration file has."""
    if slug in declared_slugs(ask):
        raise declared.taken(slug, "slug")


def check_same(ask: Ask, slug: str) -> None:
    """Raises `Refusal` 400 for another slug than the path's."""
    if slug not in ("", ask.params["slug"]):
        raise Refusal(400, "invalid_value", "A slug cannot be changed: make another provider.", param="slug")


def _declared(ask: Ask) -> dict[str, declared.Declared]:
    return declared.providers(ask.office.house) if ask.at_home else {}


def _account(ask: Ask, key: VirtualKey) -> Integration | None:
    """The account behind a name, which may be the organisation's."""
    try:
        return ask.store.get(Tenant(key.organisation), Integration, key.integration)
    except Absent:
        return None
