"""Lockgate: the self-hosted AI gateway. The version lives here; everything else is imported from its own module."""

__version__ = "0.1.0"
