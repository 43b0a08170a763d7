"""Entries of providers, of the configuration and of what is stored, set up as the request path knows them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from lockgate.control.config import Mistake, ProviderEntry, Timeouts
from lockgate.core.failure import Refusal
from lockgate.pipeline.target import Provider, set_up
from lockgate.providers.auth import SIGNERS, make_signer
from lockgate.providers.auth.settings import Settings
from lockgate.providers.deployments import deployments_of
from lockgate.providers.table import TABLE, Row
from lockgate.transport.destination import Destination, TlsIdentity
from lockgate.transport.exchange import Deadlines
from lockgate.transport.proxy import Proxy

_SLUG = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")


def provider_of(
    slug: str,
    entry: ProviderEntry,
    timeouts: Timeouts,
    environment: Mapping[str, str] | None,
    mistakes: list[Mistake],
    at: str = "",
) -> Provider | None:
    """One entry of `providers`; None when it is too wrong to be one. Without an `environment` it is not the operator's: nothing
    of the gateway's own identity is lent to it, and it is not let into the operator's network."""
    at = at or f"providers.{slug}"
    before = len(mistakes)
    if not slug or not set(slug) <= _SLUG or len(slug) > 64:
        mistakes.append(Mistake(at, "a slug has 1 to 64 lower-case letters, digits, '-', '_' and '.'"))
    name = entry.provider or slug
    row = TABLE.get(name)
    if row is None:
        mistakes.append(Mistake(f"{at}.provider", f"no provider is called '{name}'; `lockgate providers` lists them"))
        return None
    key = _key(entry, at, mistakes)
    if not entry.api_key and not entry.api_key_file and not row.keyless and row.auth not in SIGNERS:
        mistakes.append(Mistake(f"{at}.api_key", f"{row.name} needs a key: api_key or api_key_file"))
    tls = None if entry.tls == type(entry.tls)() else TlsIdentity(**msgspec.structs.asdict(entry.tls))
    if entry.proxy:
        try:
            Proxy.parse(entry.proxy)
        except Refusal as refusal:
            mistakes.append(Mistake(f"{at}.proxy", refusal.message))
    try:
        row = row.filled(entry, environment or {}, entry.base_url)
    except Refusal as refusal:
        mistakes.append(Mistake(f"{at}.{refusal.param}", refusal.message))
        return None
    try:
        destination, base = _address(row, tls, entry.proxy, trusted=environment is not None or not entry.base_url)
    except Refusal as refusal:
        mistakes.append(Mistake(f"{at}.base_url", refusal.message))
        return None
    for member in ("connect", "first_byte", "idle", "total"):
        if getattr(entry.timeouts, member) <= 0:
            mistakes.append(Mistake(f"{at}.timeouts.{member}", "must be a number of seconds above 0"))
    for header, value in entry.headers.items():
        if not header.isascii() or not header.replace("-", "").replace("_", "").isalnum() or not value.isprintable():
            mistakes.append(Mistake(f"{at}.headers", f"'{header}' is no header, or its value has control characters"))
    signer, deployments = None, dict[str, str]()
    try:
        signer = make_signer(row.auth, entry, key, environment)
        deployments = deployments_of(entry)
    except Refusal as refusal:
        mistakes.append(Mistake(f"{at}.{refusal.param}", refusal.message))
    if len(mistakes) > before:
        return None
    provider = set_up(
        slug,
        row,
        key,
        destination=destination,
        base_path=base,
        deadlines=deadlines_of(entry.timeouts if entry.timeouts != Timeouts() else timeouts),
        headers=entry.headers,
        models=tuple(entry.models),
        signer=signer,
        deployments=deployments,
    )
    provider.told_trace = entry.trace_context
    return provider


def of_environment(row: Row, timeouts: Timeouts, environment: Mapping[str, str]) -> Provider | None:
    """A provider that nobody configured, by what the environment holds; None when that does not suffice to sign requests."""
    key = next((value for name in row.env if (value := environment.get(name))), "")
    try:
        row = row.filled(Settings(), environment)
        signer = make_signer(row.auth, Settings(), "", environment)
    except Refusal:
        return None  # the variables may be there for other programs
    destination, base = _address(row)
    return set_up(row.slug, row, key, destination=destination, base_path=base, deadlines=deadlines_of(timeouts), signer=signer)


def deadlines_of(timeouts: Timeouts) -> Deadlines:
    """The same, as the transport knows them."""
    return Deadlines(timeouts.connect, timeouts.first_byte, timeouts.idle, timeouts.total)


def _address(row: Row, tls: TlsIdentity | None = None, proxy: str = "", *, trusted: bool = True) -> tuple[Destination, str]:
    """Where a provider is. One that lives in the process has a scheme of its own and no network address."""
    if row.builtin and row.base_url == TABLE[row.slug].base_url:
        scheme, _, rest = row.base_url.partition("://")
        host, _, path = rest.partition("/")
        return Destination(scheme, host, 0, trusted=True), "/" + path
    return Destination.parse(row.base_url, trusted=trusted, tls=tls, proxy=proxy)


def _key(entry: ProviderEntry, at: str, mistakes: list[Mistake]) -> str:
    if entry.api_key and entry.api_key_file:
        mistakes.append(Mistake(at, "give either api_key or api_key_file"))
    if not entry.api_key_file:
        return entry.api_key.strip()
    try:
        key = Path(entry.api_key_file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        mistakes.append(Mistake(f"{at}.api_key_file", f"{entry.api_key_file} cannot be read: {why}"))
        return ""
    if not key:
        mistakes.append(Mistake(f"{at}.api_key_file", f"{entry.api_key_file} is empty"))
    return key
