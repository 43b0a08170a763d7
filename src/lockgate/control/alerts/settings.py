"""`alerts:` of the configuration: the grammar. `post.post_of` makes of it what sends."""

from __future__ import annotations

from typing import Literal

import msgspec

from lockgate.control.alerts.alert import About, Kind


class ChannelEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way to reach somebody.

    type          webhook: signed JSON; slack: what Slack, Mattermost and Discord take; mail: a letter
    url           where to (not of mail); url_file reads it from a file, since such a URL is often a secret
    secret        what a webhook is signed with: "whsec_" and base64, or any text; secret_file reads it from a file
    to            whom a mail is for
    workspaces    of which workspaces, by slug; all, and what is of no workspace, when left out
    about         of what: key, workspace, organisation …; all when left out
    kinds         budget, error_rate, latency, spend; all when left out
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


class AlertsEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is told what. `thresholds` are percent of each budget at which it is told; that it is used up is told always.
    `smtp` is needed for channels of type mail, and for the mail that a key's own addresses get."""

    thresholds: tuple[int, ...] = (80, 100)
    channels: dict[str, ChannelEntry] = {}
    smtp: SmtpEntry = SmtpEntry()
