"""Where mail leaves, and where it can be sent: what settings are checked by, without what sending takes."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

Security = Literal["starttls", "tls", "none"]
#: The usual ports.
PORTS: dict[Security, int] = {"starttls": 587, "tls": 465, "none": 25}

#: An address as this is sent to: of ASCII alone, and without what a server might read as more than an address (RFC 5321 4.1.2,
#: of which quoted local parts and address literals are left out).
_ADDRESS = re.compile(
    r"(?=.{1,64}@)[A-Za-z0-9!#$%&'*+/=?^_{|}~`-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_{|}~`-]+)*"
    r"@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)


class Server(msgspec.Struct, frozen=True):
    """Where mail leaves, and as whom."""

    host: str
    port: int
    security: Security = "starttls"
    username: str = ""
    password: str = ""
    ca_file: str = ""

    def __repr__(self) -> str:
        return f"Server({self.host}:{self.port}, {self.security})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """The same guard for pretty printers."""
        return [("host", self.host), ("port", self.port)]

    def __str__(self) -> str:
        return f"the mail server {self.host}:{self.port}"


def is_address(text: str) -> bool:
    """Whether mail can be sent there."""
    return len(text) <= 254 and _ADDRESS.fullmatch(text) is not None
