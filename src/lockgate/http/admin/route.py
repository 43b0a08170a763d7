"""One row of the admin API's table, and the words that rows are made of."""

from __future__ import annotations

from typing import Literal

import msgspec

#: A person's role, as a row names it: in the organisation, or in the workspace that it is about.
Role = Literal["owner", "admin", "member", "workspace admin", "workspace manager", "workspace member"]

OWNERS = frozenset[Role](("owner",))
ADMINS = OWNERS | frozenset[Role](("admin",))
MANAGERS = ADMINS | frozenset[Role](("workspace admin", "workspace manager"))
MEMBERS = MANAGERS | frozenset[Role](("workspace member",))
EVERYONE = MEMBERS | frozenset[Role](("member",))

#: On whose behalf: the whole organisation; one workspace, which is named if the caller does not stand in one; as the caller
#: stands, and within a workspace that is named; or in each workspace where the caller has a place. A hole `{workspace_id}`
#: names one, too.
Within = Literal["organisation", "workspace", "either", "each"]
Action = Literal["create", "read", "update", "delete", "list", "rotate"]


class AdminRoute(msgspec.Struct, frozen=True):
    """One operation.

    handler     the function that answers, as "module.function" in this package
    scopes      a key must carry one of them
    roles       a person must have one of them; a person's key as well
    within      on whose behalf it works
    resource, action   what it is about, in the words of the audit log
    reserved    members of the body that only some of the roles may say
    open        why nobody needs to be known; then there are no scopes and roles
    deep        the hole in which slashes may stand
    gives       the media type of an answer that is no JSON; its handler gives a `Response`
    reads_log   it is answered by those who read the log (`control.insight`), and not by those who set things up
    most        bytes of a body; 0: as many as of any other
    """

    method: str
    path: str
    handler: str
    scopes: tuple[str, ...]
    roles: frozenset[Role]
    within: Within
    resource: str
    action: Action
    reserved: dict[str, frozenset[Role]] = {}
    open: str = ""
    deep: str = ""
    gives: str = ""
    reads_log: bool = False
    most: int = 0

    @property
    def name(self) -> str:
        """What people call it: "PUT /v1/configs/{slug}"."""
        return f"{self.method} {self.path}"
