"""How a provider is told who asks: static keys as a table (`static`), schemes that sign or fetch tokens as modules.

A new scheme is a module with a function that makes its `Signer` from what was said, and a line in `SIGNERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lockgate.providers.auth.aws import for_service
from lockgate.providers.auth.azure import azure
from lockgate.providers.auth.google import google
from lockgate.providers.auth.oci import oracle
from lockgate.providers.auth.port import AnySigner
from lockgate.providers.auth.settings import Settings

#: What makes a signer of (settings, key, environment): the environment is the operator's, None when it is a caller who brings
#: the rest; then nothing of the gateway's own identity may be used. It raises `Refusal` whose `param` is the member at fault.
Make = Callable[[Settings, str, Mapping[str, str] | None], AnySigner]

#: Scheme → its maker.
SIGNERS: dict[str, Make] = {
    "sigv4-bedrock": for_service("bedrock", "AWS_BEARER_TOKEN_BEDROCK"),
    "sigv4-bedrock-mantle": for_service("bedrock-mantle", "AWS_BEARER_TOKEN_BEDROCK"),
    "sigv4-claude-platform": for_service("aws-external-anthropic", "ANTHROPIC_AWS_API_KEY", ("x-api-key", "")),
    "sigv4-sagemaker": for_service("sagemaker"),
    "google": google,
    "azure": azure(foundry=False),
    "azure-foundry": azure(foundry=True),
    "oci": oracle,
}


def make_signer(scheme: str, settings: Settings, key: str, environment: Mapping[str, str] | None) -> AnySigner | None:
    """The signer of a scheme; None for one whose key is static. Raises `Refusal`."""
    make = SIGNERS.get(scheme)
    return None if make is None else make(settings, key, environment)
