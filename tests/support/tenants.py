"""Rows of every noun, for tests of what keeps them."""

from __future__ import annotations

import secrets

import msgspec

from lockgate.core.audit import Actor
from lockgate.core.holdings import (
    ConfigVersion,
    Integration,
    SavedConfig,
    Sealed,
    SecretReference,
    VirtualKey,
)
from lockgate.core.tenancy import (
    ApiKey,
    Invite,
    Membership,
    Organisation,
    Policy,
    Session,
    Tenant,
    User,
    Workspace,
    new_id,
)

NOW = 1_800_000_000_000_000
KEY = b"a" * 32
ME = Actor("cli", name="test")


def organisation(slug="other"):
    id = new_id()
    return Organisation(id=id, organisation=id, slug=slug, name=slug)


def workspace(tenant, slug="work"):
    return Workspace(id=new_id(), organisation=tenant.organisation, slug=slug, name=slug)


def api_key(tenant, name="app", **more):
    return ApiKey(
        id=new_id(),
        organisation=tenant.organisation,
        workspace=tenant.workspace,
        name=name,
        digest=secrets.token_bytes(32),
        **more,
    )


def one_of_each(tenant):
    """A row of every noun that can be in a workspace's tenant, in an order in which they can be added."""
    owner = {"organisation": tenant.organisation}
    inside = {**owner, "workspace": tenant.workspace}
    user = User(id=new_id(), email=f"{new_id()}@example.com", **owner)
    account = Integration(id=new_id(), slug=f"a-{new_id()}", name="Account", provider="openai", **inside)
    config = SavedConfig(
        id=new_id(), slug=f"pc-{new_id()}", name="C", number=1, config=msgspec.Raw(b'{"provider":"openai"}'), **inside
    )
    return [
        user,
        Membership(id=new_id(), user=user.id, **inside),
        Invite(id=new_id(), email="x@example.com", digest=secrets.token_bytes(32), **owner),
        api_key(tenant),
        Policy(id=new_id(), name="P", **inside),
        Session(id=new_id(), user=user.id, digest=secrets.token_bytes(32), expires_us=5, **owner),
        account,
        VirtualKey(id=new_id(), slug=f"v-{new_id()}", name="V", integration=account.id, **inside),
        config,
        ConfigVersion(id=new_id(), of=config.id, number=1, config=config.config, **inside),
        SecretReference(id=new_id(), slug=f"s-{new_id()}", name="S", manager_type="file", secret_path="/x", **owner),
        Sealed(id=new_id(), owner=account.id, field="key", number=1, root="r1", wrapped=b"w", box=b"b", **inside),
    ]


def found_another(store, actor, now_us, slug="other"):
    """Another organisation with a workspace; the tenant of that."""
    row = organisation(slug)
    work = workspace(Tenant(row.id))
    with store.change(Tenant(row.id), actor, now_us) as change:
        change.add(row)
        change.add(work)
    return Tenant(row.id, work.id)
