"""Answers for a cache."""

from lockgate.core.cached import CachedAnswer

NOW = 1_800_000_000_000_000
HOUR = 3600 * 1_000_000
LATER = NOW + HOUR
MOST = 10 * 1024 * 1024


def answer(number=1, body=b"x" * 1000, time_us=NOW, expires_us=LATER, **more):
    """The answer of a request in the workspace blue of acme."""
    place = {"organisation": "acme", "workspace": "blue", **more}
    return CachedAnswer(f"id-{number}", time_us, expires_us, 200, [(b"content-type", b"application/json")], body, **place)
