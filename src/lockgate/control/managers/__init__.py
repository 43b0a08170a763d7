"""Secret managers: where references point to. A new one is a file here with a `Fetch` (`control.references`), and a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lockgate.control.managers.aws import secrets_manager
from lockgate.control.managers.azure import key_vault
from lockgate.control.managers.file import file_manager
from lockgate.control.managers.hashicorp import hashicorp
from lockgate.control.managers.web import over_http
from lockgate.control.references import Fetch
from lockgate.transport.egress import Egress


def managers_of(environment: Mapping[str, str], egress: Callable[[], Egress]) -> dict[str, Fetch]:
    """The managers that this installation can ask, under its egress policy."""
    return {
        "file": file_manager(environment.get("LOCKGATE_SECRETS_DIR", "")),
        "aws_sm": over_http(secrets_manager, egress, trusted=True),
        "azure_kv": over_http(key_vault, egress, trusted=True),
        "hashicorp_vault": over_http(hashicorp, egress, trusted=False),
    }
