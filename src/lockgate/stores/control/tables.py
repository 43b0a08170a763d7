"""Which noun is in which table. A row is kept whole, as JSON in `body`; the members by which it is searched or constrained
stand in columns beside it, written with it in one place (`change`). What is in no column can change without a migration.
"""

from __future__ import annotations

from typing import Any

import msgspec

from lockgate.core.holdings import (
    ConfigVersion,
    Integration,
    SavedConfig,
    Sealed,
    SecretReference,
    VirtualKey,
)
from lockgate.core.json import encode
from lockgate.core.tenancy import (
    ApiKey,
    Invite,
    Membership,
    Organisation,
    Policy,
    Row,
    Session,
    User,
    Workspace,
)


class Table(msgspec.Struct, frozen=True):
    """One noun's table. Besides `columns` each has id, organisation, version, created_us, revision and body."""

    name: str
    noun: type[Row]
    columns: tuple[str, ...]

    @property
    def word(self) -> str:
        """What people and audit entries call a row of it."""
        return self.name.removesuffix("s").replace("_", "-") if self.noun is not Policy else "policy"

    @property
    def in_workspaces(self) -> bool:
        """Whether its rows can belong to a workspace."""
        return "workspace" in self.columns

    def values(self, row: Row) -> list[Any]:
        """What stands in `columns`. Texts that say nothing are NULL: no foreign key looks at those."""
        return [None if (value := getattr(row, name)) == "" else value for name in self.columns]


TABLES: dict[type[Row], Table] = {
    table.noun: table
    for table in (
        Table("organisations", Organisation, ("slug",)),
        Table("workspaces", Workspace, ("slug",)),
        Table("users", User, ("email", "subject")),
        Table("memberships", Membership, ("workspace", "user")),
        Table("invites", Invite, ("email", "digest")),
        Table("api_keys", ApiKey, ("workspace", "user", "digest")),
        Table("policies", Policy, ("workspace",)),
        Table("sessions", Session, ("user", "digest")),
        Table("integrations", Integration, ("workspace", "slug")),
        Table("virtual_keys", VirtualKey, ("workspace", "integration", "slug")),
        Table("configs", SavedConfig, ("workspace", "slug")),
        Table("config_versions", ConfigVersion, ("workspace", "of", "number")),
        Table("secret_references", SecretReference, ("slug",)),
        Table("secrets", Sealed, ("workspace", "owner", "field", "number", "root")),
    )
}


def body_of(row: Row) -> str:
    """A row as it is kept."""
    return encode(row).decode()
