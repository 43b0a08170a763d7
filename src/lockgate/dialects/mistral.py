"""Mistral's OCR API, which passes as it is: https://docs.mistral.ai/api/#tag/ocr. It charges by the page (`usage_info`)."""

from __future__ import annotations

from lockgate.dialects.openai.relays import relay

OCR = relay("mistral.ocr")
