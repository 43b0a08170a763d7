"""Bytes to frames and back, without I/O: SSE, and what HTTP allows in a header."""
