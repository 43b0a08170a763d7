"""What an entry is given: secrets, outright or by a file, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import msgspec


class Wrong(msgspec.Struct, frozen=True):
    """One thing wrong with the settings, and where ("sinks.audit.url")."""

    path: str
    message: str


def secret_of(at: str, member: str, said: str, file: str, wrong: list[Wrong]) -> str:
    """A secret that is given outright or by a file; "": neither."""
    if said and file:
        wrong.append(Wrong(f"{at}.{member}", f"give either {member} or {member}_file"))
    if not file:
        return said.strip()
    try:
        text = Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        wrong.append(Wrong(f"{at}.{member}_file", f"{file} cannot be read: {getattr(error, 'strerror', None) or error}"))
        return ""
    if not text:
        wrong.append(Wrong(f"{at}.{member}_file", f"{file} is empty"))
    return text
