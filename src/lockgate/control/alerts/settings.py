"""`alerts:` of the configuration: the grammar. `post.post_of` makes of it what sends."""

from __future__ import annotations

from typing import Literal

import msgspec

from lockgate.control.alerts.alert import About, Kind, Severity, What


class ChannelEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way to reach somebody.

    type          webhook: signed JSON; slack: what Slack, Mattermost and Discord take; mail: a letter
    url           where to (not of mail); url_file reads it from a file, since such a URL is often a secret
    secret        what a webhook is signed with: "whsec_" and base64, or any text; secret_file reads it from a file
    to            whom a mail is for
    workspaces    of which workspaces, by slug; all, and what is of no workspace, when left out
    about         of what: key, workspace, organisation …; all when left out
    kinds         budget, error_rate, latency, spend, requests; all when left out
    at_least      percent of a budget from which on it is told here
    proxy, ca_file   an HTTP proxy to go through (CONNECT), and a file of the authority to trust
    """

    type: Literal["webhook", "slack", "mail"]
    url: str = ""
    url_file: str = ""
    secret: str = ""
    secret_file: str = ""
    to: list[str] = []
    workspaces: list[str] = []
    about: list[About] = []
    kinds: list[Kind] = []
    at_least: int = 0
    proxy: str = ""
    ca_file: str = ""

    def __repr__(self) -> str:
        return f"ChannelEntry({self.type!r})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """The same guard for pretty printers, which would ask msgspec otherwise."""
        return [("type", self.type)]


class SmtpEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The server that mail leaves by; without a `host` there is none.

    from       the sender's address
    security   starttls (port 587), tls from the first byte (465), or none (25), which is for servers of one's own
    port       another one than that
    username, password   who logs in; password_file reads it from a file
    ca_file    a file of the authority to trust
    """

    host: str = ""
    sender: str = msgspec.field(default="", name="from")
    security: Literal["starttls", "tls", "none"] = "starttls"
    port: int = 0
    username: str = ""
    password: str = ""
    password_file: str = ""
    ca_file: str = ""

    def __repr__(self) -> str:
        return f"SmtpEntry({self.host!r})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """The same guard for pretty printers."""
        return [("host", self.host)]


class RuleEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that is looked for in the request log, once a minute. `rules.rules_of` makes of it what looks.

    what          what is measured
    threshold     from where on it is alarming: percent (5, "5%"), a time (ms, or "2s"), US dollars, or a number of requests
    below         alarming is what is less than the threshold, not what reaches it
    window        over which time: "5m", "24h", "7d"; or this "day", "week" or "month" from its start, by the calendar of
                  `time_zone`
    min_requests  fewer say nothing
    each          told apart by: provider, model, key, user, workspace, route, or metadata.NAME
    models … metadata   of which requests; all when left out
    for           how long it must have been so
    cool_down     how long after an alarm there is no other of the same
    recovery      whether it is told that it is over
    channels      who is told, by name; who hears such things, when left out
    """

    what: What
    threshold: int | float | str
    below: bool = False
    window: str = "5m"
    time_zone: str = ""
    min_requests: int | None = None
    each: str = ""
    models: list[str] = []
    providers: list[str] = []
    keys: list[str] = []
    users: list[str] = []
    workspaces: list[str] = []
    routes: list[str] = []
    operations: list[str] = []
    metadata: dict[str, str] = {}
    holds: str = msgspec.field(default="0m", name="for")
    cool_down: str = "30m"
    recovery: bool = True
    severity: Severity = "warning"
    channels: list[str] = []


class AlertsEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is told what. `thresholds` are percent of each budget at which it is told; that it is used up is told always.
    `rules` by name are what else is looked for. `smtp` is needed for channels of type mail, and for the mail that a key's own
    addresses get."""

    thresholds: tuple[int, ...] = (80, 100)
    rules: dict[str, RuleEntry] = {}
    channels: dict[str, ChannelEntry] = {}
    smtp: SmtpEntry = SmtpEntry()
