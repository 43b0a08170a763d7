"""A route as it is written: the members of a config, saved in `lockgate.yaml` or inline in a header.

The grammar is the one that Portkey's users know (https://portkey.ai/docs/product/ai-gateway/configs); a member that this
version does not know is an error with its path, never ignored.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from lockgate.core.failure import Refusal
from lockgate.core.json import readable
from lockgate.providers.auth.settings import Settings


class RouteConfig(Settings, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A single target.

    provider          a provider's name from the table, or "@slug" for one that is set up here
    virtual_key       a slug, as older configs say it
    api_key           the provider's key, where the caller brings its own
    custom_host       replaces the provider's base URL; needs an egress rule
    override_params   members that replace those of the request body
    request_timeout   milliseconds until the answer's headers
    upstream_api      for a provider with two APIs of its own: which one to use

    The caller's own account is said by the members of `Settings`; `params` fill the provider's address.
    """

    provider: str = ""
    virtual_key: str = ""
    api_key: str = ""
    custom_host: str = ""
    override_params: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict)
    request_timeout: int | None = None
    upstream_api: Literal["", "chat", "responses"] = ""
    strict_open_ai_compliance: bool | None = None

    def __repr__(self) -> str:
        return f"RouteConfig({self.provider or self.virtual_key!r})"


#: Where an error in an inline config is said to be.
AT = "config"


def read_inline(text: bytes) -> RouteConfig:
    """An inline config. Raises `Refusal` 400 with the path of what is wrong."""
    config = readable(text, RouteConfig, AT)
    if config.request_timeout is not None and not 0 < config.request_timeout <= 3_600_000:
        raise Refusal(
            400,
            "invalid_config",
            "config.request_timeout must lie between 1 and 3600000 milliseconds.",
            param="config.request_timeout",
        )
    return config
