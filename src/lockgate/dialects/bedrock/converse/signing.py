"""Proofs of reasoning in this dialect's places for them: its own as they are, another dialect's wrapped."""

from __future__ import annotations

import base64
import binascii

from lockgate.core.content import Thinking
from lockgate.dialects.bedrock.converse.shapes import NAME
from lockgate.dialects.signature import unwrap, wrap

_MARK = b"lockgate:"
#: How a wrapped proof begins where base64 is expected: nine bytes are twelve characters, whatever follows.
_MARK_ENCODED = base64.b64encode(_MARK)


def carries(body: bytes) -> bool:
    """Whether a body may hold another model's proof, which the model that reads it would reject."""
    return _MARK in body or _MARK_ENCODED in body


def reasoning_content(part: Thinking) -> dict[str, object] | None:
    """Reasoning as a block's content for a caller; None when there is nothing to tell."""
    own = part.dialect in (NAME, "")
    if part.redacted:
        wrapped = base64.b64encode(wrap(part.redacted, part.dialect).encode()).decode()
        return {"redactedContent": part.redacted if own else wrapped}
    if not part.text and not part.signature:
        return None
    words: dict[str, object] = {"text": part.text}
    if proof := carried(part.signature, part.dialect, part.id):
        words["signature"] = proof
    return {"reasoningText": words}


def carried(signature: str, dialect: str, item: str = "") -> str:
    """A signature as this dialect carries it."""
    if dialect in (NAME, "") or not (signature or item):
        return signature
    return wrap(signature, dialect, item)


def signed_by(text: str, signature: str = "", *, redacted: str = "") -> Thinking:
    """The reasoning that a caller gives back, whosever it is."""
    if redacted:
        try:
            inner = base64.b64decode(redacted, validate=True).decode()
        except (binascii.Error, ValueError):
            inner = ""
        proof, dialect, _ = unwrap(inner, NAME)
        return Thinking(redacted=redacted if dialect == NAME else proof, dialect=dialect)
    proof, dialect, item = unwrap(signature, NAME)
    return Thinking(text, proof, dialect=dialect, id=item)
