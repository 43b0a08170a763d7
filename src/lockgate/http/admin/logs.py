"""/v1/logs: what was asked and answered, newest first; one record with its bodies; and records that somebody posts."""

from __future__ import annotations

import random
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from lockgate.control.costs.itemise import seen_from
from lockgate.control.posted import Posted, record_of
from lockgate.core.failure import Refusal
from lockgate.core.json import encode
from lockgate.core.record import Record
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.log_query import LogQuery, filter_of, within
from lockgate.http.admin.log_shapes import LogDetail, LogRow, detail_of, row_of
from lockgate.http.admin.shapes import Text
from lockgate.pipeline.snapshot import Snapshot
from lockgate.stores.logs.ports import Cursor, Filter

#: Records that are posted at once.
MOST_POSTED = 1000
Many = Annotated[list[Posted], Meta(min_length=1, max_length=MOST_POSTED)]


class ListLogs(LogQuery, frozen=True, kw_only=True):
    """Which records, and how many: those after `cursor`, which the page before has given as `next_cursor`. `include_total`:
    count all of them as well, which takes longer."""

    page_size: Annotated[int, Meta(ge=1, le=200)] = 50
    cursor: Text = ""
    include_total: bool = False


class LogPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page, newest first; `next_cursor` null: it is the last. `total` null: nobody asked."""

    object: Literal["list"] = "list"
    data: list[LogRow]
    next_cursor: str | None
    total: int | None


class PostedLogs(msgspec.Struct, frozen=True, kw_only=True):
    """What was kept, by its ids; they can be found within a second."""

    status: Literal["success"] = "success"
    message: str
    log_ids: list[str]


def create(ask: Ask, body: Many) -> PostedLogs:
    """Keep records of what went past this gateway, or of steps that are no requests: one, or an array."""
    tenant = ask.tenant
    place = Record(id="", time_us=ask.now_us, organisation=tenant.organisation, workspace=tenant.workspace)
    world = seen_from(ask.office.snapshot(), place)
    records = list[Record]()
    for n, posted in enumerate(body):
        try:
            record = record_of(posted, random.getrandbits(62), ask.now_us, world)
        except Refusal as refusal:
            at = f"[{n}].{refusal.param}" if len(body) > 1 else refusal.param
            raise Refusal(refusal.status, refusal.code, refusal.message, param=at) from None
        record.organisation, record.workspace = tenant.organisation, tenant.workspace
        record.user = ask.caller.person.id if ask.caller.person is not None else ""
        record.key_id, record.key_name = ask.caller.id, ask.caller.name
        keep_private(record, ask, world)
        records.append(record)
    ask.insight.intake.keep(records, world.mask_of(ask.caller.principal, tenant.workspace))
    return PostedLogs(message="Log successfully added", log_ids=[record.id for record in records])


def index(ask: Ask, query: ListLogs) -> LogPage:
    """List requests, newest first."""
    meant = filter_of(ask, query)
    page = ask.insight.search.page(meant, place_of(query.cursor), query.page_size)
    return LogPage(
        data=[row_of(record) for record in page.records],
        next_cursor=None if page.next is None else cursor_of(page.next),
        total=count(ask, meant) if query.include_total else None,
    )


def read(ask: Ask) -> LogDetail:
    """Read one request: bodies, attempts, decisions, what was said of it, and how its cost comes about."""
    record = ask.insight.search.get(ask.params["id"], within(ask.tenant))
    if record is None:
        raise Refusal(404, "not_found", f"There is no log '{ask.params['id'][:100]}' here.")
    said = (
        ask.insight.search.feedback([record.trace_id], ask.tenant.organisation, ask.tenant.workspace) if record.trace_id else []
    )
    return detail_of(record, ask.office.snapshot(), said)


def count(ask: Ask, meant: Filter) -> int:
    """How many records are meant, of those that are in the store."""
    meant = msgspec.structs.replace(meant, since_us=meant.since_us or 1, until_us=meant.until_us or ask.now_us + 1)
    return sum(totals.requests for _, totals in ask.insight.search.store.groups(meant, "organisation", limit=1).rows)


def keep_private(record: Record, ask: Ask, world: Snapshot) -> None:
    """Leave out of a record what its poster's key, or its workspace, lets nobody keep."""
    capture = world.capture_of(ask.caller.principal, record.workspace)
    if capture == "off":
        record.unkept, record.metadata, record.error = True, {}, ""
    if capture != "full":
        record.strip()
    record.clip(world.log.body_limit)


def cursor_of(place: Cursor) -> str:
    """A place in the log as a text."""
    return urlsafe_b64encode(encode(place)).decode().rstrip("=")


def place_of(cursor: str) -> Cursor | None:
    """The place that a text stands for; None for "". Raises `Refusal` 400."""
    if not cursor:
        return None
    try:
        return msgspec.json.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=Cursor)
    except (ValueError, msgspec.DecodeError):
        message = "'cursor' is what an answer gave as next_cursor, and this is not."
        raise Refusal(400, "invalid_value", message, param="cursor") from None
