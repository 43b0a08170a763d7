"""Portkey's files as a `lockgate.yaml`: `conf.json` of its open gateway, gateway configs, and lists of virtual keys, providers
and integrations as its admin API gives them.

A file may be one of these, or a list of several. Configs keep their members, since the grammar is the same; keys that Portkey
keeps in its vault are in no export, so each becomes a variable to set.

Source: https://portkey.ai/docs/api-reference/admin-api/introduction, https://portkey.ai/docs/product/ai-gateway/configs, and
`conf.example.json` of https://github.com/Portkey-AI/gateway
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec

from lockgate.control.imports.accounts import Account, Accounts, Secret, headers
from lockgate.control.imports.draft import Draft, Variables, slugged, unused
from lockgate.control.imports.findings import Findings
from lockgate.control.imports.source import BadSource, Source
from lockgate.pipeline.route import BreakerConfig, CacheConfig, RetryConfig, RouteConfig, StickyConfig, Strategy
from lockgate.providers.auth.settings import Settings
from lockgate.providers.table import TABLE

Tree = dict[str, Any]

_ROUTE = frozenset(RouteConfig.__struct_fields__)
_SETTINGS = frozenset(Settings.__struct_fields__)
#: Members that are objects with members of their own.
_PARTS: dict[str, type[msgspec.Struct]] = {
    "strategy": Strategy,
    "retry": RetryConfig,
    "sticky": StickyConfig,
    "cb_config": BreakerConfig,
    "cache": CacheConfig,
}
#: Members that make a mapping a config.
_CONFIG = frozenset(("strategy", "targets", "provider", "virtual_key", "retry", "cache", "override_params", "request_timeout"))
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
#: Members of an account that are secrets.
_SECRETS = frozenset(
    (
        *("api_key", "aws_access_key_id", "aws_secret_access_key", "aws_session_token", "vertex_service_account_json"),
        *("azure_ad_token", "azure_entra_client_secret"),
    )
)

_GUARDRAILS = "guardrails are not carried over"
_LEFT: dict[str, str] = {
    **dict.fromkeys(("input_guardrails", "output_guardrails", "before_request_hooks", "after_request_hooks"), _GUARDRAILS),
    **dict.fromkeys(("input_mutators", "output_mutators"), _GUARDRAILS),
    "prompt_id": "prompts are not carried over",
    "fetch_integrated_models": "`GET /v1/models` lists what a key may use",
}
_GATEWAY_LEFT: dict[str, str] = {
    "plugins_enabled": _GUARDRAILS,
    "credentials": "the credentials of plugins are not carried over",
    "cache": "each config says whether its answers are cached",
    "admin_token": "LOCKGATE_ADMIN_KEY sets the admin key",
}
_LIMITS = {"usage_limits": "budgets are not carried over", "rate_limits": "limits are not carried over"}


def convert(source: Source, keep_secrets: bool, findings: Findings, known: Mapping[str, str] | None = None) -> Draft:
    """The draft of a configuration. `known` says which provider a slug stands for, where no export does. Raises `BadSource` for
    a file that is none of Portkey's."""
    for path in source.repeated:
        findings.changed(path, "it is given twice; the last one holds")
    importer = _Importer(source, keep_secrets, findings, known or {})
    for at, tree in _parts(source.tree, ""):
        importer.read(tree, at)
    return importer.finished()


def _parts(tree: Any, at: str) -> Iterator[tuple[str, Tree]]:
    """What a file holds, each with its path: lists, and what an answer of the API wraps, are opened."""
    if isinstance(tree, list):
        for n, each in enumerate(cast("list[Any]", tree)):
            yield from _parts(each, f"{at}[{n}]")
    elif isinstance(tree, dict):
        members = cast("Tree", tree)
        wraps = "data" in members and not _CONFIG & members.keys()
        if wraps:
            yield from _parts(members["data"], f"{at}.data".lstrip("."))
        else:
            yield at, members


