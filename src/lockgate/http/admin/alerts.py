"""/v1/admin/settings/alerts: what is looked for and how it stands, who is told, what became of it; a trial of a channel."""

from __future__ import annotations

from functools import partial

import msgspec
from starlette.responses import Response

from lockgate.control.addresses import host_of
from lockgate.control.alerts.alert import Alert, said, title, trial
from lockgate.control.alerts.channel import Channel, Means
from lockgate.control.alerts.post import OWN, Wrong, post_of
from lockgate.control.alerts.rules import rules_of
from lockgate.control.alerts.settings import ChannelEntry
from lockgate.control.alerts.statuses import RuleStatus, heard_at, statuses_of
from lockgate.core.failure import Refusal
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.later import Later
from lockgate.http.admin.settings import check_operator, declared_in
from lockgate.http.admin.settings_shapes import (
    AlertSettings,
    ShownAlarm,
    ShownChannel,
    ShownRule,
    ShownTelling,
    TriedChannel,
)
from lockgate.http.admin.shapes import text_of
from lockgate.pipeline.runtime import Runtime
from lockgate.pipeline.snapshot import Snapshot
from lockgate.stores.control.open import open_outbox
from lockgate.stores.outbox import Item
from lockgate.transport.resolve import CachedResolver

#: Alerts of which it is told what became of them, and alarms of one rule that are listed.
TOLD, ALARMS = 30, 50
#: What a channel is called in the audit log.
RESOURCE = "alert-channel"


def read(ask: Ask) -> AlertSettings:
    """Read the alert rules and how each stands, the channels, and what became of the newest alerts."""
    check_operator(ask)
    house, entry = ask.office.house, ask.office.declared.alerts
    post, wrong = post_of(entry)
    rules, _ = rules_of(entry)  # a configuration with wrong ones is not in force
    found = statuses_of(house, ask.insight.search.store, rules, ask.now_us)
    outbox = open_outbox(house.control_url, ask.now_us)
    try:
        told = outbox.newest(TOLD)
    finally:
        outbox.close()
    return AlertSettings(
        thresholds=list(entry.thresholds),
        rules=[_rule(each, heard_at(each.rule, house, post)) for each in found],
        channels=[_channel(name, each, wrong) for name, each in entry.channels.items()],
        mail=entry.smtp.host or None,
        told=[_telling(item) for item in told],
        declared_in=declared_in(ask),
    )


def test(ask: Ask) -> Response:
    """Send a trial alert by a channel, to all its addresses, and say what became of it."""
    check_operator(ask)
    name, entry, runtime = ask.params["name"], ask.office.declared.alerts, ask.office.runtime
    if name not in entry.channels:
        raise Refusal(404, "channel_not_found", f"No channel is called '{name[:100]}'.")
    post, wrong = post_of(entry)
    channel = post.channel(name)
    if channel is None:
        raise Refusal(409, "channel_unusable", _said_of(f"channels.{name}", wrong) or "It cannot be used as it is.")
    if runtime is None:
        raise Refusal(503, "not_serving", "No requests are served here now, so nothing can be sent.", retry_after=5.0)
    with ask.change() as change:
        change.note("update", RESOURCE, name, "", {"trial": True})
    return Later(partial(_try, channel, runtime, ask.office.snapshot()))


async def _try(channel: Channel, runtime: Runtime, world: Snapshot) -> TriedChannel:
    means = Means(lambda: runtime.client("https"), lambda: world.egress, CachedResolver(), runtime.time_us)
    alert = trial(runtime.time_us())
    for address in channel.addresses:
        if (trouble := await channel.deliver(alert, address, means)) is not None:
            return TriedChannel(arrived=False, problem=f"{address}: {trouble.why}" if address else trouble.why)
    return TriedChannel(arrived=True, problem=None)


def _rule(found: RuleStatus, channels: list[str]) -> ShownRule:
    rule, measure = found.rule, found.rule.reading.measure
    firing = any(alarm.since_us for alarm in found.alarms)
    return ShownRule(
        name=rule.name,
        what=rule.what,
        threshold=said(measure, rule.threshold),
        below=rule.below,
        window=str(rule.span),
        each=rule.each or None,
        severity=rule.severity,
        channels=channels,
        state="firing" if firing else "pending" if found.alarms else "quiet",
        value=None if found.value is None else said(measure, found.value),
        worst=None if found.worst is None else found.worst.name or found.worst.id,
        raised_at=text_of(found.raised_us),
        alarms=[
            ShownAlarm(
                about=alarm.subject.about,
                name=alarm.subject.name or alarm.subject.id,
                since=text_of(alarm.since_us),
                alarming_since=text_of(alarm.alarming_us),
                value=None if alarm.value is None else said(measure, alarm.value),
            )
            for alarm in found.alarms[:ALARMS]
        ],
    )


def _channel(name: str, entry: ChannelEntry, wrong: list[Wrong]) -> ShownChannel:
    return ShownChannel(
        name=name,
        type=entry.type,
        address=", ".join(entry.to) if entry.type == "mail" else host_of(entry.url),
        signed=bool(entry.secret or entry.secret_file),
        workspaces=entry.workspaces,
        about=list(entry.about),
        kinds=list(entry.kinds),
        at_least=entry.at_least,
        problem=_said_of(f"channels.{name}", wrong),
    )


def _said_of(path: str, wrong: list[Wrong]) -> str | None:
    """What is wrong with a channel, in a sentence or some; None: nothing."""
    said = [f"{each.path}: {each.message}" for each in wrong if each.path == path or each.path.startswith(f"{path}.")]
    return "; ".join(said) or None


def _telling(item: Item) -> ShownTelling:
    return ShownTelling(
        at=text_of(item.made_us),
        title=title(msgspec.json.decode(item.body, type=Alert)),
        channel=item.address if item.channel == OWN else item.channel,
        state=item.state,
        tries=item.tries,
        why=item.why,
    )
