"""Who is asked: what the caller and a config say of provider, key and model, made into a provider and a model's own name.

Precedence (https://portkey.ai/docs, as its gateway does it): a config, then the provider header, then a virtual key, then
"@slug/model" in the body (or an alias for it), then the provider that the bare model name belongs to.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

import msgspec

from lockgate.core.call import Call, Principal
from lockgate.core.failure import Refusal
from lockgate.core.json import encode
from lockgate.core.sheet import Sheet
from lockgate.pipeline.aliases import grants
from lockgate.pipeline.route import AT, RouteConfig
from lockgate.pipeline.snapshot import Snapshot
from lockgate.pipeline.target import MEMO, Provider, set_up
from lockgate.providers.auth import SIGNERS, make_signer
from lockgate.providers.auth.settings import Settings
from lockgate.providers.deployments import deployments_of
from lockgate.providers.table import TABLE
from lockgate.transport.destination import Destination
from lockgate.transport.exchange import Deadlines
from lockgate.wire.multipart import Form

#: The settings of a caller that said none.
#: The realm of what callers bring: it has neither the budgets nor the prices of an account that is set up here under that name.
BROUGHT = "~"
_NOTHING = Settings()
#: Settings that are texts → the header that says each as well.
_HEADERS = {name: name.replace("_", "-") for name in Settings.__struct_fields__ if name not in ("params", "deployments")}


class Ask(msgspec.Struct):
    """What the planner reads of a request: the model as the caller named it, the keys that came with it, and its body."""

    model: str
    provider_key: str = ""  # the caller's own key for the provider
    body: Sheet | Form | None = None
    stream: bool = False
    modelless: bool = False  # the operation may go without a model, if the provider is named


def choose(call: Call, ask: Ask, snapshot: Snapshot, config: RouteConfig, *, sole: bool = True) -> tuple[Provider, str]:
    """Who is asked, and for which model by its own name. Raises `Refusal`. `sole`: no other target may be asked, so the key
    that the caller brought can only be for this one."""
    slug, model = named(snapshot.aliases.get(ask.model, ask.model), snapshot)
    key = ask.provider_key if sole else ""
    if config.provider or config.virtual_key:
        provider = _provider_of(config, call, key, snapshot)
    elif said := call.header("provider"):
        provider = _provider_of(msgspec.structs.replace(config, provider=said), call, ask.provider_key, snapshot)
    else:
        if said := call.header("virtual-key"):
            provider = _configured(said.removeprefix("@"), snapshot, "x-portkey-virtual-key")
        elif slug:
            provider = _configured(slug, snapshot, "model")
        else:
            provider = _home(model, snapshot)
        if config.custom_host or call.header("custom-host"):
            raise _foreign_host(provider)
    if slug and slug != provider.slug:
        model = ask.model  # "@…", or what is an alias elsewhere, belongs to the model's own name
    return provider, model


def deadlines_of(call: Call, provider: Provider, config: RouteConfig) -> Deadlines:
    """How long an attempt may take. Raises `Refusal` for a header that says no time."""
    deadlines, timeout = provider.deadlines, _timeout(call) or config.request_timeout
    if config.timeouts is not None:
        deadlines = msgspec.structs.replace(deadlines, **config.timeouts.said())
    return deadlines if timeout is None else msgspec.structs.replace(deadlines, first_byte=timeout / 1000)


def named(model: str, snapshot: Snapshot) -> tuple[str, str]:
    """("slug", "model") of "@slug/model"; a name that only looks like it ("@cf/…") is a model's own."""
    if model.startswith("@") and "/" in model:
        slug, rest = model[1:].split("/", 1)
        if slug in snapshot.providers or slug not in ("cf", "hf"):
            return slug, rest
    return "", model


def _provider_of(config: RouteConfig, call: Call, provider_key: str, snapshot: Snapshot) -> Provider:
    """The provider that a config (or a provider header) names: one that is set up here, or one that the caller brings."""
    host = call.header("custom-host") or config.custom_host
    if config.virtual_key or config.provider.startswith("@"):
        provider = _configured((config.virtual_key or config.provider).removeprefix("@"), snapshot, f"{AT}.provider")
        if host:
            raise _foreign_host(provider)
        return provider
    row = TABLE.get(config.provider)
    if row is None:
        raise Refusal(
            400,
            "unknown_provider",
            f"No provider is called '{config.provider}'. `lockgate providers` lists them; "
            "one that is set up here is named with '@', as in '@openai'.",
            param=f"{AT}.provider",
        )
    key = config.api_key or provider_key
    settings = _settings(config, call) if row.auth in SIGNERS or row.slots or config.params else _NOTHING
    if not key and not row.keyless and (settings is _NOTHING or row.auth not in SIGNERS):
        if (stored := snapshot.providers.get(row.slug)) is not None and not host:
            return stored
        raise Refusal(
            401,
            "missing_provider_key",
            f"{row.name} needs a key: send it as 'Authorization: Bearer …' beside x-lockgate-api-key, put api_key into the "
            f"config, or set up the provider here ({row.env[0] if row.env else 'providers'} in the environment).",
            param=f"{AT}.api_key",
        )
    memo = encode((row.slug, key, host, settings))
    provider = snapshot.inline.get(memo)
    if provider is None:
        provider = _brought(row.slug, key, host, settings, snapshot)
        if len(snapshot.inline) >= MEMO:
            snapshot.inline.clear()
        snapshot.inline[memo] = provider
    return provider


