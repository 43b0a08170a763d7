"""What all stores have in common. Their calls block: they are made off the request path."""

from __future__ import annotations


class StoreError(Exception):
    """The store cannot do it now: locked, full, unreachable, read-only. The message says what and where; try again later."""


class TooLong(StoreError):
    """A question that reads more than one may. The message says what would be less, and may be told to who has asked."""
