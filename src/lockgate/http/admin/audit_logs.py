"""/v1/audit-logs: who has changed what, newest first: in the organisation, and for those of a workspace in that alone.

Each record is an entry of the chain that `lockgate audit verify` proves: a change that was made. Of a request's body it has
what was written and is no secret; its headers are not kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import parse_qsl

import msgspec
from msgspec import Meta

from lockgate.core.audit import AuditEntry
from lockgate.core.failure import Refusal
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.shapes import LongText, Paging, Text, micros, text_of

#: How far back it goes, where nobody says from when on: 30 days, in µs.
BACK_US = 30 * 86_400_000_000
#: Beyond the end of any chain.
_LAST = 1 << 62


class ListAuditLogs(Paging, frozen=True, kw_only=True):
    """Which records: of [start_time, end_time), by default of the last 30 days; and those of which all that is said holds.
    `uri` begins so. `cursor`: those after the page that has given it as `next_cursor`."""

    start_time: Text = ""
    end_time: Text = ""
    workspace_id: str = ""
    method: Text = ""
    uri: LongText = ""
    request_id: Text = ""
    user_id: Text = ""
    user_type: Text = ""
    response_status_code: Annotated[int, Meta(ge=100, le=599)] | None = None
    resource_type: Text = ""
    resource_id: Text = ""
    action: Text = ""
    client_ip: Text = ""
    country: Text = ""
    cursor: Text = ""


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A change. `user_type`: "user" and "api_key" came by this API, "cli" by a command on the machine, "system" by itself.
    `seq`: its place in the chain."""

    seq: int
    timestamp: str | None
    method: str | None
    uri: str | None
    request_id: str | None
    request_body: dict[str, Any]
    query_params: dict[str, str]
    request_headers: dict[str, str]
    user_id: str | None
    user_name: str | None
    user_type: str
    organisation_id: str
    workspace_id: str | None
    response_status_code: int
    resource_type: str
    resource_id: str
    action: str
    client_ip: str | None
    country: str | None


class AuditRecords(msgspec.Struct, frozen=True, kw_only=True):
    """`records` is the page that was asked for; `total` counts all, null after a `cursor`, where nobody reads to the end.
    `next_cursor` null: that is the last page."""

    records: list[AuditRecord]
    total: int | None
    next_cursor: str | None


def index(ask: Ask, query: ListAuditLogs) -> AuditRecords:
    """List who has changed what in the organisation, or in one of its workspaces, newest first."""
    until_us = micros(query.end_time, "end_time") if query.end_time else ask.now_us + 1
    since_us = micros(query.start_time, "start_time") if query.start_time else until_us - BACK_US
    wanted = [(find, said) for name, find in _FILTERS.items() if (said := getattr(query, name))]
    page, total, after = list[AuditRecord](), 0, _seq(query.cursor)
    end = query.offset + query.page_size
    if query.response_status_code in (None, 200):  # what was refused has changed nothing
        for entry in ask.store.trail(ask.tenant, since_us, until_us, after or _LAST):
            if not entry.actor.uri.startswith(query.uri) or any(find(entry) != said for find, said in wanted):
                continue
            if query.offset <= total < end:
                page.append(shown(entry))
            total += 1
            if after and total > end:
                break
    return AuditRecords(
        records=page,
        total=None if after else total,
        next_cursor=str(page[-1].seq) if page and total > end else None,
    )


def _seq(cursor: str) -> int:
    """The place in the chain that a cursor means; 0: from the newest on. Raises `Refusal` 400."""
    if not cursor:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and 0 < int(cursor[:20]) <= _LAST):
        raise Refusal(400, "invalid_cursor", "The cursor is none that a page has given.", param="cursor")
    return int(cursor)


def shown(entry: AuditEntry) -> AuditRecord:
    """An entry to be shown."""
    actor = entry.actor
    uri, _, query = actor.uri.partition("?")
    return AuditRecord(
        seq=entry.seq,
        timestamp=text_of(entry.time_us),
        method=actor.method or None,
        uri=uri or None,
        request_id=actor.request_id or None,
        request_body=entry.detail,
        query_params=dict(parse_qsl(query, keep_blank_values=True)),
        request_headers={},
        user_id=actor.id or None,
        user_name=actor.name or None,
        user_type=actor.kind,
        organisation_id=entry.organisation,
        workspace_id=entry.workspace or None,
        response_status_code=200,
        resource_type=entry.resource_type,
        resource_id=entry.resource_id,
        action=entry.action,
        client_ip=actor.client_ip or None,
        country=actor.country or None,
    )


#: What is compared with what is asked for.
_FILTERS: dict[str, Callable[[AuditEntry], str]] = {
    "method": lambda entry: entry.actor.method,
    "request_id": lambda entry: entry.actor.request_id,
    "user_id": lambda entry: entry.actor.id,
    "user_type": lambda entry: entry.actor.kind,
    "resource_type": lambda entry: entry.resource_type,
    "resource_id": lambda entry: entry.resource_id,
    "action": lambda entry: entry.action,
    "client_ip": lambda entry: entry.actor.client_ip,
    "country": lambda entry: entry.actor.country,
}
