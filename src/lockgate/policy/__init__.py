"""Decisions: pure and synchronous, with time and chance passed in."""
