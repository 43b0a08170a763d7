"""/v1/api-keys: gateway keys of the organisation and of workspaces, of services and of people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from lockgate.control import declared, keys
from lockgate.control.budgets import carried, standings
from lockgate.control.rights import Rights, check_within, narrowed
from lockgate.control.scopes import EVERYTHING
from lockgate.core.failure import Refusal
from lockgate.core.holdings import SavedConfig
from lockgate.core.tenancy import ApiKey, Membership, User
from lockgate.http.admin.api_key_shapes import (
    ChangedApiKey,
    ListApiKeys,
    MadeApiKey,
    NewApiKey,
    RotatedApiKey,
    ShownApiKey,
    Turn,
    changes_of,
    kind_of,
    shown,
)
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.shapes import DefaultsBody, Empty, Listing, RedactionBody, micros, said, text_of
from lockgate.stores.control.change import Change
from lockgate.stores.control.query import Absent


def create_of_organisation(ask: Ask, body: NewApiKey) -> MadeApiKey:
    """Make a key of the organisation for a service."""
    return _create(ask, body, "organisation", "service")


def create_of_organisation_user(ask: Ask, body: NewApiKey) -> MadeApiKey:
    """Make a key of the organisation for a person."""
    return _create(ask, body, "organisation", "user")


def create_of_workspace(ask: Ask, body: NewApiKey) -> MadeApiKey:
    """Make a key of a workspace for a service."""
    return _create(ask, body, "workspace", "service")


def create_of_workspace_user(ask: Ask, body: NewApiKey) -> MadeApiKey:
    """Make a key of a workspace for a person."""
    return _create(ask, body, "workspace", "user")


def index(ask: Ask, query: ListApiKeys) -> Listing[ShownApiKey]:
    """List the keys that the caller may list, newest first."""
    listed = declared.api_keys(ask.office.house) if ask.at_home and not ask.tenant.workspace else {}
    if _is_member(ask):
        found = declared.page(ask.store, ask.tenant, ApiKey, {}, query.page_size, query.offset, user=_person(ask).id)
        return Listing(total=found.total, data=_shown(ask, found.rows, {}))
    kinds = {kind for kind, noun in _SCOPE_OF.items() if f"{noun}.list" in ask.scopes}
    if kinds == set(_SCOPE_OF) or (ask.tenant.workspace and kinds >= {"workspace-service", "workspace-user"}):
        found = declared.page(ask.store, ask.tenant, ApiKey, listed, query.page_size, query.offset)
        rows, total = found.rows, found.total
    else:  # some kinds alone: no column tells them apart
        rows = [row for row in declared.page(ask.store, ask.tenant, ApiKey, listed, 1 << 30, 0).rows if kind_of(row) in kinds]
        rows, total = rows[query.offset : query.offset + query.page_size], len(rows)
    return Listing(total=total, data=_shown(ask, rows, listed))


def read(ask: Ask) -> ShownApiKey:
    """Read a key."""
    id = ask.params["id"]
    fixed = _declared(ask, id)
    try:
        row = fixed.row if fixed is not None else ask.store.get(ask.tenant, ApiKey, id)
    except Absent:
        raise keys.unknown_key(id) from None
    assert isinstance(row, ApiKey)
    _check_access(ask, row, "read")
    ask.version = row.version
    return _shown(ask, [row], {} if fixed is None else {id: fixed})[0]


def update(ask: Ask, body: ChangedApiKey) -> Empty:
    """Change a key. It can be given no more than who changes it has."""
    rights, known = ask.rights(), ask.office.house.scopes
    if body.reset_usage is True:
        ask.check_resets()
    with ask.change() as change:
        key = _changeable(ask, change, "update")
        if body.id not in ("", key.id):
            raise Refusal(400, "invalid_value", "The body names another key than the path.", param="id")
        ask.match(key)
        changed = msgspec.structs.replace(key, **changes_of(body, key, ask.now_us))
        if EVERYTHING in changed.scopes and changed.workspace:
            raise _not_in_workspaces()
        _check_config(ask, change, changed)
        if not said(body).isdisjoint(_GRANTS):
            _check_within(ask, key, rights)
            changed = narrowed(changed, rights, known)
        change.put(changed)
    return Empty()


def remove(ask: Ask) -> Empty:
    """Remove a key. It is refused everywhere within a second."""
    with ask.change() as change:
        key = _changeable(ask, change, "delete")
        ask.match(key)
        change.remove(key)
    return Empty()


def rotate(ask: Ask, body: Turn) -> RotatedApiKey:
    """Give a key a new text, which is shown once; the old one is good for a while beside it."""
    rights = ask.rights()
    with ask.change() as change:
        key = _changeable(ask, change, "rotate")
        ask.match(key)
        _check_within(ask, key, rights)
        key, text = keys.renew(change, ask.office.pepper, key, ask.now_us, body.key_transition_period_ms)
    return RotatedApiKey(id=key.id, key=text, key_transition_expires_at=text_of(key.old_until_us))


# --- making

#: What the scopes are called that are about a kind of key.
_SCOPE_OF: dict[str, str] = {
    "organisation-service": "organisation_service_api_keys",
    "organisation-user": "organisation_service_api_keys",
    "workspace-service": "workspace_service_api_keys",
    "workspace-user": "workspace_user_api_keys",
}


def _create(
    ask: Ask, body: NewApiKey, where: Literal["organisation", "workspace"], kind: Literal["service", "user"]
) -> MadeApiKey:
    if body.type not in (None, where) or body.sub_type not in (None, kind):
        raise Refusal(400, "invalid_value", "The body names another type of key than the path.", param="type")
    if where == "workspace" and EVERYTHING in body.scopes:
        raise _not_in_workspaces()
    if kind == "service" and body.user_id:
        raise Refusal(400, "invalid_value", "A service's key is no person's: leave user_id out.", param="user_id")
    rights = ask.rights()
    with ask.change() as change:
        user = _owner(ask, change, body.user_id) if kind == "user" else ""
        key, text = keys.draft(
            ask.office.pepper,
            ask.tenant,
            name=body.name,
            scopes=set(body.scopes),
            models=body.models,
            mode="ui" if ask.caller.kind == "user" else "api",
            kind=kind,
            user=user,
            description=body.description,
            defaults=(body.defaults or DefaultsBody()).stored(),
            usage_limits=None if body.usage_limits is None else carried(body.usage_limits.stored(), None, ask.now_us),
            rate_limits=[each.stored() for each in body.rate_limits or ()],
            alert_emails=body.alert_emails or [],
            capture=body.capture or "full",
            redact=(body.redact or RedactionBody()).stored(),
            expires_us=_expiry(ask, body.expires_at),
            rotation=None if body.rotation_policy is None else body.rotation_policy.stored(),
        )
        _check_config(ask, change, key)
        change.add(narrowed(key, rights, ask.office.house.scopes))
    return MadeApiKey(id=key.id, key=text)


def _owner(ask: Ask, change: Change, id: str) -> str:
    """Whose key it becomes: people may make their own, and managers those of the people in their workspace."""
    person = ask.caller.person
    if _is_member(ask) and id not in ("", _person(ask).id):
        raise Refusal(403, "not_yours", "You can make keys for yourself alone.", param="user_id")
    id = id or ("" if person is None else person.id)
    if not id:
        raise Refusal(400, "missing_member", "Say whose key it is.", param="user_id")
    try:
        user = change.get(User, id)
        if ask.tenant.workspace and user.role == "member":
            change.find(Membership, workspace=ask.tenant.workspace, user=id)
    except Absent:
        raise Refusal(404, "user_not_found", f"There is no person '{id[:100]}' here.", param="user_id") from None
    return user.id


def _check_config(ask: Ask, change: Change, key: ApiKey) -> None:
    """A key's config is there: a key that names none that is would be refused with each request."""
    slug = key.defaults.config
    if slug and not (ask.at_home and slug in declared.configs(ask.office.house)) and not change.all(SavedConfig, slug=slug):
        raise Refusal(404, "config_not_found", f"There is no config '{slug[:100]}' here.", param="defaults.config_id")


def _not_in_workspaces() -> Refusal:
    return Refusal(400, "invalid_value", f"'{EVERYTHING}' is for keys of the organisation.", param="scopes")


def _expiry(ask: Ask, text: str | None) -> int:
    us = micros(text, "expires_at") if text else 0
    if us and us <= ask.now_us:
        raise Refusal(400, "invalid_time", "expires_at has passed already.", param="expires_at")
    return us


# --- changing

#: What of a key is given to it, and cannot be more than the giver has.
_GRANTS = frozenset(("scopes", "models", "defaults", "usage_limits", "rate_limits", "expires_at", "reset_usage"))


def _changeable(ask: Ask, change: Change, verb: str) -> ApiKey:
    id = ask.params["id"]
    if (fixed := _declared(ask, id)) is not None:
        raise declared.read_only(fixed)
    key = keys.named(change, id)
    _check_access(ask, key, verb)
    return key


def _check_within(ask: Ask, key: ApiKey, rights: Rights) -> None:
    """Nobody takes over a key that may more. One's own is no such key, though a person may have lost what it was made with."""
    person = ask.caller.person
    if key.id != ask.caller.id and (person is None or key.user != person.id):
        check_within(key, rights, ask.office.house.scopes)


def _check_access(ask: Ask, key: ApiKey, verb: str) -> None:
    """Members know of no keys but their own; others need the scope for this kind of key."""
    if _is_member(ask) and key.user != _person(ask).id:
        raise keys.unknown_key(key.id)
    ask.may(f"{_SCOPE_OF[kind_of(key)]}.{verb}")


# --- showing


def _declared(ask: Ask, id: str) -> declared.Declared | None:
    if not ask.at_home or ask.tenant.workspace:
        return None
    return declared.api_keys(ask.office.house).get(id)


def _shown(ask: Ask, rows: list[ApiKey], listed: Mapping[str, declared.Declared]) -> list[ShownApiKey]:
    known = standings(ask.office, rows)
    return [shown(row, ask.now_us, _where(listed, row), known.get(row.id)) for row in rows]


def _where(listed: Mapping[str, declared.Declared], key: ApiKey) -> str | None:
    return None if key.version or key.id not in listed else listed[key.id].where


def _is_member(ask: Ask) -> bool:
    return ask.caller.role_in(ask.tenant.workspace) in ("member", "workspace member")


def _person(ask: Ask) -> User:
    assert ask.caller.person is not None  # who has a role is a person
    return ask.caller.person
