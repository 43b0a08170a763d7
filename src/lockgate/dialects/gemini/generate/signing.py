"""Signatures in this dialect's place for them, which holds base64: its own as they are, another dialect's wrapped."""

from __future__ import annotations

import base64
import binascii

from lockgate.core.content import Thinking
from lockgate.dialects.gemini.generate.shapes import NAME
from lockgate.dialects.signature import unwrap, wrap

#: How every wrapped signature begins here: our mark, encoded (its nine bytes are twelve characters, whatever follows).
_MARK = base64.b64encode(b"lockgate:")
#: The item id of a wrapped signature that says: this is reasoning that only its writer can read.
_REDACTED = "redacted"


def carries(body: bytes) -> bool:
    """Whether a body may hold another model's signature, which the model that reads it would reject."""
    return _MARK in body


def carried(part: Thinking) -> str:
    """What proves reasoning, as a `thoughtSignature`; "" when nothing does."""
    if part.dialect in (NAME, ""):
        return part.signature
    if not (part.signature or part.redacted or part.id):
        return ""
    wrapped = wrap(part.redacted or part.signature, part.dialect, _REDACTED if part.redacted else part.id)
    return base64.b64encode(wrapped.encode()).decode()


def signed_by(signature: str, text: str = "") -> Thinking:
    """The reasoning that a `thoughtSignature` proves, whosever it is."""
    try:
        inner = base64.b64decode(signature, validate=True).decode()
    except (binascii.Error, ValueError):
        inner = ""
    proof, dialect, item = unwrap(inner, NAME)
    if dialect == NAME:
        return Thinking(text, signature, dialect=NAME)
    if item == _REDACTED:
        return Thinking(text, redacted=proof, dialect=dialect)
    return Thinking(text, proof, dialect=dialect, id=item)
