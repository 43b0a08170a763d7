"""/v1/logs/exports: the log as a file: of JSON lines, CSV or Parquet.

Shapes: https://portkey.ai/docs/api-reference/admin-api/control-plane/logs-export. An export is a draft until it is started;
then a process of its own makes the file, and the answer says how far it is. The file is had with a key, or by a link that says
itself for how long it holds.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.responses import FileResponse, Response

from lockgate.control.exports.columns import COLUMNS, USUAL
from lockgate.control.exports.job import Format, Job, Progress, Status, expires_us, status_of
from lockgate.control.exports.shelf import MOST
from lockgate.control.exports.writers import INSTALL, can_write
from lockgate.control.identity.site import Site
from lockgate.control.secrets import derive
from lockgate.core.failure import Refusal
from lockgate.core.tenancy import new_id
from lockgate.http.admin.ask import Ask, Guest
from lockgate.http.admin.log_query import LogQuery, filter_of
from lockgate.http.admin.logs import count
from lockgate.http.admin.shapes import Body, Listing, LongText, kept, text_of
from lockgate.stores.control.query import Absent
from lockgate.stores.logs.ports import Filter

#: How long a link holds, in µs.
LINK_US = 3600 * 1_000_000
#: Where links lead.
FILES = "/v1/logs/exports/files/"
_TYPES: dict[Format, str] = {
    "jsonl": "application/jsonl",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}
#: Records of one export, and how many more than an int that fits 8 bytes nobody asks for.
_ALL = 2**53
#: Members of filters that say how many, and not which.
_PAGING = ("page_size", "current_page")

Columns = Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=100)]


class NewExport(Body, frozen=True, kw_only=True):
    """What is wanted: `filters` as in GET /v1/logs (`page_size`: so many at most), `requested_data` by name; without it, all
    but bodies."""

    filters: dict[str, Any] | None = None
    requested_data: Columns | None = None
    workspace_id: str | None = None
    description: LongText | None = None
    format: Format = "jsonl"


class ChangedExport(Body, frozen=True, kw_only=True):
    """What is wanted instead; what is left out stays."""

    filters: dict[str, Any] | UnsetType | None = UNSET
    requested_data: Columns | UnsetType | None = UNSET
    workspace_id: str | None = None
    description: LongText | UnsetType | None = UNSET
    format: Format | UnsetType = UNSET


class MadeExport(msgspec.Struct, frozen=True, kw_only=True):
    """Its id, and how many records there are now."""

    id: str
    total: int
    object: Literal["export"] = "export"


class ShownExport(msgspec.Struct, frozen=True, kw_only=True):
    """An export. `total_records` were there when it was made, `exported_records` are in the file, of so many `bytes`. `error`:
    why it has failed."""

    id: str
    organisation_id: str
    workspace_id: str | None
    filters: dict[str, Any]
    requested_data: list[str]
    format: Format
    status: Status
    description: str | None
    created_at: str | None
    last_updated_at: str | None
    started_at: str | None
    ended_at: str | None
    expires_at: str | None
    created_by: str
    total_records: int
    exported_records: int
    bytes: int
    error: str | None
    object: Literal["export"] = "export"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """It was done."""

    message: str
    object: Literal["export"] = "export"


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """Where the file is to be had, by whoever knows this."""

    signed_url: str
    expires_at: str | None


def create(ask: Ask, body: NewExport) -> MadeExport:
    """Describe an export; it is made once it is started."""
    exports = ask.insight.exports
    own = [job for job in exports.all() if job.organisation == ask.tenant.organisation]
    if len(own) >= MOST:
        message = f"There are {MOST} exports already. They go a week after they were made."
        raise Refusal(409, "too_many", message)
    filters = body.filters or {}
    meant, limit = _wanted(ask, filters)
    _check_format(body.format)
    job = Job(
        id=new_id(),
        organisation=ask.tenant.organisation,
        workspace=ask.tenant.workspace,
        created_by=ask.caller.id,
        created_us=ask.now_us,
        updated_us=ask.now_us,
        filters=filters,
        meant=meant,
        columns=_columns(body.requested_data),
        format=body.format,
        limit=limit,
        total=min(count(ask, meant), limit),
        description=body.description or "",
    )
    exports.put(job)
    return MadeExport(id=job.id, total=job.total)


def index(ask: Ask) -> Listing[ShownExport]:
    """List exports, newest first."""
    exports = ask.insight.exports
    found = sorted((job for job in exports.all() if _is_theirs(ask, job)), key=lambda job: -job.created_us)
    return Listing(total=len(found), data=[_shown(job, exports.progress(job.id)) for job in found])


def read(ask: Ask) -> ShownExport:
    """Read an export, and how far it is."""
    job = _own(ask)
    return _shown(job, ask.insight.exports.progress(job.id))


def update(ask: Ask, body: ChangedExport) -> MadeExport:
    """Change an export that was not started yet."""
    _own(ask)
    filters = None if isinstance(body.filters, UnsetType) else body.filters or {}
    meant = None if filters is None else _wanted(ask, filters)
    total = None if meant is None else min(count(ask, meant[0]), meant[1])

    def changed(job: Job) -> Job:
        if job.started_us:
            raise Refusal(409, "already_started", "It was started already: describe another one.")
        if meant is not None:
            job = msgspec.structs.replace(job, filters=filters, meant=meant[0], limit=meant[1], total=total)
        return msgspec.structs.replace(
            job,
            columns=job.columns if isinstance(body.requested_data, UnsetType) else _columns(body.requested_data),
            description=kept(body.description, job.description) or "",
            format=_check_format(kept(body.format, job.format)),
            updated_us=ask.now_us,
        )

    job = ask.insight.exports.change(ask.params["id"], changed)
    return MadeExport(id=job.id, total=job.total)


def start(ask: Ask) -> Told:
    """Start an export; also again, after it was stopped or has failed."""
    job = _own(ask)
    exports = ask.insight.exports

    def started(job: Job) -> Job:
        if (status := status_of(job, exports.progress(job.id))) in ("in_progress", "success"):
            raise Refusal(409, "already_started", f"It was started already: it is '{status}'.")
        return msgspec.structs.replace(job, started_us=max(ask.now_us, job.stopped_us + 1), updated_us=ask.now_us)

    exports.change(job.id, started)
    return Told(message="Export started")


def cancel(ask: Ask) -> Told:
    """Stop an export; what was written of it goes."""
    job = _own(ask)
    exports = ask.insight.exports

    def stopped(job: Job) -> Job:
        if (status := status_of(job, exports.progress(job.id))) != "in_progress":
            raise Refusal(409, "not_running", f"There is nothing to stop: it is '{status}'.")
        return msgspec.structs.replace(job, stopped_us=max(ask.now_us, job.started_us), updated_us=ask.now_us)

    exports.change(job.id, stopped)
    return Told(message="Export cancelled")


def download(ask: Ask) -> Link:
    """Make a link to the file, which holds for an hour."""
    job = _finished(ask)
    until_us = ask.now_us + LINK_US
    said = urlsafe_b64encode(msgspec.json.encode((job.id, job.started_us, until_us))).decode().rstrip("=")
    token = f"{said}.{_signature(ask.office.pepper, said)}"
    return Link(signed_url=_origin(ask) + FILES + token, expires_at=text_of(until_us))


def content(ask: Ask) -> Response:
    """Read the file of an export, with the key."""
    return _file(ask, _finished(ask))


def follow(ask: Guest) -> Response:
    """Read the file that a link leads to."""
    said, _, signature = ask.params["token"].partition(".")
    gone = Refusal(404, "not_found", "This link leads nowhere, or does not hold any more: ask for another one.")
    if not hmac.compare_digest(_signature(ask.office.pepper, said).encode(), signature.encode("utf-8", "replace")):
        raise gone
    id, started_us, until_us = msgspec.json.decode(urlsafe_b64decode(said + "=" * (-len(said) % 4)), type=tuple[str, int, int])
    exports = ask.insight.exports
    try:
        job = exports.get(id)
    except Absent:
        raise gone from None
    if ask.now_us > until_us or job.started_us != started_us or status_of(job, exports.progress(id)) != "success":
        raise gone
    return _file(ask, job)


def _file(ask: Ask | Guest, job: Job) -> Response:
    path = ask.insight.exports.result(job)
    if not path.is_file():
        raise Refusal(404, "not_found", "The file is not there any more.")
    return FileResponse(path, 200, media_type=_TYPES[job.format], filename=f"logs-{job.id}.{job.format}")


def _own(ask: Ask) -> Job:
    job = ask.insight.exports.get(ask.params["id"])
    if not _is_theirs(ask, job):
        raise Absent(f"There is no export '{job.id}' here.")
    return job


def _finished(ask: Ask) -> Job:
    job = _own(ask)
    status = status_of(job, ask.insight.exports.progress(job.id))
    if status != "success":
        raise Refusal(409, "not_finished", f"There is no file yet: the export is '{status}'.")
    return job


def _is_theirs(ask: Ask, job: Job) -> bool:
    return job.organisation == ask.tenant.organisation and ask.tenant.workspace in ("", job.workspace)


def _wanted(ask: Ask, filters: dict[str, Any]) -> tuple[Filter, int]:
    """Which records, and how many at most. Raises `Refusal` 400."""
    said = {name: value for name, value in filters.items() if name not in _PAGING and value is not None}
    for name, value in said.items():
        if isinstance(value, list):
            said[name] = ",".join(str(each) for each in value)
        elif isinstance(value, dict):
            said[name] = msgspec.json.encode(value).decode()
        elif isinstance(value, int | float) and not isinstance(value, bool):
            said[name] = str(value)
    limit = _ALL if filters.get("page_size") is None else filters["page_size"]
    try:
        query = msgspec.convert(said, LogQuery, strict=False)
        limit = msgspec.convert(limit, Annotated[int, Meta(ge=1, le=_ALL)], strict=False)
    except msgspec.ValidationError as error:
        raise Refusal(400, "invalid_type", f"Invalid value in 'filters': {error}.", param="filters") from None
    return filter_of(ask, query), limit


def _columns(said: list[str] | None) -> tuple[str, ...]:
    if not said:
        return USUAL
    for name in said:
        if name not in COLUMNS:
            message = f"There is no '{name}'. There is {', '.join(COLUMNS)}."
            raise Refusal(400, "invalid_value", message, param="requested_data")
    return tuple(dict.fromkeys(said))


def _check_format(format: Format) -> Format:
    if not can_write(format):
        raise Refusal(400, "not_installed", INSTALL, param="format")
    return format


def _signature(pepper: bytes, said: str) -> str:
    return hmac.new(derive(pepper, "export-links"), said.encode("utf-8", "replace"), "sha256").hexdigest()


def _origin(ask: Ask) -> str:
    """The address that the operator says people use; without one, this machine's, or whatever address the caller knows."""
    try:
        return Site.of(ask.office.declared.identity.public_url, ask.host).origin
    except Refusal:
        return ""


def _shown(job: Job, progress: Progress | None) -> ShownExport:
    now = progress if progress is not None and progress.of_us == job.started_us else None
    status = status_of(job, progress)
    return ShownExport(
        id=job.id,
        organisation_id=job.organisation,
        workspace_id=job.workspace or None,
        filters=job.filters,
        requested_data=list(job.columns),
        format=job.format,
        status=status,
        description=job.description or None,
        created_at=text_of(job.created_us),
        last_updated_at=text_of(job.updated_us),
        started_at=text_of(job.started_us),
        ended_at=text_of(now.ended_us) if now is not None else None,
        expires_at=None if status == "in_progress" else text_of(expires_us(job, now)),
        created_by=job.created_by,
        total_records=job.total,
        exported_records=now.written if now is not None else 0,
        bytes=now.bytes if now is not None else 0,
        error=now.why or None if now is not None else None,
    )
