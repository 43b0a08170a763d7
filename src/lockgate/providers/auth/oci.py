"""Accounts at Oracle Cloud: requests signed with a user's API signing key, or an API key of Generative AI as a bearer token.

The signature is RSA-SHA256 over headers and, of a request with a body, the body's hash. It takes a millisecond.

Sources: https://docs.oracle.com/iaas/Content/API/Concepts/signingrequests.htm (version 1, which rests on
draft-cavage-http-signatures-08), https://docs.oracle.com/iaas/Content/generative-ai/oci-genai-auth.htm
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Mapping
from email.utils import formatdate
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from lockgate.core.failure import Failure, Refusal
from lockgate.providers.auth.port import AnySigner, Bearer, Fetch, Given, Headers, Issued, Message, Source, cannot_issue
from lockgate.providers.auth.settings import Settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

Environment = Mapping[str, str]

#: Methods whose requests have a body, which is signed too.
_WITH_BODY = ("POST", "PUT", "PATCH")
#: What says who signs, and the variables that Oracle's own tools read it of.
_SIGNING = {
    "oracle_tenancy": "OCI_CLI_TENANCY",
    "oracle_user": "OCI_CLI_USER",
    "oracle_fingerprint": "OCI_CLI_FINGERPRINT",
    "oracle_private_key": "OCI_CLI_KEY_CONTENT",
}
_PASSPHRASE, _API_KEY = "OCI_CLI_PASSPHRASE", "OCI_GENAI_API_KEY"
_OCID = re.compile(r"ocid1\.[a-z0-9]{1,63}\.[A-Za-z0-9._-]{1,200}")
_FINGERPRINT = re.compile(r"(?:[0-9a-f]{2}:){15}[0-9a-f]{2}", re.IGNORECASE)
_FORMS = {"oracle_tenancy": _OCID, "oracle_user": _OCID, "oracle_fingerprint": _FINGERPRINT}
_SERVING = ("", "ON_DEMAND", "DEDICATED")


class SigningKey(msgspec.Struct, frozen=True, cache_hash=True):
    """The source of a private key, which is read of its PEM."""

    pem: str
    passphrase: str = ""

    def __repr__(self) -> str:
        return "SigningKey()"

    async def issue(self, fetch: Fetch, now_s: float) -> Issued[RSAPrivateKey] | Failure:
        """See `Source`. Reading goes to a thread: the first time imports a large library."""
        try:
            return Issued(await asyncio.to_thread(self.read))
        except (ValueError, TypeError) as error:
            why = f"it cannot be read: {str(error).rstrip('.')}."
            return cannot_issue("Oracle's signing key", "oracle_private_key and oracle_key_passphrase", why)

    def read(self) -> RSAPrivateKey:
        """The key; raises `ValueError` or `TypeError` when it is none. It is not proved to be prime, which takes 60 ms."""
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415 - 0.2 s and 16 MB, for those
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - who have such a key

        text = self.pem.replace("\\n", "\n").strip() + "\n"
        key = load_pem_private_key(text.encode(), self.passphrase.encode() or None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(key, RSAPrivateKey):
            raise TypeError("it is no RSA key")
        return key


class HttpSignature(msgspec.Struct, frozen=True):
    """Signs as a user, by the key's id: tenancy, user and fingerprint. `headers` go with it. See `Signer`."""

    source: Source[RSAPrivateKey]
    key_id: str
    headers: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"HttpSignature({self.key_id})"

    def sign(self, message: Message, host: str, now_s: float, credential: RSAPrivateKey) -> Headers:
        """See `Signer`. Signed are the request line, host and date, and of a body its length, type and hash."""
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415 - as the key was read
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

        date = formatdate(now_s, usegmt=True)
        more: Headers = [(name.encode(), value.encode()) for name, value in self.headers]
        more.append((b"date", date.encode()))
        signed = [
            ("date", date),
            ("(request-target)", f"{message.method.lower()} {message.target.decode('ascii')}"),
            ("host", host),
        ]
        if message.method in _WITH_BODY:
            body = bytes(message.body)
            kind = dict(message.headers).get(b"content-type", b"application/json")
            digest = base64.b64encode(sha256(body).digest())
            more += [(b"content-type", kind), (b"x-content-sha256", digest)]
            signed += [
                ("content-length", str(len(body))),
                ("content-type", kind.decode("latin-1")),
                ("x-content-sha256", digest.decode()),
            ]
        text = "\n".join(f"{name}: {value}" for name, value in signed)
        signature = base64.b64encode(credential.sign(text.encode("latin-1"), PKCS1v15(), SHA256())).decode()
        names = " ".join(name for name, _ in signed)
        said = f'version="1",keyId="{self.key_id}",algorithm="rsa-sha256",headers="{names}",signature="{signature}"'
        more.append((b"authorization", b"Signature " + said.encode()))
        return more


def oracle(settings: Settings, key: str, environment: Environment | None) -> AnySigner:
    """The signer of an account; see `providers.auth.Make`. What says who signs comes before an API key, what is said before the
    environment."""
    around = environment or {}
    headers = _compartment(settings)
    if settings.oracle_serving_mode not in _SERVING:
        raise _wrong("oracle_serving_mode", "must be ON_DEMAND or DEDICATED; the model's name says which it is")
    said = {member: getattr(settings, member) for member in _SIGNING}
    passphrase = settings.oracle_key_passphrase
    if not any(said.values()):
        if own := key or around.get(_API_KEY, ""):
            return Bearer(Given(own), headers=headers)
        said = {member: around.get(variable, "") for member, variable in _SIGNING.items()}
        passphrase = around.get(_PASSPHRASE, "")
    if not any(said.values()):
        message = f"Oracle needs an API key (api_key), or {', '.join(_SIGNING)} to sign requests with."
        raise Refusal(400, "missing_setting", message, param="api_key")
    for member, value in said.items():
        if not value:
            raise Refusal(400, "missing_setting", f"Oracle needs {member} to sign requests with.", param=member)
        if (form := _FORMS.get(member)) is not None and not form.fullmatch(value):
            raise _wrong(member, f"does not look like one: {form.pattern}")
    key_id = "/".join(said[member] for member in _FORMS)
    return HttpSignature(SigningKey(said["oracle_private_key"], passphrase), key_id, headers)


def _compartment(settings: Settings) -> tuple[tuple[str, str], ...]:
    """The compartment, in both headers that Oracle's libraries name it in."""
    said = settings.oracle_compartment_id
    if not said:
        return ()
    if not _OCID.fullmatch(said):
        raise _wrong("oracle_compartment_id", f"does not look like one: {_OCID.pattern}")
    return (("opc-compartment-id", said), ("compartmentid", said))


def _wrong(member: str, why: str) -> Refusal:
    return Refusal(400, "invalid_setting", f"{member} {why}.", param=member)
