"""A request's head as bytes, and nothing that could end it early: names, values and targets are checked, not cleaned."""

from __future__ import annotations

import re

from lockgate.core.failure import Refusal
from lockgate.transport.destination import Destination
from lockgate.transport.exchange import Outgoing

#: The methods spoken. CONNECT is the proxy's, TRACE nobody's.
_METHODS = {name: name.encode() + b" " for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}
#: Methods whose requests say their length even when they have no body (RFC 9110, section 8.6).
_WITH_BODY = frozenset(("POST", "PUT", "PATCH"))

#: Headers that frame a message or belong to one connection: they are the client's to write, or nobody's.
_OURS = frozenset(
    b"host content-length connection accept-encoding transfer-encoding te trailer upgrade keep-alive expect"
    b" proxy-connection proxy-authorization".split()
)

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
_TARGET = re.compile(rb"/[!-\"$-~]*")  # visible ASCII without "#"

#: Names and targets found good before: a set lookup is a tenth of a match. Bounded; what is not kept is matched again.
_KEPT = 2048
_good_names: set[bytes] = set()
_good_targets: set[bytes] = set()


def own_lines(destination: Destination) -> bytes:
    """The header lines that are the same for all requests to a destination."""
    return b" HTTP/1.1\r\nhost: " + destination.host_header.encode() + b"\r\naccept-encoding: identity\r\n"


def render(outgoing: Outgoing, own: bytes) -> bytes:
    """The head of a request, `own` being `own_lines`; raises `Refusal` 400."""
    method = _METHODS.get(outgoing.method)
    if method is None:
        raise _refused(f"the method {outgoing.method!r} is not one that is spoken")
    target = outgoing.target
    if target not in _good_targets:
        _check_target(target)
    lines: list[bytes] = []
    for name, value in outgoing.headers:
        if name not in _good_names:
            _check_name(name)
        lines.append(name + b": " + value)
    if outgoing.body or outgoing.method in _WITH_BODY:
        lines.append(b"content-length: %d" % len(outgoing.body))
    lines.append(b"\r\n")
    block = b"\r\n".join(lines)
    # The only line ends are those just put between the lines; a value with one of its own makes the count wrong.
    count = len(lines)
    if block.count(b"\n") != count or block.count(b"\r") != count or b"\0" in block:
        raise _refused("a header's value has a line end or a NUL in it")
    return method + target + own + block


def _check_target(target: bytes) -> None:
    if not _TARGET.fullmatch(target):
        raise _refused("its path has characters that must be percent-encoded")
    if len(_good_targets) < _KEPT:
        _good_targets.add(target)


def _check_name(name: bytes) -> None:
    if not _NAME.fullmatch(name):
        raise _refused("a header's name is not a lower-case token")
    if name in _OURS:
        raise _refused(f"the header {name.decode()!r} is the gateway's own to set")
    if len(_good_names) < _KEPT:
        _good_names.add(name)


def _refused(why: str) -> Refusal:
    return Refusal(400, "invalid_upstream_request", f"The request to the upstream cannot be sent: {why}.")
