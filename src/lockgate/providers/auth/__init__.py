"""How a provider is told who asks: static keys as a table (`static`), schemes that sign or fetch tokens as modules.

A new scheme is a module with a function that makes its `Signer` from what was said, and a line in `SIGNERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lockgate.providers.auth.port import AnySigner
from lockgate.providers.auth.settings import Settings

#: Scheme → what makes its signer of (settings, key, the operator's environment: empty for what a caller brings). It raises
#: `Refusal` 400 whose `param` is the member that is missing or wrong.
SIGNERS: dict[str, Callable[[Settings, str, Mapping[str, str]], AnySigner]] = {}


def make_signer(scheme: str, settings: Settings, key: str, environment: Mapping[str, str]) -> AnySigner | None:
    """The signer of a scheme; None for one whose key is static. Raises `Refusal`."""
    make = SIGNERS.get(scheme)
    return None if make is None else make(settings, key, environment)
