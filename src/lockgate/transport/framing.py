"""What the head of an answer says of its body and of the connection: the rules that llhttp leaves to its user.

Pure judgements: each gives a sentence about what is wrong, or "". Source: RFC 9112, sections 6 and 9; RFC 9110, section 15.
"""

from __future__ import annotations

import re

from lockgate.transport.exchange import Headers

#: The most bytes that may come without one of them being body: headers, interim answers, chunk framing, trailers.
HEAD_LIMIT = 64 * 1024
#: The most header fields of an answer.
HEADERS = 100

_TIMEOUT = re.compile(rb"(?:^|[,\s])timeout=([0-9]{1,6})(?![0-9])", re.IGNORECASE)
_SPENT = re.compile(rb"(?:^|[,\s])max=0+(?![0-9])", re.IGNORECASE)


def interim(status: int, fields: dict[bytes, bytes]) -> str:
    """Whether 100 Continue, 103 Early Hints and their like may be read over. 101 would be the end of HTTP here."""
    if status < 100 or status == 101:
        return f"its status is {status}"
    if b"content-length" in fields or b"transfer-encoding" in fields:
        return f"an interim answer ({status}) with a body"
    return ""


def size(status: int, headers: Headers, heard: int) -> str:
    """Whether a final answer's head is within bounds; `heard` bytes have come, a part of its body perhaps among them."""
    if status > 599:
        return f"its status is {status}"
    if len(headers) > HEADERS:
        return f"it has more than {HEADERS} headers"
    if heard > HEAD_LIMIT and sum(len(name) + len(value) + 4 for name, value in headers) > HEAD_LIMIT:
        return f"more than {HEAD_LIMIT} bytes of headers"
    return ""


def transfer(version: str, headers: Headers) -> str:
    """Whether version and transfer coding are spoken: HTTP/1.1 or 1.0, and `chunked` alone, which 1.0 does not know."""
    if version not in ("1.1", "1.0"):
        return f"it is HTTP/{version}"
    codings = [value.lower() for name, value in headers if name == b"transfer-encoding"]
    if codings and (codings != [b"chunked"] or version == "1.0"):
        return "its transfer coding is not one that is spoken"
    return ""


def keep_alive(value: bytes) -> tuple[float, bool]:
    """`Keep-Alive: timeout=5, max=100` as the seconds that the connection may idle, and whether this was its last answer.

    The seconds leave a margin: one side should have left before the other one does.
    """
    match = _TIMEOUT.search(value)
    seconds = float(match[1]) if match else float("inf")
    return max(seconds - 1.0, seconds / 2), _SPENT.search(value) is not None
