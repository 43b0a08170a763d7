"""Vectors for texts, made in this process: the port, and what implements it."""
