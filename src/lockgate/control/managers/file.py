"""Secrets in files, as Docker and Kubernetes mount them: `secret_path` is a file's name below `LOCKGATE_SECRETS_DIR`.

Whoever may make references must not be able to read the machine's files with them: without that directory, which the operator
names, none can be read, and nothing outside it ever (links that stay inside, as Kubernetes makes them, are followed).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lockgate.control.references import Fetch, ManagerError
from lockgate.core.holdings import SecretReference

#: The longest secret, in bytes.
_MOST = 65_536


def file_manager(directory: str) -> Fetch:
    """What reads the secrets in a directory; "": in none."""

    def fetch(reference: SecretReference, secrets: Mapping[str, str]) -> str:
        if not directory:
            raise ManagerError("secrets in files need LOCKGATE_SECRETS_DIR, the directory that they are in")
        root = Path(directory).resolve()
        try:
            path = (root / reference.secret_path.lstrip("/")).resolve()
            if not path.is_relative_to(root):
                raise ManagerError(f"'{reference.secret_path}' is not inside LOCKGATE_SECRETS_DIR")
            with path.open("rb") as file:
                data = file.read(_MOST + 1)
            if len(data) > _MOST:
                raise ManagerError(f"'{reference.secret_path}' is longer than {_MOST} bytes")
            return data.decode()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is not text"
            raise ManagerError(f"'{reference.secret_path}' cannot be read: {why}") from None

    return fetch
