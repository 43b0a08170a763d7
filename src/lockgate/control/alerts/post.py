"""`Post`: the channels as they are configured, and who hears what of them.

An alert goes to each channel that wants such alerts, or that its rule names, and that may hear of its workspace: one that names
workspaces hears of those alone. So what is of one workspace never reaches a channel of another, and what is of none only those
of the operator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from lockgate.control.alerts.alert import Alert
from lockgate.control.alerts.channel import Channel
from lockgate.control.alerts.mail_server import PORTS, Server, is_address
from lockgate.control.alerts.posting import Place, place_of
from lockgate.control.alerts.settings import AlertsEntry, ChannelEntry, SmtpEntry
from lockgate.control.alerts.slack import Slack
from lockgate.control.alerts.webhook import Webhook, key_of
from lockgate.core.failure import Refusal
from lockgate.transport.destination import parse_host
from lockgate.transport.proxy import Proxy

#: The channel of a key's own addresses. No configured one can have this name.
OWN = "@own"
#: Addresses of its own that an alert is sent to, at most.
OWN_MOST = 20
_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")
_WEAK = 16


class Wrong(msgspec.Struct, frozen=True):
    """One thing wrong with the settings, and where ("channels.ops.url")."""

    path: str
    message: str


class Line(msgspec.Struct, frozen=True):
    """A channel and what it wants to hear of. Empty sets are all there is."""

    name: str
    channel: Channel
    workspaces: frozenset[str] = frozenset()
    about: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    at_least: int = 0

    def hears(self, alert: Alert, home: str) -> bool:
        """Whether an alert is told here. The workspaces are those of the organisation `home`."""
        subject = alert.subject
        if self.workspaces and not (subject.organisation == home and subject.slug in self.workspaces):
            return False
        if alert.channels:  # somebody has said so
            return self.name in alert.channels
        if alert.kind == "budget" and alert.percent < self.at_least:
            return False
        return (not self.about or subject.about in self.about) and (not self.kinds or alert.kind in self.kinds)


class Post(msgspec.Struct, frozen=True):
    """All channels by name. `own` takes mail to the addresses of keys; None: no server is configured."""

    lines: Mapping[str, Line] = {}
    own: Channel | None = None

    def __repr__(self) -> str:
        return f"Post({', '.join(self.lines)})"

    def channel(self, name: str) -> Channel | None:
        """A channel by its name."""
        line = self.lines.get(name)
        return line.channel if line is not None else self.own if name == OWN else None

    def lanes(self) -> dict[str, list[str]]:
        """The names of channels that are used one at a time, by their lanes."""
        found: dict[str, list[str]] = {}
        for name in (*self.lines, OWN):
            channel = self.channel(name)
            if channel is not None:
                found.setdefault(channel.lane or f"{name} alone", []).append(name)
        return found

    def audience(self, alert: Alert, home: str) -> list[tuple[str, str]]:
        """Whom an alert is for: (channel, address)."""
        found = [
            (line.name, address)
            for line in self.lines.values()
            if line.hears(alert, home)
            for address in line.channel.addresses
        ]
        if self.own is not None:
            mailed = {to.lower() for _, to in found}
            emails = dict.fromkeys(to for to in alert.subject.emails if is_address(to) and to.lower() not in mailed)
            found += [(OWN, to) for to in list(emails)[:OWN_MOST]]
        return found


def post_of(entry: AlertsEntry) -> tuple[Post, list[Wrong]]:
    """The channels, and all that is wrong with their settings. Secret files are read here."""
    wrong = [
        Wrong(f"thresholds[{n}]", "a threshold is a percentage from 1 to 1000")
        for n, percent in enumerate(entry.thresholds)
        if not 1 <= percent <= 1000
    ]
    server = _server(entry.smtp, wrong) if entry.smtp != SmtpEntry() else None
    lines: dict[str, Line] = {}
    for name, each in entry.channels.items():
        channel = _channel(name, each, entry.smtp, server, wrong)
        if channel is not None:
            lines[name] = Line(
                name, channel, frozenset(each.workspaces), frozenset(each.about), frozenset(each.kinds), each.at_least
            )
    own = _mail(server, entry.smtp.sender, ()) if server is not None else None
    return Post(lines, own), wrong


def _channel(
    name: str,
    entry: ChannelEntry,
    smtp: SmtpEntry,
    server: Server | None,
    wrong: list[Wrong],
) -> Channel | None:
    """One channel; None: it is too wrong to be one."""
    at = f"channels.{name}"
    before = len(wrong)
    if not name or not set(name) <= _NAME or len(name) > 64:
        wrong.append(Wrong(at, "a name has 1 to 64 lower-case letters, digits, '-', '_' and '.'"))
    for member in sorted(_FOREIGN[entry.type]):
        if getattr(entry, member):
            wrong.append(Wrong(f"{at}.{member}", f"a channel of type {entry.type} has no {member}"))
    if not 0 <= entry.at_least <= 1000:
        wrong.append(Wrong(f"{at}.at_least", "is a percentage from 0 to 1000"))
    if entry.type == "mail":
        if smtp == SmtpEntry():
            wrong.append(Wrong(at, "mail leaves by a server: set alerts.smtp"))
        if not entry.to:
            wrong.append(Wrong(f"{at}.to", "whom is it for?"))
        wrong += [Wrong(f"{at}.to[{n}]", "is no e-mail address") for n, to in enumerate(entry.to) if not is_address(to)]
        if len(wrong) > before or server is None:
            return None
        return _mail(server, smtp.sender, list(dict.fromkeys(entry.to)))
    place = _place(at, entry, wrong)
    key = _key(at, entry, wrong) if entry.type == "webhook" else b""
    if len(wrong) > before or place is None:
        return None
    return Slack(place) if entry.type == "slack" else Webhook(place, key)


def _place(at: str, entry: ChannelEntry, wrong: list[Wrong]) -> Place | None:
    url = _secret(at, "url", entry.url, entry.url_file, wrong)
    if entry.proxy:
        try:
            Proxy.parse(entry.proxy)
        except Refusal as refusal:
            wrong.append(Wrong(f"{at}.proxy", refusal.message))
    if not url and not entry.url_file:
        wrong.append(Wrong(f"{at}.url", f"a channel of type {entry.type} has an address: url or url_file"))
    if not url:
        return None
    try:
        return place_of(url, entry.ca_file, entry.proxy)
    except Refusal as refusal:
        wrong.append(Wrong(f"{at}.url", refusal.message))
        return None


def _key(at: str, entry: ChannelEntry, wrong: list[Wrong]) -> bytes:
    secret = _secret(at, "secret", entry.secret, entry.secret_file, wrong)
    try:
        key = key_of(secret)
    except ValueError as error:
        wrong.append(Wrong(f"{at}.secret", str(error)))
        return b""
    if secret and len(key) < _WEAK:
        wrong.append(Wrong(f"{at}.secret", f"has fewer than {_WEAK} bytes: `openssl rand -base64 32` makes a good one"))
    return key


def _mail(server: Server, sender: str, addresses: Sequence[str]) -> Channel:
    # What letters are made and sent with (email, smtplib) takes 10 ms and 1.5 MB: only who sends mail has it.
    mail: Any = import_module("lockgate.control.alerts.mail")
    channel: Channel = mail.Mail(server, sender, addresses)
    return channel


def _server(entry: SmtpEntry, wrong: list[Wrong]) -> Server | None:
    before = len(wrong)
    host = entry.host
    try:
        host = parse_host(f"[{host}]" if ":" in host else host)
    except Refusal:
        wrong.append(Wrong("smtp.host", "is no host name or address"))
    if not is_address(entry.sender):
        wrong.append(Wrong("smtp.from", "is no e-mail address"))
    if not 0 <= entry.port <= 65535:
        wrong.append(Wrong("smtp.port", "must be a number from 1 to 65535"))
    password = _secret("smtp", "password", entry.password, entry.password_file, wrong)
    if bool(entry.username) != bool(password):
        wrong.append(Wrong("smtp.username", "a user and a password go together"))
    if entry.username and entry.security == "none":
        wrong.append(Wrong("smtp.security", "a password is not sent in the clear: use starttls or tls"))
    if not (entry.username + password).isascii():
        wrong.append(Wrong("smtp.password", "user and password must be ASCII, which is what SMTP's log-in can say"))
    port = entry.port or PORTS[entry.security]
    server = Server(host, port, entry.security, entry.username, password, entry.ca_file)
    return None if len(wrong) > before else server


def _secret(at: str, member: str, said: str, file: str, wrong: list[Wrong]) -> str:
    """A secret that is given outright or by a file; "": neither."""
    if said and file:
        wrong.append(Wrong(f"{at}.{member}", f"give either {member} or {member}_file"))
    if not file:
        return said.strip()
    try:
        text = Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        wrong.append(Wrong(f"{at}.{member}_file", f"{file} cannot be read: {why}"))
        return ""
    if not text:
        wrong.append(Wrong(f"{at}.{member}_file", f"{file} is empty"))
    return text


#: Members that mean nothing to a type.
_FOREIGN: dict[str, frozenset[str]] = {
    "webhook": frozenset(("to",)),
    "slack": frozenset(("to", "secret", "secret_file")),
    "mail": frozenset(("url", "url_file", "secret", "secret_file", "proxy", "ca_file")),
}
