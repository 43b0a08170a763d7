"""Mistral's OCR API, which passes as it is: https://docs.mistral.ai/api/#tag/ocr. It charges by the page (`usage_info`).

A page of which a description was asked for (`…_annotation_format`) costs more: https://mistral.ai/pricing.
"""

from __future__ import annotations

import msgspec

from lockgate.core.json import given
from lockgate.core.outcome import Outcome
from lockgate.core.reply import Usage
from lockgate.dialects.lenient import aside
from lockgate.dialects.openai import relays


class _Glance(msgspec.Struct):
    usage_info: msgspec.Raw = msgspec.Raw()


class _Account(msgspec.Struct):
    pages_processed: int | None = None


class _Asked(msgspec.Struct):
    bbox_annotation_format: msgspec.Raw = msgspec.Raw()
    document_annotation_format: msgspec.Raw = msgspec.Raw()


def observe(body: bytes) -> Outcome:
    """What an answer says of itself."""
    outcome = relays.observe(body)
    glance = aside(msgspec.Raw(body), _Glance) or _Glance()
    account = aside(glance.usage_info, _Account)
    if account is not None and account.pages_processed is not None:
        outcome.usage = Usage(pages=account.pages_processed, raw=glance.usage_info.copy())
    return outcome


def annotated(body: bytes, usage: Usage | None) -> Usage | None:
    """The pages of an account, as described ones where the request asks for that."""
    asked = aside(msgspec.Raw(body), _Asked)
    if usage is None or asked is None or not (given(asked.bbox_annotation_format) or given(asked.document_annotation_format)):
        return usage
    return msgspec.structs.replace(usage, annotated_pages=usage.pages)


OCR = relays.relay("mistral.ocr", observe=observe, charged=annotated)
