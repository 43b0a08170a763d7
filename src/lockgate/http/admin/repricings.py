"""/v1/logs/repricings: history, priced again by the prices that hold now for its time. It is looked at first, which writes
nothing; the answer then says what would differ, and `…/apply` has that written. A process of its own does both.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from lockgate.control.analytics.shapes import cents
from lockgate.control.costs.repriced import Line
from lockgate.control.costs.repricings import MOST, Job, Progress, Status, status_of
from lockgate.core.failure import Refusal
from lockgate.core.tenancy import new_id
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.log_query import LogQuery, filter_of
from lockgate.http.admin.logs import count
from lockgate.http.admin.shapes import Body, Listing, Text, text_of
from lockgate.stores.control.query import Absent

#: What a repricing is called in the audit log.
RESOURCE = "repricing"
#: Lines of a report that are shown: those that change the most.
SHOWN = 200
_Names = Annotated[list[Text], Meta(max_length=100)]


class NewRepricing(Body, frozen=True, kw_only=True):
    """Of which requests: from when on, until when (now, if it is left out), of which providers (slugs) and models."""

    time_of_generation_min: Text
    time_of_generation_max: Text = ""
    provider: _Names = []
    model: _Names = []


class ShownLine(msgspec.Struct, frozen=True, kw_only=True):
    """What it comes to for a model at a provider. `before`, `after` and `difference` are US cents, the rest are requests:
    those that have another cost, that had none, that have no price still, that are estimates, and that stay as they are."""

    provider: str
    model: str
    requests: int
    before: float
    after: float
    difference: float
    changed: int
    newly_priced: int
    unpriced: int
    estimated: int
    kept: int


class ShownReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was found: those models first that change the most. `written`: requests whose cost is another now; `kept`: why some
    stay as they are, and how many."""

    total: ShownLine
    data: list[ShownLine]
    written: int
    kept: dict[str, int]


class ShownRepricing(msgspec.Struct, frozen=True, kw_only=True):
    """A repricing. `looking`, `looked`: nothing was written yet; `writing`, `written`; `stopped`: what was written
    before stays. `total_records` are to be read, `read_records` were. `report` null: nothing was found yet. `error`: why it
    has failed."""

    id: str
    organisation_id: str
    filters: dict[str, Any]
    status: Status
    created_at: str | None
    started_at: str | None
    ended_at: str | None
    created_by: str
    total_records: int
    read_records: int
    report: ShownReport | None
    error: str | None
    object: Literal["repricing"] = "repricing"


def create(ask: Ask, body: NewRepricing) -> ShownRepricing:
    """Look at what recorded requests would cost by the prices that hold now. Nothing is written."""
    shelf = ask.insight.repricings
    own = [job for job in shelf.all() if job.organisation == ask.tenant.organisation]
    if len(own) >= MOST:
        raise Refusal(409, "too_many", f"There are {MOST} repricings already. They go a month after they were made.")
    if any(shelf.is_due(job, shelf.progress(job.id)) for job in own):
        raise Refusal(409, "busy", "One is under way: wait for it, or cancel it.")
    filters = {name: value for name, value in msgspec.to_builtins(body).items() if value}
    lists = {"provider": ",".join(body.provider), "model": ",".join(body.model)}
    meant = filter_of(ask, LogQuery(**{**filters, **lists}))
    meant = msgspec.structs.replace(meant, until_us=min(meant.until_us or ask.now_us, ask.now_us))
    job = Job(
        id=new_id(),
        organisation=ask.tenant.organisation,
        created_by=ask.caller.id,
        created_us=ask.now_us,
        updated_us=ask.now_us,
        filters=filters,
        meant=meant,
        total=count(ask, meant),
        started_us=ask.now_us,
    )
    with ask.change() as change:
        change.note("create", RESOURCE, job.id, "", filters)
        shelf.put(job)
    return _shown(job, None)


def index(ask: Ask) -> Listing[ShownRepricing]:
    """List repricings, newest first."""
    shelf = ask.insight.repricings
    own = [job for job in shelf.all() if job.organisation == ask.tenant.organisation]
    own.sort(key=lambda job: -job.created_us)
    return Listing(total=len(own), data=[_shown(job, shelf.progress(job.id)) for job in own])


def read(ask: Ask) -> ShownRepricing:
    """Read a repricing, and how far it is."""
    job = _own(ask)
    return _shown(job, ask.insight.repricings.progress(job.id))


def apply(ask: Ask) -> ShownRepricing:
    """Write what was found; also again, after that was stopped or has failed. Budgets stay as they are."""
    shelf, id = ask.insight.repricings, _own(ask).id

    def applied(job: Job) -> Job:
        status = status_of(job, shelf.progress(job.id))
        if status != "looked" and not (job.writes and status in ("stopped", "failed")):
            raise Refusal(409, "not_looked", f"It is applied once it was looked at, and once: it is '{status}'.")
        started_us = max(ask.now_us, job.started_us + 1, job.stopped_us + 1)
        return msgspec.structs.replace(job, writes=True, started_us=started_us, updated_us=ask.now_us)

    with ask.change() as change:
        job = shelf.change(id, applied)
        change.note("update", RESOURCE, job.id, "", {"status": "writing", **job.filters})
    return _shown(job, shelf.progress(job.id))


def cancel(ask: Ask) -> ShownRepricing:
    """Stop a repricing; what was written stays."""
    shelf, id = ask.insight.repricings, _own(ask).id

    def stopped(job: Job) -> Job:
        if not shelf.is_due(job, progress := shelf.progress(job.id)):
            raise Refusal(409, "not_running", f"There is nothing to stop: it is '{status_of(job, progress)}'.")
        return msgspec.structs.replace(job, stopped_us=max(ask.now_us, job.started_us), updated_us=ask.now_us)

    with ask.change() as change:
        job = shelf.change(id, stopped)
        change.note("update", RESOURCE, job.id, "", {"status": "stopped"})
    return _shown(job, shelf.progress(job.id))


def _own(ask: Ask) -> Job:
    job = ask.insight.repricings.get(ask.params["id"])
    if job.organisation != ask.tenant.organisation:
        raise Absent(f"There is no repricing '{job.id}' here.")
    return job


def _shown(job: Job, progress: Progress | None) -> ShownRepricing:
    now = progress if progress is not None and progress.of_us == job.started_us else None
    report = None if progress is None else progress.report
    return ShownRepricing(
        id=job.id,
        organisation_id=job.organisation,
        filters=job.filters,
        status=status_of(job, progress),
        created_at=text_of(job.created_us),
        started_at=text_of(job.started_us),
        ended_at=text_of(now.ended_us) if now is not None else None,
        created_by=job.created_by,
        total_records=job.total,
        read_records=now.read if now is not None else 0,
        report=None
        if report is None
        else ShownReport(
            total=_line(report.total),
            data=[_line(line) for line in report.lines[:SHOWN]],
            written=report.written,
            kept=report.kept,
        ),
        error=now.why or None if now is not None else None,
    )


def _line(line: Line) -> ShownLine:
    return ShownLine(
        provider=line.provider,
        model=line.model,
        requests=line.requests,
        before=cents(line.before_nusd),
        after=cents(line.after_nusd),
        difference=cents(line.difference_nusd),
        changed=line.changed,
        newly_priced=line.newly_priced,
        unpriced=line.unpriced,
        estimated=line.estimated,
        kept=line.kept,
    )
