"""The cache as its operator uses it: which answers are kept and how much room they take, to whom one of them was given, and how
they are forgotten.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from lockgate.control.config import CacheEntry
from lockgate.control.search import Search
from lockgate.core.audit import Actor
from lockgate.core.failure import Refusal
from lockgate.core.record import Record, time_of_id
from lockgate.core.tenancy import Tenant
from lockgate.stores.cache.open import open_shelf
from lockgate.stores.cache.port import CacheShelf, Meant
from lockgate.stores.control.store import ControlStore
from lockgate.stores.logs.ports import Cursor, Filter, Page

#: What a purge is about, in the audit log.
RESOURCE = "cache"


class Served(msgspec.Struct, frozen=True):
    """An answer, and to whom it was given. `id` is the request whose answer it is; `source` its record, None when that is not
    in the log (any more); `page` holds the requests that were given it, newest first."""

    id: str
    source: Record | None
    page: Page


def kind_of(asked: CacheEntry) -> str:
    """Where answers are kept, in one word: "sqlite", "memory", "redis" …; a URL may hold a password."""
    return asked.store.partition(":")[0] or "sqlite"


def shelf_of(asked: CacheEntry, data: Path) -> CacheShelf:
    """The operator's side of the cache that is configured. Raises `Refusal` 409 where nobody but its worker can look, and
    `StoreError`."""
    if kind_of(asked) == "memory":
        message = "The cache is in the memory of each worker, where nobody else can look. Restart, or keep it in 'sqlite:'."
        raise Refusal(409, "cache_in_memory", message)
    return open_shelf(asked.store, data)


def of_tenant(tenant: Tenant, meant: Meant) -> Meant:
    """Of the entries that are meant those that belong to a tenant, and no other."""
    return msgspec.structs.replace(
        meant, organisation=tenant.organisation, **({"workspace": tenant.workspace} if tenant.workspace else {})
    )


def is_narrow(meant: Meant) -> bool:
    """Whether something is said of the entries themselves, beside whose they are."""
    return any((meant.namespace is not None, meant.model, meant.provider, meant.id, meant.before_us is not None))


def purge(shelf: CacheShelf, store: ControlStore, tenant: Tenant, actor: Actor, now_us: int, meant: Meant) -> int:
    """Forget entries of a tenant; how many. It stands in the audit log before it is done, so that one that breaks off is known
    as well. Raises `StoreError`."""
    meant = of_tenant(tenant, meant)
    count, size = shelf.size(meant)
    said = {name: value for name, value in msgspec.structs.asdict(meant).items() if value not in ("", None)}
    said.pop("organisation")
    workspace = said.pop("workspace", "")
    with store.change(tenant, actor, now_us) as change:
        change.note("delete", RESOURCE, meant.id, workspace, {**said, "entries": count, "bytes": size})
    return shelf.purge(meant)


def served(search: Search, within: Filter, id: str, after: Cursor | None = None, limit: int = 50) -> Served:
    """To whom the answer of the request `id` was given, of the requests in `within`; or the answer that the request `id` was
    given itself. Raises `StoreError`."""
    record = search.get(id, within)
    if record is not None and record.cached_id:
        id = record.cached_id
        record = search.get(id, within)
    # Nobody was given an answer before it was asked for: the days before need not be searched.
    meant = msgspec.structs.replace(within, cached=(id,), since_us=time_of_id(id))
    return Served(id, record, search.page(meant, after, limit))
