"""The HTTP surface: one callable, one table of routes."""
