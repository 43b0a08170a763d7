"""Secrets of sinks that are kept elsewhere: `secret_mappings` say which member of an entry comes by which secret reference.

They are asked for in the thread of the sink's courier, so a secret manager that hangs holds up that sink alone, whose records
wait for it. A secret that has become another one, there, makes the sink anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from lockgate.control.sinks.given import Wrong
from lockgate.control.sinks.settings import SecretMappingEntry
from lockgate.stores.sinks.port import Batch, Sink

#: How the names of members begin that are headers.
HEADER = "headers."
_UNREVEALED = "unrevealed-unrevealed"
#: The members that may come by reference, with what stands for them while settings are only checked.
_FIELDS = {
    "url": "https://unrevealed.invalid/",
    "proxy": "http://unrevealed.invalid:8080",
    "secret": _UNREVEALED,
    "username": _UNREVEALED,
    "password": _UNREVEALED,
    "aws_access_key_id": _UNREVEALED,
    "aws_secret_access_key": _UNREVEALED,
    "aws_session_token": _UNREVEALED,
    "aws_external_id": _UNREVEALED,
}

E = TypeVar("E", bound=msgspec.Struct)


class Referred:
    """A sink with the secrets as they are now: `secrets` gives them by member, `make` makes it with them. Both raise
    `StoreError`."""

    def __init__(self, secrets: Callable[[], Mapping[str, str]], make: Callable[[Mapping[str, str]], Sink]) -> None:
        self._secrets = secrets
        self._make = make
        self._made: tuple[Mapping[str, str], Sink] | None = None

    def __repr__(self) -> str:
        return f"Referred({None if self._made is None else self._made[1]})"

    @property
    def mark(self) -> str:
        """See `Sink`."""
        return "" if self._made is None else self._made[1].mark

    def send(self, batch: Batch) -> int:
        """See `Sink`."""
        secrets = self._secrets()
        if self._made is None or self._made[0] != secrets:
            self.close()
            self._made = (secrets, self._make(secrets))
        return self._made[1].send(batch)

    def close(self) -> None:
        """See `Sink`."""
        made, self._made = self._made, None
        if made is not None:
            made[1].close()


def mappings_of(entry: msgspec.Struct) -> list[SecretMappingEntry]:
    """Which of its secrets are kept elsewhere."""
    return getattr(entry, "secret_mappings", [])


def stand_ins(at: str, entry: msgspec.Struct, wrong: list[Wrong]) -> dict[str, str]:
    """What stands for these secrets while settings are checked."""
    found: dict[str, str] = {}
    for n, mapping in enumerate(mappings_of(entry)):
        field, path = mapping.target_field, f"{at}.secret_mappings[{n}]"
        header = field.removeprefix(HEADER) if field.startswith(HEADER) and hasattr(entry, "headers") else ""
        if not header and not (field in _FIELDS and hasattr(entry, field)):
            may = [name for name in _FIELDS if hasattr(entry, name)] + [f"{HEADER}NAME"] * hasattr(entry, "headers")
            wrong.append(Wrong(f"{path}.target_field", f"'{field}' is none of {', '.join(may)}"))
        elif field in found or _is_said(entry, field):
            wrong.append(Wrong(f"{path}.target_field", f"{field} is given twice"))
        else:
            found[field] = _FIELDS.get(field, _UNREVEALED)
        if not mapping.secret_reference:
            wrong.append(Wrong(f"{path}.secret_reference", "name a secret reference, by its slug"))
    return found


def filled(entry: E, secrets: Mapping[str, str]) -> E:
    """The entry with these secrets in it."""
    headers = {name.removeprefix(HEADER): value for name, value in secrets.items() if name.startswith(HEADER)}
    more: dict[str, Any] = {name: value for name, value in secrets.items() if not name.startswith(HEADER)}
    if headers:
        more["headers"] = {**getattr(entry, "headers", {}), **headers}
    return msgspec.structs.replace(entry, **more)


def _is_said(entry: msgspec.Struct, field: str) -> bool:
    """Whether it is given outright, or by a file."""
    if field.startswith(HEADER):
        name = field.removeprefix(HEADER).lower()
        return any(name == said.lower() for said in (*getattr(entry, "headers", ()), *getattr(entry, "header_files", ())))
    return bool(getattr(entry, field) or getattr(entry, f"{field}_file", ""))
