"""What an entry is given: secrets, outright or by a file; an account of AWS; and what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from lockgate.providers.auth.settings import Settings


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


#: What an account of AWS is said by, wherever it is. An entry that takes one has these members itself: structs have one base.
AWS = tuple(name for name in Settings.__struct_fields__ if name.startswith("aws_"))
_KEY = "aws_secret_access_key"


def account_of(at: str, entry: msgspec.Struct, wrong: list[Wrong]) -> Settings:
    """The account of an entry that has the members of `AWS`, and `aws_secret_access_key_file`."""
    said: dict[str, Any] = {name: getattr(entry, name) for name in AWS}
    said[_KEY] = secret_of(at, _KEY, said[_KEY], getattr(entry, f"{_KEY}_file"), wrong)
    return Settings(**said)
