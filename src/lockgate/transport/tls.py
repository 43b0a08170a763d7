"""TLS contexts: always verified, TLS 1.2 or later, HTTP/1.1 by ALPN; one per identity, made anew when its files change."""

from __future__ import annotations

import ssl
from pathlib import Path

from lockgate.transport.destination import TlsIdentity

_DEFAULT = TlsIdentity()


class TlsFilesError(Exception):
    """A file of a TLS identity is missing or cannot be used; the message says which one, not where it is."""


class Contexts:
    """The contexts in use. Identities come from the operator's config, so there are few of them."""

    __slots__ = ("_made",)

    def __init__(self) -> None:
        self._made: dict[TlsIdentity, tuple[tuple[int, ...], ssl.SSLContext]] = {}

    def of(self, identity: TlsIdentity | None) -> ssl.SSLContext:
        """The context of an identity; raises `TlsFilesError`."""
        identity = identity or _DEFAULT
        age = tuple(_age(path, role) for path, role in _files(identity))
        made = self._made.get(identity)
        if made is None or made[0] != age:
            made = self._made[identity] = (age, make_context(identity))
        return made[1]


def make_context(identity: TlsIdentity) -> ssl.SSLContext:
    """A client context for an identity; raises `TlsFilesError`."""
    try:
        # With a CA file of its own, an identity trusts that and nothing else.
        context = ssl.create_default_context(cafile=identity.ca_file or None)
    except (OSError, ssl.SSLError):
        raise TlsFilesError("the CA file cannot be used") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if identity.cert_file:
        try:
            context.load_cert_chain(identity.cert_file, identity.key_file or None, password=_no_password)
        except (OSError, ssl.SSLError):
            raise TlsFilesError("the client certificate and its key cannot be used together") from None
    return context


def _files(identity: TlsIdentity) -> list[tuple[str, str]]:
    named = (
        (identity.ca_file, "CA file"),
        (identity.cert_file, "client certificate"),
        (identity.key_file, "key of the client certificate"),
    )
    return [(path, role) for path, role in named if path]


def _age(path: str, role: str) -> int:
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        raise TlsFilesError(f"the {role} cannot be read") from None


def _no_password() -> str:
    """OpenSSL would ask for an encrypted key's password on the terminal; there is none to ask."""
    return ""
