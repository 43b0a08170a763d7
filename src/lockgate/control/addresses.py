"""Addresses as they may be shown: of a store, a channel, a sink: without the user, the password, and whatever stands behind a
"?"."""

from __future__ import annotations

import re

#: Hosts with their ports, commas between; an IPv6 address in brackets.
_HOSTS = re.compile(r"(?:(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::\d+)?)(?:,(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::\d+)?)*|")


def kind_of(url: str) -> str:
    """What kind of place a URL names: "postgresql", "redis" …"""
    return url.partition(":")[0]


def shown(url: str) -> str:
    """A URL without anything that may be secret. Of one that is not written as it should be, its kind alone: a password with a
    "/" or a "?" in it would be taken for something else."""
    scheme, there, rest = url.partition("://")
    if not there:
        return "" if "@" in url else url.partition("?")[0]
    front = re.split(r"[?#]", rest, maxsplit=1)[0]
    authority, slash, path = front.partition("/")
    user, at, hosts = authority.rpartition("@")
    if "@" in rest[len(authority) :] or not _HOSTS.fullmatch(hosts) or (at and not user):
        return f"{scheme}://"
    return f"{scheme}://{hosts}{slash}{path}"


def host_of(url: str) -> str:
    """The host of a URL, with its port; the path of a webhook is often a secret itself. "": it is none that can be shown."""
    return shown(url).partition("://")[2].partition("/")[0]
