"""AWS Secrets Manager: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html

`auth_config` is said by the AWS members of `providers.auth.settings`; `secret_path` is a secret's name or ARN.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from lockgate.control.managers.web import answer_of
from lockgate.control.references import ManagerError
from lockgate.core.failure import Failure
from lockgate.core.holdings import SecretReference
from lockgate.core.json import encode
from lockgate.providers.auth.aws import for_service, region_of
from lockgate.providers.auth.port import AnySigner, Asked, Told
from lockgate.providers.auth.port import Fetch as Ask
from lockgate.providers.auth.settings import Settings
from lockgate.transport.exchange import Outgoing

_SERVICE = "secretsmanager"
#: How it says, with the status 400, that there is no such secret.
_UNKNOWN = b"ResourceNotFoundException"
_make = for_service(_SERVICE)


class _Answer(msgspec.Struct):
    text: str = msgspec.field(default="", name="SecretString")
    binary: str = msgspec.field(default="", name="SecretBinary")


def signer_of(reference: SecretReference, config: Mapping[str, Any]) -> tuple[AnySigner, str]:
    """What signs the questions, and the region. Without an environment: nothing of the gateway's own identity is used. Raises
    `ManagerError`, `Refusal`."""
    try:
        settings = msgspec.convert(dict(config), Settings)
    except msgspec.ValidationError as error:
        raise ManagerError(f"'{reference.slug}': its auth_config cannot be read: {error}") from None
    return _make(settings, "", None), region_of(settings, None)


async def secrets_manager(reference: SecretReference, config: Mapping[str, Any], ask: Ask, now_s: float) -> str:
    """See `web.Manager`."""
    signer, region = signer_of(reference, config)
    issued = await signer.source.issue(ask, now_s)
    if isinstance(issued, Failure):
        raise ManagerError(f"'{reference.slug}': {issued.message}")
    host = f"{_SERVICE}.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")
    headers = [
        (b"content-type", b"application/x-amz-json-1.1"),
        (b"x-amz-target", b"secretsmanager.GetSecretValue"),
    ]
    message = Outgoing("POST", b"/", headers, encode({"SecretId": reference.secret_path}))
    signed = dict(headers) | dict(signer.sign(message, host, now_s, issued.credential))
    told = await ask(
        Asked(
            "POST",
            f"https://{host}/",
            tuple((name.decode(), value.decode("latin-1")) for name, value in signed.items()),
            bytes(message.body),
        )
    )
    if isinstance(told, Told) and told.status == 400 and _UNKNOWN in told.body:
        told = Told(404, told.body)
    try:
        answer = msgspec.json.decode(answer_of(reference, told), type=_Answer)
        return answer.text or base64.b64decode(answer.binary, validate=True).decode()
    except (msgspec.DecodeError, ValueError):
        raise ManagerError(f"'{reference.slug}': the answer of Secrets Manager cannot be read") from None
