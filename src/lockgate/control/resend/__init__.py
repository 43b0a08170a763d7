"""Sending a recorded request again, and comparing what came of it."""
