"""Accounts at AWS: which credentials a request is signed with, by what was said; Bedrock's API keys go as bearer tokens."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import msgspec

from lockgate.core.failure import Refusal
from lockgate.providers.auth.aws_sources import CONTAINER, AssumedRole, Container, Instance, WebIdentity
from lockgate.providers.auth.port import AnySigner, Bearer, Given, Headers, Message, Source
from lockgate.providers.auth.settings import Settings
from lockgate.providers.auth.sigv4 import Keys, signature_headers

Environment = Mapping[str, str]
#: What makes a signer of settings, a key, and the operator's environment (None: a caller speaks).
Maker = Callable[[Settings, str, Environment | None], AnySigner]

REGION = re.compile(r"[a-z0-9-]{1,63}")
_KEY_MEMBERS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
#: Hosts that a container's address may name in plain http: its own, and the metadata services' of ECS and EKS.
_METADATA_HOSTS = ("localhost", "127.0.0.1", "::1", "169.254.170.2", "169.254.170.23", "fd00:ec2::23")


class SigV4(msgspec.Struct, frozen=True):
    """Signs for one service in one region. See `Signer`."""

    source: Source[Keys]
    region: str
    service: str

    def __repr__(self) -> str:
        return f"SigV4({self.source}, {self.service} in {self.region})"

    def sign(self, message: Message, host: str, now_s: float, credential: Keys) -> Headers:
        """See `Signer`."""
        return signature_headers(credential, message, host, now_s, region=self.region, service=self.service)


def for_service(service: str, api_key: str = "", carried: tuple[str, str] = ("authorization", "Bearer ")) -> Maker:
    """What makes the signers of a service. Without an environment it is a caller who speaks: he must bring his own keys.

    `api_key` is the environment variable of the service's own API keys, `carried` the header and what stands before one in it.
    """

    def make(settings: Settings, key: str, environment: Environment | None) -> AnySigner:
        around = environment or {}
        own_key = key or around.get(api_key, "")
        kind = settings.aws_auth_type or _likely(settings, own_key, around)
        region = region_of(settings, environment)
        if kind == "apiKey":
            if not own_key:
                wanted = f"an API key: api_key, or {api_key} in the environment" if api_key else "keys: it has no API keys here"
                raise _missing("api_key", wanted)
            return Bearer(Given(own_key), *carried)
        make_source = _SOURCES.get(kind)
        if make_source is None:
            known = ", ".join((*_SOURCES, "apiKey"))
            raise Refusal(400, "invalid_setting", f"aws_auth_type must be one of {known}.", param="aws_auth_type")
        if environment is None and kind not in ("accessKey", "assumedRole"):
            raise Refusal(
                403,
                "not_yours",
                f"aws_auth_type '{kind}' means the identity of the gateway, which only its operator can lend: "
                "set the provider up in lockgate.yaml and name it with '@'.",
                param="aws_auth_type",
            )
        return SigV4(make_source(settings, region, around), region, service)

    return make


def region_of(settings: Settings, environment: Environment | None) -> str:
    """The region that was said, or the operator's environment's; raises `Refusal`."""
    around = environment or {}
    region = settings.params.get("region") or settings.aws_region or around.get("AWS_REGION", "")
    if not region:
        raise _missing("aws_region", "a region: aws_region, for example us-east-1")
    if not REGION.fullmatch(region):
        raise Refusal(400, "invalid_region", "aws_region must be a region's name, such as us-east-1.", param="aws_region")
    return region


def _likely(settings: Settings, own_key: str, environment: Environment) -> str:
    """The kind that goes with what was said, the most definite first; then what the environment offers."""
    for kind, says in (
        ("assumedRole", settings.aws_role_arn),
        ("accessKey", settings.aws_access_key_id or settings.aws_secret_access_key),
        ("apiKey", own_key),
        ("accessKey", environment.get("AWS_ACCESS_KEY_ID")),
        ("webIdentity", environment.get("AWS_WEB_IDENTITY_TOKEN_FILE")),
        ("container", _container_url(environment)),
    ):
        if says:
            return kind
    return "accessKey"


def _access_key(settings: Settings, region: str, environment: Environment) -> Source[Keys]:
    if settings.aws_access_key_id or settings.aws_secret_access_key:
        keys = Keys(settings.aws_access_key_id, settings.aws_secret_access_key, settings.aws_session_token)
    else:
        keys = Keys(*(environment.get(member.upper(), "").strip() for member in _KEY_MEMBERS))
    for member, value in zip(_KEY_MEMBERS, (keys.id, keys.secret), strict=False):
        if not value:
            raise _missing(member, f"{member}, beside aws_region; or an API key as api_key")
    for member, value in zip(_KEY_MEMBERS, msgspec.structs.astuple(keys), strict=True):
        if not value.isascii() or not value.isprintable() or " " in value:
            raise Refusal(400, "invalid_setting", f"{member} has characters that no AWS key has.", param=member)
    return Given(keys)


def _assumed_role(settings: Settings, region: str, environment: Environment) -> Source[Keys]:
    if not settings.aws_role_arn:
        raise _missing("aws_role_arn", "aws_role_arn, the role to assume")
    if settings.aws_access_key_id or environment.get("AWS_ACCESS_KEY_ID") or not environment:
        base = _access_key(settings, region, environment)
    else:
        base = _service_role(settings, region, environment)
    return AssumedRole(base, settings.aws_role_arn, settings.aws_external_id, region)


def _web_identity(settings: Settings, region: str, environment: Environment) -> Source[Keys]:
    role, file = environment.get("AWS_ROLE_ARN", ""), environment.get("AWS_WEB_IDENTITY_TOKEN_FILE", "")
    if not role or not file:
        raise _missing("aws_auth_type", "AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE in the environment for a web identity")
    return WebIdentity(role, file, region)


def _container(settings: Settings, region: str, environment: Environment) -> Source[Keys]:
    url = _container_url(environment)
    if not url:
        raise _missing(
            "aws_auth_type", "AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI in the environment for a container"
        )
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _METADATA_HOSTS:
        raise Refusal(
            400,
            "invalid_setting",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or name this machine or a metadata service.",
            param="aws_auth_type",
        )
    token, file = (
        environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", ""),
        environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", ""),
    )
    return Container(url, token, file)


def _container_url(environment: Environment) -> str:
    relative = environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    return CONTAINER + relative if relative else environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")


def _instance(settings: Settings, region: str, environment: Environment) -> Source[Keys]:
    return Instance()


def _service_role(settings: Settings, region: str, environment: Environment) -> Source[Keys]:
    """The identity that this process has where it runs: the one that its environment names, else the instance's."""
    if environment.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        return _web_identity(settings, region, environment)
    return _container(settings, region, environment) if _container_url(environment) else Instance()


_SOURCES: dict[str, Callable[[Settings, str, Environment], Source[Keys]]] = {
    "accessKey": _access_key,
    "assumedRole": _assumed_role,
    "serviceRole": _service_role,
    "webIdentity": _web_identity,
    "container": _container,
    "instance": _instance,
}


def _missing(member: str, what: str) -> Refusal:
    return Refusal(400, "missing_setting", f"AWS needs {what}.", param=member)
