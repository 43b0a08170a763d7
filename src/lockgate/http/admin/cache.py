"""/v1/cache: answers that are kept to be given again: what they save, which there are, who was given one; to forget them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from lockgate.control import cache
from lockgate.control.analytics.lookups import lookups
from lockgate.control.analytics.shapes import cents, ms, percent, stamp
from lockgate.core.failure import Refusal
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.log_query import within
from lockgate.http.admin.log_shapes import LogRow, row_of
from lockgate.http.admin.logs import cursor_of, place_of
from lockgate.http.admin.shapes import Listing, Text, micros
from lockgate.stores.cache.port import CacheShelf, Kept, Meant

#: How far back sums go, where nobody says from when on: a week, in µs.
BACK_US = 7 * 86_400_000_000
#: Seconds; as old as entries can be.
Age = Annotated[int, Meta(ge=0, le=10**9)]


class EntryQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which entries: those of which all that is said holds. `namespace=` (nothing) are those in none; `id` is the request
    whose answer it is; `ai_model` as it was sent; `older_than` are seconds, `created_before` is a time."""

    namespace: Text | None = None
    provider: Text = ""
    ai_model: Text = ""
    id: Text = ""
    older_than: Age | None = None
    created_before: Text = ""


class ListEntries(EntryQuery, frozen=True, kw_only=True):
    """Which entries, and which part of their list: `current_page` counts from 0."""

    page_size: Annotated[int, Meta(ge=1, le=1000)] = 100
    current_page: Annotated[int, Meta(ge=0, le=1_000_000)] = 0


class PurgeEntries(EntryQuery, frozen=True, kw_only=True):
    """Which entries are forgotten. Something must be said of them, or `all=true`."""

    all: bool = False


class CacheSpan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Of which time requests are counted: by default of the last week."""

    time_of_generation_min: Text = ""
    time_of_generation_max: Text = ""


class ShownEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that is kept. `id` is the request whose answer it is; `size` bytes; `last_used_at` is true to the minute."""

    id: str
    object: Literal["cache-entry"] = "cache-entry"
    created_at: str
    expires_at: str
    last_used_at: str
    size: int
    workspace_id: str | None
    namespace: str
    provider: str
    ai_model: str


class ShownCache(msgspec.Struct, frozen=True, kw_only=True):
    """The cache: where it is, how many answers are kept and how many bytes they take (null: nobody but their worker can tell).

    Of the time: requests by what the cache did for them; `hit_rate` is hits in percent of all that were looked up. `saved` is
    US cents; times are ms: what a hit and a miss take on the average, and `saved_time`: how much longer hits would have taken,
    had they taken as long as misses.
    """

    object: Literal["cache"] = "cache"
    store: str
    entries: int | None
    size: int | None
    since: str
    until: str
    requests: int
    hits: int
    semantic_hits: int
    misses: int
    semantic_misses: int
    refreshes: int
    hit_rate: float
    saved: float
    saved_time: float
    avg_hit_latency: float
    avg_miss_latency: float


class Purged(msgspec.Struct, frozen=True, kw_only=True):
    """How many entries were forgotten."""

    object: Literal["cache-purge"] = "cache-purge"
    purged: int


class ServedQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How many requests; those after `cursor`, which the page before has given as `next_cursor`."""

    page_size: Annotated[int, Meta(ge=1, le=200)] = 50
    cursor: Text = ""


class ServedPage(msgspec.Struct, frozen=True, kw_only=True):
    """The requests that were given an answer, newest first. `entry` null: it is not kept any more; `source` is the request that
    it was the answer of, null: it is not in the log any more. `next_cursor` null: that is the last page."""

    object: Literal["list"] = "list"
    id: str
    entry: ShownEntry | None
    source: LogRow | None
    data: list[LogRow]
    next_cursor: str | None


def read(ask: Ask, query: CacheSpan) -> ShownCache:
    """Read how much is kept, and what that has saved."""
    since_us, until_us = bounds(query, ask.now_us)
    found = lookups(ask.insight.search.store, msgspec.structs.replace(within(ask.tenant), since_us=since_us, until_us=until_us))
    asked = ask.office.declared.cache
    count = size = None
    if cache.kind_of(asked) != "memory":
        count, size = _shelf(ask).size(cache.of_tenant(ask.tenant, Meant()))
    return ShownCache(
        store=cache.kind_of(asked),
        entries=count,
        size=size,
        since=stamp(since_us),
        until=stamp(until_us),
        requests=found.requests,
        hits=found.hits,
        semantic_hits=found.semantic_hits,
        misses=found.misses,
        semantic_misses=found.semantic_misses,
        refreshes=found.refreshes,
        hit_rate=percent(found.answered, found.looked_up),
        saved=cents(found.saved_nusd),
        saved_time=ms(found.saved_us),
        avg_hit_latency=ms(found.hit_us),
        avg_miss_latency=ms(found.miss_us),
    )


def index(ask: Ask, query: ListEntries) -> Listing[ShownEntry]:
    """List answers that are kept, newest first."""
    shelf, meant = _shelf(ask), _meant(ask, query)
    page = shelf.entries(meant, query.page_size, query.page_size * query.current_page)
    return Listing(total=shelf.size(meant)[0], data=[_shown(each) for each in page])


def purge(ask: Ask, query: PurgeEntries) -> Purged:
    """Forget answers: those that are meant, or all."""
    meant = _meant(ask, query)
    if cache.is_narrow(meant) == query.all:
        message = "Say which entries are meant (namespace, provider, ai_model, id, older_than, created_before), or all=true."
        raise Refusal(400, "which_entries", message, param="all")
    return Purged(purged=cache.purge(_shelf(ask), ask.store, ask.tenant, ask.actor, ask.now_us, meant))


def served(ask: Ask, query: ServedQuery) -> ServedPage:
    """List the requests that were given an answer; `id` is the request whose answer it is, or one that was given it."""
    id = ask.params["id"]
    found = cache.served(ask.insight.search, within(ask.tenant), id, place_of(query.cursor), query.page_size)
    entry: ShownEntry | None = None
    if cache.kind_of(ask.office.declared.cache) != "memory":
        kept = _shelf(ask).entries(cache.of_tenant(ask.tenant, Meant(id=found.id)), limit=1)
        entry = _shown(kept[0]) if kept else None
    if entry is None and found.source is None and not found.page.records and not query.cursor:
        raise Refusal(404, "not_found", f"No answer of a request '{id[:100]}' is known here.")
    return ServedPage(
        id=found.id,
        entry=entry,
        source=None if found.source is None else row_of(found.source),
        data=[row_of(record) for record in found.page.records],
        next_cursor=None if found.page.next is None else cursor_of(found.page.next),
    )


def bounds(query: CacheSpan, now_us: int) -> tuple[int, int]:
    """From when until when, in µs. Raises `Refusal` 400."""
    until_us = _time(query.time_of_generation_max, "time_of_generation_max") or now_us + 1
    since_us = _time(query.time_of_generation_min, "time_of_generation_min") or until_us - BACK_US
    if since_us >= until_us:
        raise Refusal(400, "invalid_time", "The time ends before it begins.", param="time_of_generation_max")
    return since_us, until_us


def _shelf(ask: Ask) -> CacheShelf:
    return cache.shelf_of(ask.office.declared.cache, ask.office.house.data)


def _meant(ask: Ask, said: EntryQuery) -> Meant:
    """What is said, of what is the caller's own."""
    times = [_time(said.created_before, "created_before")]
    times.append(None if said.older_than is None else ask.now_us - said.older_than * 1_000_000)
    return cache.of_tenant(
        ask.tenant,
        Meant(
            namespace=said.namespace,
            provider=said.provider.removeprefix("@"),
            model=said.ai_model,
            id=said.id,
            before_us=min((each for each in times if each is not None), default=None),
        ),
    )


def _time(text: str, name: str) -> int | None:
    return micros(text.replace(" ", "+"), name) if text else None  # a + in a query that is not escaped is a space


def _shown(kept: Kept) -> ShownEntry:
    return ShownEntry(
        id=kept.id,
        created_at=stamp(kept.time_us),
        expires_at=stamp(kept.expires_us),
        last_used_at=stamp(kept.used_us),
        size=kept.size,
        workspace_id=kept.workspace or None,
        namespace=kept.namespace,
        provider=kept.provider,
        ai_model=kept.model,
    )
