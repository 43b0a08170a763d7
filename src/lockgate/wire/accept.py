"""What a caller takes: the members of Accept and Accept-Encoding, with their weights (RFC 9110, sections 12.4.2 and 12.5)."""

from __future__ import annotations


def quality(header: str, member: str) -> float:
    """The weight, 0 to 1, that a header gives to exactly this member ("br", "text/html"); 0 where it is not named.

    `*` and `*/*` do not count: who takes anything has asked for nothing.
    """
    for each in header.split(","):
        name, *parameters = (part.strip().lower() for part in each.split(";"))
        if name == member:
            said = next((text[2:].strip() for text in parameters if text.startswith("q=")), "1")
            try:
                return min(max(float(said), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 0.0
