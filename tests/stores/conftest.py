"""A real Redis for those who ask for it."""

from support.redis import one_server, server

__all__ = ["one_server", "server"]