class _Importer:
    def __init__(self, source: Source, keep_secrets: bool, findings: Findings, known: Mapping[str, str]) -> None:
        self._source = source
        self._findings = findings
        self._known = known
        self._draft = Draft()
        self._variables = Variables(keep_secrets)
        self._accounts = Accounts(self._draft, self._variables, findings)
        self._integrations: dict[str, tuple[str, Tree]] = {}  # by slug, and by id
        self._waiting: list[tuple[str, Tree]] = []  # providers that name an integration
        self._used: dict[str, str] = {}  # slugs that configs name → where

    def read(self, tree: Tree, at: str) -> None:
        """One part, whatever it is. Raises `BadSource` when it is nothing of Portkey's."""
        if "integrations" in tree or "plugins_enabled" in tree:
            self._gateway(tree, at)
        elif "ai_provider_id" in tree or tree.get("object") == "integration":
            self._integration(tree, at)
        elif tree.get("object") in ("virtual-key", "provider") or "integration_id" in tree or "ai_provider_name" in tree:
            self._waiting.append((at, tree))
        elif "config" in tree:
            self._saved(tree, at)
        elif _CONFIG & {_snake(name) for name in tree}:
            self._config(tree, at, f"pc-{slugged(self._source.path.stem) or 'config'}")
        elif "slug" in tree and "name" in tree:
            self._findings.left(at or "file", f"{tree['slug']} is listed without its content: export it by GET /configs/SLUG")
        else:
            raise BadSource(f"{self._source.path}: {at or 'the file'} is neither a config, a list of keys nor a conf.json")

    def finished(self) -> Draft:
        """The draft, once everything has been read: now it is known which slugs stand for what."""
        for at, tree in self._waiting:
            self._provider(tree, at)
        used = {_text(tree.get("integration_id")) for _, tree in self._waiting}
        for at, tree in {at: (at, tree) for at, tree in self._integrations.values()}.values():
            if not used & {_text(tree.get("slug")), _text(tree.get("id"))}:
                self._provider(tree, at)
        for slug, at in self._used.items():
            if slug not in self._draft.providers:
                self._guess(slug, at)
        self._accounts.finish()
        if not self._draft.providers and not self._draft.configs and not self._findings.all():
            raise BadSource(f"{self._source.path} holds nothing that can be imported")
        return self._draft

    def _gateway(self, tree: Tree, at: str) -> None:
        """`conf.json`."""
        for n, each in enumerate(_list(tree.get("integrations"))):
            where = f"{at}.integrations[{n}]".lstrip(".")
            if not isinstance(each, dict):
                self._findings.left(where, "it is no mapping")
                continue
            entry = cast("Tree", each)
            slug = _text(entry.get("slug")) or _text(entry.get("provider"))
            said = {f"{where}.credentials.{name}": value for name, value in _mapping(entry.get("credentials")).items()}
            self._set_up(slug, _text(entry.get("provider")), said, where)
            self._restrict(slug, entry, where)
        for name, value in tree.items():
            if name != "integrations" and value not in (None, False, [], {}):
                self._findings.left(f"{at}.{name}".lstrip("."), _GATEWAY_LEFT.get(name, "there is nothing like it here"))

    def _integration(self, tree: Tree, at: str) -> None:
        for name in (_text(tree.get("slug")), _text(tree.get("id"))):
            if name:
                self._integrations[name] = (at, tree)

    def _provider(self, tree: Tree, at: str) -> None:
        """A virtual key, a provider or an integration; what it is called at Portkey is its slug here."""
        slug = _text(tree.get("slug"))
        if not slug:
            self._findings.left(at, "it has no slug")
            return
        of, integration = self._integrations.get(_text(tree.get("integration_id")), ("", Tree()))
        said: Tree = {}
        for where, part in ((of, integration), (at, tree)):
            for member in ("configurations", "model_config"):
                said |= {f"{where}.{member}.{name}": value for name, value in _mapping(part.get(member)).items()}
        names = [_text(part.get(name)) for part in (tree, integration) for name in _PROVIDER]
        provider = next(filter(None, names), "") or self._known.get(slug, "") or _of_slug(slug)
        self._set_up(slug, provider, said, at)
        self._restrict(slug, tree, at)
        if tree.get("status") not in (None, "active"):
            self._findings.changed(at, f"its status is '{tree['status']}'; here it is in force")

    def _set_up(self, slug: str, provider: str, said: Tree, at: str) -> None:
        """An entry of `providers`; `said` are the members of its account, by their paths."""
        wanted, slug = slug, slugged(slug)
        if provider not in TABLE:
            self._findings.left(at, f"there is no provider called '{provider}' here for '{wanted}'; set it up under providers")
            return
        if slug != wanted:
            self._findings.changed(at, f"'{wanted}' is @{slug} here: a slug has lower-case letters, digits, '-', '_' and '.'")
        row, entry = TABLE[provider], dict[str, Any]()
        for where, value in said.items():
            name = _snake(where.rpartition(".")[2])
            if name in _SECRETS and value:
                text = value if isinstance(value, str) else json.dumps(value)
                entry[name] = Secret(text, name, where)
            elif name == "custom_host" and value:
                entry["base_url"] = str(value)
            elif name == "custom_headers" and value:
                entry.setdefault("headers", {}).update(headers(_mapping(value), where))
            elif name == "openai_organization" and value:
                entry.setdefault("headers", {})["OpenAI-Organization"] = str(value)
            elif name == "openai_project" and value:
                entry.setdefault("headers", {})["OpenAI-Project"] = str(value)
            elif name in _SETTINGS and value:
                entry[name] = value
            elif value and name not in ("provider", "key"):
                self._findings.left(where, "there is no member for it")
        if not entry.keys() & (_SECRETS | _IDENTITIES) and not row.keyless:
            for member in _VAULTED.get(row.auth.partition("-")[0], ("api_key",)):
                variable = self._variables.name(f"{slug}_{member}", slug)
                entry[member] = f"${{{variable}}}"
                self._findings.todo(at, f"an export holds no keys: put that of @{slug} into the environment as {variable}")
        self._accounts.write(slug, Account(provider, entry), at)

    def _restrict(self, slug: str, tree: Tree, at: str) -> None:
        """The models that may be used, and the limits that nobody keeps here."""
        models = [_mapping(each) for each in _list(tree.get("models"))]
        names = [
            _text(each.get("slug")) for each in models if each.get("status", "active") == "active" and each.get("enabled", True)
        ]
        if names and not tree.get("allow_all_models") and slugged(slug) in self._draft.providers:
            self._draft.providers[slugged(slug)]["models"] = [name for name in names if name]
        for name, why in _LIMITS.items():
            if tree.get(name):
                self._findings.left(f"{at}.{name}", why)
        if any(each.get("pricing_config") for each in models):
            self._findings.left(f"{at}.models", "write prices of your own into the prices section")

    def _guess(self, slug: str, at: str) -> None:
        """A slug that a config names and no export holds."""
        provider = self._known.get(slug, "") or _of_slug(slug)
        if provider:
            if slug not in self._known:
                self._findings.changed(at, f"@{slug} is taken for an account at {TABLE[provider].name}, by its name")
            self._set_up(slug, provider, {}, at)
        else:
            self._findings.todo(
                at, f"nothing tells what @{slug} is: set it up under providers, or import with --provider {slug}=NAME"
            )

    def _saved(self, tree: Tree, at: str) -> None:
        """A config as the API gives it, its content as an object or as the text of one."""
        content = tree.get("config")
        if isinstance(content, str):
            try:
                content = json.loads(content)
            except (ValueError, RecursionError):
                content = None
        if not isinstance(content, dict):
            self._findings.left(f"{at}.config".lstrip("."), "it cannot be read as a config")
            return
        slug = _text(tree.get("slug")) or f"pc-{slugged(_text(tree.get('name'))) or 'config'}"
        if tree.get("is_default"):
            self._findings.left(f"{at}.is_default".lstrip("."), f"a config is asked for by its slug: x-portkey-config: {slug}")
        self._config(cast("Tree", content), f"{at}.config".lstrip("."), slug)

    def _config(self, tree: Tree, at: str, slug: str) -> None:
        if "options" in tree:
            self._findings.left(f"{at}.options".lstrip("."), "the old form of configs: write strategy and targets")
        slug = unused(slug, self._draft.configs)
        config = self._route({name: value for name, value in tree.items() if name != "options"}, at, slug)
        if not config:
            self._findings.left(at or "file", f"nothing is left of {slug}")
            return
        self._draft.configs[slug] = config
        self._findings.carried(at or "file", f"the config {slug}")

    def _route(self, tree: Tree, at: str, slug: str) -> Tree:
        """A config or one of its targets, with the members that there are here."""
        route: Tree = {}
        stored = ""
        for written, value in tree.items():
            name = _snake(written)
            where = f"{at}.{written}".lstrip(".")
            if value is None:
                continue
            if name == "targets":
                route[name] = [self._route(_mapping(each), f"{where}[{n}]", slug) for n, each in enumerate(_list(value))]
            elif name in ("strategy", "retry") or (name == "cache" and isinstance(value, dict)):
                route[name] = self._part(_PARTS[name], _mapping(value), where)
            elif name not in _ROUTE:
                self._findings.left(where, _LEFT.get(name, "there is no member for it"))
            elif name in _SECRETS:
                text = value if isinstance(value, str) else json.dumps(value)
                route[name] = self._accounts.hide(Secret(text, name, where), slug)
            else:
                route[name] = value
            if name == "virtual_key" or (name == "provider" and str(value).startswith("@")):
                stored = slugged(_text(value).removeprefix("@"))
                route[name] = stored if name == "virtual_key" else f"@{stored}"
                self._used.setdefault(stored, where)
        if stored:
            for name in sorted(route.keys() & (_SETTINGS | {"api_key", "custom_host"})):
                del route[name]
                self._findings.left(f"{at}.{name}".lstrip("."), f"the account of @{stored} is said where it is set up")
        if host := route.get("custom_host"):
            self._allow(_text(host), f"{at}.custom_host".lstrip("."))
        return route

    def _part(self, kind: type[msgspec.Struct], tree: Tree, at: str) -> Tree:
        part: Tree = {}
        for written, value in tree.items():
            member = _snake(written)
            if value is None:
                continue
            if member not in kind.__struct_fields__:
                self._findings.left(f"{at}.{written}", "there is no member for it")
            elif member in _PARTS and isinstance(value, dict):
                part[member] = self._part(_PARTS[member], cast("Tree", value), f"{at}.{written}")
            elif member == "use_retry_after_headers":  # as its documents spell it
                part["use_retry_after_header"] = value
            else:
                part[member] = value
        return part

    def _allow(self, url: str, at: str) -> None:
        match = re.match(r"https?://(\[[^\]]+\]|[^/:?#]+)", url)
        if match is None:
            return
        host, rules = match[1].strip("[]"), self._draft.egress.setdefault("allow", [])
        if host not in rules:
            rules.append(host)
        self._findings.changed(at, f"egress.allow admits {host}, also to callers; a provider with a base_url would not")


#: Members that say who asks where no secret does: a cloud's own identity.
_IDENTITIES = frozenset(("aws_auth_type", "aws_role_arn", "vertex_auth_type", "azure_auth_mode"))
#: What Portkey keeps in its vault, by how the row signs.
_VAULTED = {"sigv4": ("aws_access_key_id", "aws_secret_access_key"), "google": ("vertex_service_account_json",)}
#: Where an export says which provider a key is for.
_PROVIDER = ("provider", "ai_provider_name", "ai_provider_id", "ai_provider")


def _of_slug(slug: str) -> str:
    """The provider that a slug begins with ("openai-prod"), the longest one; "" when it begins with none."""
    return max((name for name in TABLE if slug == name or slug.startswith((f"{name}-", f"{name}_"))), key=len, default="")


def _snake(name: str) -> str:
    return _HUMP.sub("_", name).lower()


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _mapping(value: Any) -> Tree:
    return cast("Tree", value) if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []
