"""Rows of the provider table with sample values in their slots."""

from __future__ import annotations

import re

from lockgate.providers.auth.settings import Settings

#: Values to try for a slot; the first that its pattern admits is taken.
SAMPLES = ("sample-1", "0123456789abcdef" * 2, "us-east-1", "sample", "v1", "2024-10-21", "sample.example.com", "1234567890")
#: The base URL of a provider that has no address of its own.
HOST = "https://own.example.com"


def sample_params(row):
    """A value for every slot that has no default and for which there is one."""
    return {
        name: next(text for text in SAMPLES if re.fullmatch(slot.pattern, text))
        for name, slot in row.slots.items()
        if not slot.default and any(re.fullmatch(slot.pattern, text) for text in SAMPLES)
    }


def sample_row(row):
    """A row as it is for a sample account."""
    return row.filled(Settings(params=sample_params(row)), {}, "" if row.base_url else HOST)
