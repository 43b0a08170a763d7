"""What an organisation has: accounts at providers, the names under which they are used, configs, and secrets sealed or pointed
to. Stored like all of `core.tenancy`.

The shapes are those that Portkey's users know: an *integration* is an account at a provider, a *virtual key* is the name
(`@slug`) by which a workspace uses it.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

from lockgate.core.limits import RateLimit, UsageLimit
from lockgate.core.tenancy import Row


class ModelAccess(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model of an integration: whether it may be used, its price where that is the organisation's own (as Portkey's
    `pricing_config` says it), and where it is served if that is elsewhere."""

    slug: str
    enabled: bool = True
    is_custom: bool = False
    is_finetune: bool = False
    base_model_slug: str = ""
    pricing_config: dict[str, Any] = {}
    configurations: dict[str, Any] = {}


class WorkspaceAccess(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whether a workspace may use an integration, how much of it, and which of its models, by patterns (none: all)."""

    workspace: str
    enabled: bool = True
    usage_limits: list[UsageLimit] = []
    rate_limits: list[RateLimit] = []
    models: list[str] = []


class GlobalAccess(msgspec.Struct, frozen=True, omit_defaults=True):
    """The same for every workspace that has no entry of its own."""

    enabled: bool = True
    usage_limits: list[UsageLimit] = []
    rate_limits: list[RateLimit] = []
    models: list[str] = []


class SecretMapping(msgspec.Struct, frozen=True, omit_defaults=True):
    """A secret that is kept elsewhere: the value for `target_field`, by a `SecretReference` and a key in what it holds."""

    target_field: str
    secret_reference: str
    secret_key: str = ""
    value_format: Literal["string", "json"] = "string"


class Integration(Row, frozen=True, kw_only=True):
    """An account at a provider.

    workspace       "": the organisation's, else of one workspace alone
    provider        whose it is, by its name in the provider table
    configurations  what else the account is known by, as Portkey spells it; secrets are not among it
    sealed          the fields whose values are in the vault: "key", "configurations.aws_secret_access_key"
    allow_all_models, models   what may be used, and what differs for a model
    everyone, workspaces       who may use it, and how much
    pricing_adjustments        factors on the price: {"multiplier": {"default": 0.8}}
    own_identity    it may sign as the machine that the gateway runs on, and be inside the operator's network. Only the operator
                    can say so
    """

    slug: str
    name: str
    provider: str
    workspace: str = ""
    description: str = ""
    configurations: dict[str, Any] = {}
    sealed: list[str] = []
    secret_mappings: list[SecretMapping] = []
    tags: dict[str, str] = {}
    allow_all_models: bool = True
    models: list[ModelAccess] = []
    everyone: GlobalAccess = GlobalAccess()
    workspaces: list[WorkspaceAccess] = []
    pricing_adjustments: dict[str, Any] = {}
    own_identity: bool = False
    status: Literal["active", "archived"] = "active"

    def open_to(self, workspace: str) -> bool:
        """Whether a workspace may use it."""
        if self.workspace and self.workspace != workspace:
            return False
        return self.access_of(workspace).enabled

    def access_of(self, workspace: str) -> WorkspaceAccess | GlobalAccess:
        """What is said of a workspace, or else of all."""
        return next((each for each in self.workspaces if each.workspace == workspace), self.everyone)


class VirtualKey(Row, frozen=True, kw_only=True):
    """What a workspace uses an integration by: `@slug`."""

    slug: str
    name: str
    workspace: str
    integration: str
    note: str = ""
    usage_limits: UsageLimit | None = None
    rate_limits: list[RateLimit] = []
    expires_us: int = 0


class SavedConfig(Row, frozen=True, kw_only=True):
    """A config by its slug ("pc-…"), as it holds now: the one of `ConfigVersion` `number`."""

    slug: str
    name: str
    workspace: str
    number: int
    config: msgspec.Raw
    is_default: bool = False
    status: Literal["active", "archived"] = "active"
    owner: str = ""


class ConfigVersion(Row, frozen=True, kw_only=True):
    """A config as it was once. Never changed."""

    workspace: str
    of: str
    number: int
    config: msgspec.Raw
    author: str = ""


class SecretReference(Row, frozen=True, kw_only=True):
    """A place in a secret manager. `auth_config` says how it is reached; what of that is secret is in the vault (`sealed`)."""

    slug: str
    name: str
    description: str = ""
    manager_type: Literal["file", "aws_sm", "azure_kv", "hashicorp_vault"]
    secret_path: str
    secret_key: str = ""
    auth_config: dict[str, Any] = {}
    sealed: list[str] = []
    allow_all_workspaces: bool = True
    allowed_workspaces: list[str] = []
    tags: dict[str, str] = {}


class Sealed(Row, frozen=True, kw_only=True):
    """A secret as the vault has it (`control.vault`): of which row (`owner`) and field, in its `number`-th writing.

    `box` is the secret under a data key of its own, `wrapped` that key under the root key `root`. `hint` may be shown.
    """

    PRIVATE: ClassVar[frozenset[str]] = frozenset(("wrapped", "box"))

    owner: str
    field: str
    number: int
    root: str
    workspace: str = ""
    wrapped: bytes
    box: bytes
    hint: str = ""
