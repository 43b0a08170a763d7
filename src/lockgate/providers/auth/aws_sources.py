"""Where AWS keys come from: an assumed role, a web identity (IRSA), a container's or an instance's metadata service.

Sources: https://docs.aws.amazon.com/STS/latest/APIReference/ (AssumeRole, AssumeRoleWithWebIdentity),
https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html,
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html (IMDSv2)
"""

from __future__ import annotations

import re
from datetime import datetime
from html import unescape
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import msgspec

from lockgate.core.failure import Failure
from lockgate.providers.auth.port import Asked, Fetch, Headers, Issued, Source, Told, cannot_issue
from lockgate.providers.auth.sigv4 import Keys, signature_headers

#: How our sessions are called in the account's logs.
SESSION = "lockgate"
#: Seconds that a role's keys last.
ROLE_S = 3600
#: The metadata service of an instance; it is reached without a proxy and without a name.
INSTANCE = "http://169.254.169.254/latest"
#: The one of a container, for addresses that are given without a host.
CONTAINER = "http://169.254.170.2"

_FORM = ("content-type", "application/x-www-form-urlencoded; charset=utf-8")
_ELEMENT = re.compile(r"<(AccessKeyId|SecretAccessKey|SessionToken|Expiration|Message)>([^<]*)</")


class AssumedRole(msgspec.Struct, frozen=True, cache_hash=True):
    """The keys of a role, had with other keys."""

    base: Source[Keys]
    role_arn: str
    external_id: str
    region: str

    def __repr__(self) -> str:
        return f"AssumedRole({self.role_arn})"

    async def issue(self, fetch: Fetch, now_s: float) -> Issued[Keys] | Failure:
        """See `Source`."""
        base = await self.base.issue(fetch, now_s)
        if isinstance(base, Failure):
            return base
        form = {"RoleArn": self.role_arn, "RoleSessionName": SESSION, "DurationSeconds": str(ROLE_S)}
        if self.external_id:
            form["ExternalId"] = self.external_id
        asked = _sts("AssumeRole", form, self.region)
        headers = signature_headers(
            base.credential, _Form(asked.body), sts_host(self.region), now_s, region=self.region, service="sts"
        )
        signed = (*asked.headers, *((name.decode(), value.decode()) for name, value in headers))
        told = await fetch(msgspec.structs.replace(asked, headers=signed))
        return _of_sts(told, f"The AWS role {self.role_arn}", "aws_role_arn, aws_external_id and the keys that assume it")


class WebIdentity(msgspec.Struct, frozen=True, cache_hash=True):
    """The keys of a role, had with a token that the cluster puts into a file and renews there."""

    role_arn: str
    token_file: str
    region: str

    def __repr__(self) -> str:
        return f"WebIdentity({self.role_arn})"

    async def issue(self, fetch: Fetch, now_s: float) -> Issued[Keys] | Failure:
        """See `Source`."""
        what, setting = f"The AWS role {self.role_arn}", "AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE"
        token = _read(self.token_file)
        if not token:
            return cannot_issue(what, setting, f"the token file {self.token_file} cannot be read or is empty.")
        form = {"RoleArn": self.role_arn, "RoleSessionName": SESSION, "DurationSeconds": str(ROLE_S), "WebIdentityToken": token}
        return _of_sts(await fetch(_sts("AssumeRoleWithWebIdentity", form, self.region)), what, setting)


class Container(msgspec.Struct, frozen=True, cache_hash=True):
    """The keys of an ECS task or an EKS pod. The token that proves who asks is given, or in a file that is renewed."""

    url: str
    token: str = ""
    token_file: str = ""

    def __repr__(self) -> str:
        return f"Container({self.url.partition('?')[0]})"

    async def issue(self, fetch: Fetch, now_s: float) -> Issued[Keys] | Failure:
        """See `Source`."""
        token = _read(self.token_file) if self.token_file else self.token
        headers = (("authorization", token),) if token else ()
        told = await fetch(Asked("GET", self.url, headers))
        return _of_metadata(told, "The container's AWS keys", "aws_auth_type and the task's or pod's role")


class Instance(msgspec.Struct, frozen=True, cache_hash=True):
    """The keys of the EC2 instance that the gateway runs on, by version 2 of its metadata service."""

    def __repr__(self) -> str:
        return "Instance()"

    async def issue(self, fetch: Fetch, now_s: float) -> Issued[Keys] | Failure:
        """See `Source`. The service takes a session token, then names the role, then gives its keys."""
        what, setting = "The instance's AWS keys", "aws_auth_type and the instance's role"
        session = await fetch(Asked("PUT", f"{INSTANCE}/api/token", (("x-aws-ec2-metadata-token-ttl-seconds", "300"),)))
        if isinstance(session, Failure) or session.status != 200:
            return cannot_issue(what, setting, session)
        headers = (("x-aws-ec2-metadata-token", session.body.decode("latin-1").strip()),)
        place = f"{INSTANCE}/meta-data/iam/security-credentials/"
        named = await fetch(Asked("GET", place, headers))
        if isinstance(named, Failure) or named.status != 200:
            return cannot_issue(what, setting, named)
        role = named.body.decode("latin-1").split("\n")[0].strip()
        return _of_metadata(await fetch(Asked("GET", place + role, headers)), what, setting)


def sts_host(region: str) -> str:
    """The token service of a region."""
    return f"sts.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")


class _Form(msgspec.Struct):
    """A call of the token service, as the signature reads it."""

    body: bytes
    method: str = "POST"
    target: bytes = b"/"
    headers: Headers = msgspec.field(default_factory=lambda: [(_FORM[0].encode(), _FORM[1].encode())])


def _sts(action: str, form: dict[str, str], region: str) -> Asked:
    body = urlencode({"Action": action, "Version": "2011-06-15", **form}).encode()
    return Asked("POST", f"https://{sts_host(region)}/", (_FORM,), body)


def _of_sts(told: Told | Failure, what: str, setting: str) -> Issued[Keys] | Failure:
    """The keys in an answer of the token service: XML, of which a few elements matter, none of them with attributes."""
    if isinstance(told, Failure):
        return cannot_issue(what, setting, told)
    found = {name: unescape(value) for name, value in _ELEMENT.findall(told.body.decode("utf-8", "replace"))}
    if told.status != 200:
        return cannot_issue(what, setting, told, found.get("Message", ""))
    return _keys(found, "SessionToken") or cannot_issue(what, setting, "the answer holds no keys.")


def _of_metadata(told: Told | Failure, what: str, setting: str) -> Issued[Keys] | Failure:
    """The keys in an answer of a metadata service."""
    if isinstance(told, Failure):
        return cannot_issue(what, setting, told)
    try:
        found = msgspec.json.decode(told.body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        found = cast("dict[str, Any]", {})
    if told.status != 200 or found.get("Code", "Success") != "Success":
        said = found.get("Message") or found.get("message") or ""
        return cannot_issue(what, setting, told, str(said))
    return _keys(found, "Token") or cannot_issue(what, setting, "the answer holds no keys.")


def _keys(found: dict[str, Any], token: str) -> Issued[Keys] | None:
    try:
        expires_s = datetime.fromisoformat(found["Expiration"]).timestamp()
        keys = Keys(found["AccessKeyId"], found["SecretAccessKey"], found[token])
    except (KeyError, TypeError, ValueError):
        return None
    return Issued(keys, expires_s) if all(isinstance(each, str) for each in (keys.id, keys.secret, keys.token)) else None


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