def _settings(config: RouteConfig, call: Call) -> Settings:
    """What the caller says of a cloud account: the config's members, a header of the same name before each of them."""
    said = config.said()
    if call.steered:
        for name, header in _HEADERS.items():
            if value := call.header(header):
                said[name] = value
    return Settings(**said) if said else _NOTHING


def _brought(name: str, key: str, host: str, settings: Settings, snapshot: Snapshot) -> Provider:
    """A provider with the caller's own key, at its own address or, where an egress rule allows it, at the caller's."""
    try:
        row = TABLE[name].filled(settings, {}, host)
        signer = make_signer(row.auth, settings, key, None)
        deployments = deployments_of(settings)
    except Refusal as refusal:
        refusal.param = f"{AT}.{'custom_host' if refusal.param == 'base_url' else refusal.param}"
        raise
    destination, base = Destination.parse(row.base_url, trusted=not host)
    if host:
        snapshot.egress.check(destination)
    stored = snapshot.providers.get(name)
    deadlines = stored.deadlines if stored is not None else snapshot.deadlines
    brought = set_up(
        name, row, key, destination=destination, base_path=base, deadlines=deadlines, signer=signer, deployments=deployments
    )
    brought.realm = BROUGHT
    return brought


def _configured(slug: str, snapshot: Snapshot, at: str) -> Provider:
    provider = snapshot.providers.get(slug)
    if provider is None:
        known = ", ".join(f"@{name}" for name in sorted(snapshot.providers))
        hint = f" Set one of {', '.join(TABLE[slug].env)} or add it to providers." if slug in TABLE and TABLE[slug].env else ""
        raise Refusal(404, "provider_not_found", f"No provider is set up as '@{slug}'. Set up here: {known}.{hint}", param=at)
    return provider


def _home(model: str, snapshot: Snapshot) -> Provider:
    homes = snapshot.homes(model) if model else ()
    if len(homes) == 1:
        return snapshot.providers[homes[0]]
    if not model:
        raise no_model()
    known = ", ".join(f"@{slug}" for slug in (homes or sorted(snapshot.providers)))
    if homes:
        raise Refusal(
            400, "ambiguous_model", f"Several providers offer '{model}': name one as '@slug/{model}' ({known}).", param="model"
        )
    raise Refusal(
        404,
        "model_not_found",
        f"No provider is known for the model '{model}'. Name one as '@slug/{model}'; set up here: {known}.",
        param="model",
    )


def check_access(provider: Provider, model: str, principal: Principal, asked: str, snapshot: Snapshot) -> None:
    """Whether the provider's and the key's allow-lists admit the model. A key may also be admitted by the alias `asked`."""
    if not provider.admits(model):
        known = ", ".join(each for each in provider.granted or provider.models if each.isprintable())
        raise Refusal(
            403,
            "model_not_allowed",
            f"'{model}' is not among the models of '@{provider.slug}'{': ' if known else ''}{known}.",
            param="model",
            scope="provider",
            rule=provider.slug,
        )
    names = grants(asked, provider.slug, model, snapshot) if principal.models else ()
    if names and not any(fnmatchcase(name, pattern) for pattern in principal.models for name in names):
        raise Refusal(
            403,
            "model_not_allowed",
            f"The key '{principal.name}' may not use '{names[-1]}'; it may use {', '.join(principal.models)}.",
            param="model",
            scope="key",
            rule=principal.id,
        )


def _foreign_host(provider: Provider) -> Refusal:
    return Refusal(
        400,
        "custom_host_with_stored_key",
        f"custom_host cannot be combined with '@{provider.slug}': its key belongs to its own host. "
        "Give provider and api_key instead, or set base_url in the configuration.",
        param=f"{AT}.custom_host",
    )


def no_model() -> Refusal:
    """The refusal of a request that names no model."""
    return Refusal(400, "missing_model", "The request names no model; set 'model', for example \"@sim/chat\".", param="model")


def _timeout(call: Call) -> int | None:
    said = call.header("request-timeout")
    if not said:
        return None
    if not said.isascii() or not said.isdigit() or not 0 < int(said) <= 3_600_000:
        raise Refusal(
            400,
            "invalid_header",
            "The request-timeout header must be a number of milliseconds between 1 and 3600000.",
            param="request-timeout",
        )
    return int(said)
