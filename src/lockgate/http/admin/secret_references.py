"""/v1/secret-references: places in secret managers, by which integrations have secrets that are not kept here."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from lockgate.control import secret_references as case
from lockgate.control.accounts import MASK
from lockgate.control.called import called
from lockgate.core.failure import Refusal
from lockgate.core.holdings import Sealed, SecretReference
from lockgate.core.tenancy import Workspace
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.shapes import Body, Empty, Listing, LongText, Paging, Text, said, text_of

_Config = Annotated[dict[str, Any], Meta(max_length=50)]
_Path = Annotated[str, Meta(min_length=1, max_length=1024)]
_Places = Annotated[list[Text], Meta(max_length=1000)]
_Tags = Annotated[dict[str, Text], Meta(max_length=100)]
ManagerType = Literal["aws_sm", "azure_kv", "hashicorp_vault", "file"]


class NewSecretReference(Body, frozen=True, kw_only=True):
    """A place in a secret manager, and how that is reached (`auth_config`), whose secrets are sealed and never shown again.
    `secret_key`: a key in what the secret holds, which is JSON then. `allowed_workspaces` (ids or slugs): for no others."""

    name: Text
    manager_type: ManagerType
    secret_path: _Path
    auth_config: _Config = {}
    slug: str | None = None
    description: LongText | None = None
    organisation_id: str = ""
    secret_key: Text | None = None
    allow_all_workspaces: bool | None = None
    allowed_workspaces: _Places | None = None
    tags: _Tags | None = None

    def __repr__(self) -> str:
        return f"NewSecretReference({self.name!r})"


class ChangedSecretReference(Body, frozen=True, kw_only=True):
    """What is to be changed. `auth_config` is merged with what was said before: null takes a member away."""

    name: Text | UnsetType = UNSET
    description: LongText | UnsetType | None = UNSET
    manager_type: ManagerType | UnsetType = UNSET
    auth_config: _Config | UnsetType = UNSET
    secret_path: _Path | UnsetType = UNSET
    secret_key: Text | UnsetType | None = UNSET
    allow_all_workspaces: bool | UnsetType = UNSET
    allowed_workspaces: _Places | UnsetType | None = UNSET
    tags: _Tags | UnsetType | None = UNSET

    def __repr__(self) -> str:
        return "ChangedSecretReference()"


class MadeSecretReference(msgspec.Struct, frozen=True, kw_only=True):
    """A reference that was made."""

    id: str
    slug: str
    object: Literal["secret-reference"] = "secret-reference"


class ShownSecretReference(msgspec.Struct, frozen=True, kw_only=True):
    """A reference. Of the secrets in `auth_config` nothing is shown but their last letters."""

    id: str
    slug: str
    name: str
    description: str | None
    organisation_id: str
    manager_type: ManagerType
    secret_path: str
    secret_key: str | None
    auth_config: dict[str, Any]
    allow_all_workspaces: bool
    allowed_workspaces: list[str]
    tags: dict[str, str]
    created_at: str | None
    last_updated_at: str | None
    status: Literal["active"] = "active"
    object: Literal["secret-reference"] = "secret-reference"


class ListSecretReferences(Paging, frozen=True, kw_only=True):
    """Which references: of one kind of manager, with a text in their names or slugs."""

    manager_type: ManagerType | None = None
    search: str = ""


def create(ask: Ask, body: NewSecretReference) -> MadeSecretReference:
    """Say where a secret is kept."""
    if body.manager_type == "file":
        _check_files(ask)
    everywhere, places = _places(ask, body.allow_all_workspaces, body.allowed_workspaces)
    vault, egress = ask.office.vault, ask.office.snapshot().egress
    with ask.change() as change:
        made = case.add_reference(
            change,
            vault,
            ask.tenant,
            name=body.name,
            manager_type=body.manager_type,
            auth_config=body.auth_config,
            egress=egress,
            slug=body.slug or "",
            description=body.description or "",
            secret_path=body.secret_path,
            secret_key=body.secret_key or "",
            allow_all_workspaces=everywhere,
            allowed_workspaces=places,
            tags=body.tags or {},
        )
    return MadeSecretReference(id=made.id, slug=made.slug)


def index(ask: Ask, query: ListSecretReferences) -> Listing[ShownSecretReference]:
    """List the references, newest first."""
    text = query.search.lower()
    rows = [
        row
        for row in ask.store.page(ask.tenant, SecretReference, limit=1 << 30).rows
        if query.manager_type in (None, row.manager_type) and (text in row.name.lower() or text in row.slug)
    ]
    page = rows[query.offset : query.offset + query.page_size]
    return Listing(total=len(rows), data=[_shown(ask, row) for row in page])


def read(ask: Ask) -> ShownSecretReference:
    """Read a reference."""
    row = called(ask.store, ask.tenant, SecretReference, ask.params["id"])
    if row is None:
        raise case.unknown_reference(ask.params["id"])
    ask.version = row.version
    return _shown(ask, row)


def update(ask: Ask, body: ChangedSecretReference) -> Empty:
    """Change a reference. Accounts have the new secret within minutes, or at once when what is asked has changed."""
    more: dict[str, Any] = {}
    for name in said(body) - {"auth_config", "manager_type", "allow_all_workspaces", "allowed_workspaces"}:
        value = getattr(body, name)
        more[name] = value if value is not None else {} if name == "tags" else ""
    if body.allow_all_workspaces is not UNSET or body.allowed_workspaces is not UNSET:
        everywhere = None if body.allow_all_workspaces is UNSET else body.allow_all_workspaces
        places = None if body.allowed_workspaces is UNSET else body.allowed_workspaces
        more["allow_all_workspaces"], more["allowed_workspaces"] = _places(ask, everywhere, places)
    vault, egress = ask.office.vault, ask.office.snapshot().egress
    with ask.change() as change:
        reference = case.named(change, ask.params["id"])
        ask.match(reference)
        if body.manager_type not in (UNSET, reference.manager_type):
            raise Refusal(
                400, "invalid_value", "The type of a manager cannot be changed: make another reference.", param="manager_type"
            )
        config = None if body.auth_config is UNSET else body.auth_config
        case.update_reference(change, vault, reference, egress=egress, auth_config=config, **more)
    return Empty()


def remove(ask: Ask) -> Empty:
    """Remove a reference that no integration uses."""
    with ask.change() as change:
        reference = case.named(change, ask.params["id"])
        ask.match(reference)
        case.remove_reference(change, reference)
    return Empty()


def _places(ask: Ask, everywhere: bool | None, said: list[str] | None) -> tuple[bool, list[str]]:
    """Which workspaces: all, or these, by their ids. Raises `Refusal`."""
    if everywhere and said:
        raise Refusal(
            400, "invalid_value", "Give either allow_all_workspaces or allowed_workspaces.", param="allowed_workspaces"
        )
    return (not said if everywhere is None else everywhere), [_workspace(ask, each) for each in said or ()]


def _workspace(ask: Ask, said: str) -> str:
    row = called(ask.store, ask.tenant, Workspace, said)
    if row is None:
        raise Refusal(404, "workspace_not_found", f"There is no workspace '{said[:100]}' here.", param="allowed_workspaces")
    return row.id


def _check_files(ask: Ask) -> None:
    """Files on the gateway's machine are those of its operator, not of whoever is a tenant here."""
    if not ask.at_home:
        raise Refusal(
            403,
            "operators_own",
            "Secrets in files are those of whoever operates this gateway: use a secret manager of your own.",
            param="manager_type",
        )


def _shown(ask: Ask, row: SecretReference) -> ShownSecretReference:
    hints = {each.field: each.hint for each in ask.store.page(ask.tenant, Sealed, limit=100, owner=row.id).rows}
    masked = {field.removeprefix(case.FIELD): MASK + hints.get(field, "") for field in row.sealed}
    return ShownSecretReference(
        id=row.id,
        slug=row.slug,
        name=row.name,
        description=row.description or None,
        organisation_id=row.organisation,
        manager_type=row.manager_type,
        secret_path=row.secret_path,
        secret_key=row.secret_key or None,
        auth_config={**row.auth_config, **masked},
        allow_all_workspaces=row.allow_all_workspaces,
        allowed_workspaces=row.allowed_workspaces,
        tags=row.tags,
        created_at=text_of(row.created_us),
        last_updated_at=text_of(row.changed_us),
    )
