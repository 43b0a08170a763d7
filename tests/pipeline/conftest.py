"""Stores that outlive a gateway, for those who ask for them."""

from support.redis import one_server, server
from support.shared_caches import shared_of

__all__ = ["one_server", "server", "shared_of"]
