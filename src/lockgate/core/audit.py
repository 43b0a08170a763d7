"""The audit log: what was changed, by whom, in a chain that shows when an entry was altered, left out or put between others.

    hash of entry n = HMAC-SHA256(audit key, hash of entry n-1 ‖ entry n)

Who can write to the database but lacks the key can cut entries off the end and nothing else; against that, the head is exported
and compared later.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from lockgate.core.json import encode

#: What comes before the first entry.
GENESIS = bytes(32)


class Actor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who changes something, and how it came: a request's method, path, id and address, where there is one."""

    kind: Literal["user", "api_key", "cli", "system"]
    id: str = ""
    name: str = ""
    method: str = ""
    uri: str = ""
    request_id: str = ""
    client_ip: str = ""
    country: str = ""


class AuditEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change. `detail` holds the members that were written and are no secret; times are µs since the epoch."""

    seq: int
    time_us: int
    organisation: str
    actor: Actor
    action: Literal["create", "update", "delete", "rotate"]
    resource_type: str
    resource_id: str
    workspace: str = ""
    detail: dict[str, Any] = {}


class Link(msgspec.Struct, frozen=True):
    """An entry as it is stored: its bytes and its hash."""

    entry: bytes
    hash: bytes


class BrokenChain(Exception):
    """The audit log was tampered with; the message says from which entry on."""


def link(key: bytes, before: bytes, entry: AuditEntry) -> Link:
    """The entry, chained to the hash of the one before it."""
    data = encode(entry)
    return Link(data, hmac.digest(key, before + data, "sha256"))


def verify(key: bytes, links: Iterable[Link], before: bytes = GENESIS, seq: int = 0) -> tuple[int, bytes]:
    """Follow a chain from the entry after `seq`; its last number and hash. Raises `BrokenChain`."""
    for each in links:
        seq += 1
        expected = hmac.digest(key, before + each.entry, "sha256")
        if not hmac.compare_digest(expected, each.hash):
            raise BrokenChain(
                f"The audit log does not hold from entry {seq} on: this or an earlier entry is not as it was written."
            )
        if msgspec.json.decode(each.entry, type=AuditEntry).seq != seq:
            raise BrokenChain(f"The audit log lacks entry {seq}.")
        before = each.hash
    return seq, before
