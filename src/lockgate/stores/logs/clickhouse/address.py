"""`Address`: where a ClickHouse server is, and as whom it is asked; read from a URL.

`clickhouse://user:password@host:8123/database`, with `clickhouses://` or `?secure=true` for TLS (port 8443), and `?ca=FILE` for
a certificate authority of one's own. Every other parameter is a setting of ClickHouse that goes with each query.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from lockgate.stores.ports import StoreError

#: A URL's scheme → whether it means TLS.
SCHEMES = {"clickhouse": False, "clickhouses": True}
#: The ports of the HTTP interface: plain, and with TLS.
PORTS = {False: 8123, True: 8443}
_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class Address(msgspec.Struct, frozen=True):
    """Its parts, decoded. `settings` go with each query."""

    host: str
    port: int
    user: str
    password: str
    database: str
    secure: bool
    ca: str
    settings: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        return f"{self.host}:{self.port}/{self.database}"

    @classmethod
    def of(cls, url: str) -> Address:
        """The address in a URL. Raises `StoreError`, which does not show it."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise StoreError("ClickHouse's URL cannot be read: its host or its port is none.") from None
        if parts.scheme not in SCHEMES or not host:
            raise StoreError("ClickHouse's URL is clickhouse://user:password@host:8123/database.")
        asked = dict(parse_qsl(parts.query, keep_blank_values=True))
        secure = asked.pop("secure", str(SCHEMES[parts.scheme])).lower()
        if secure not in _TRUTH:
            raise StoreError("In ClickHouse's URL, secure is true or false.")
        return cls(
            host=host,
            port=port or PORTS[_TRUTH[secure]],
            user=unquote(parts.username or "default"),
            password=unquote(parts.password or ""),
            database=unquote(parts.path.strip("/")) or "default",
            secure=_TRUTH[secure],
            ca=asked.pop("ca", ""),
            settings=tuple(asked.items()),
        )
