"""`Ask`: one request to the admin API as its handler sees it: who asks, on whose behalf, and the way to what is stored; or
`Guest`, when that is nobody known."""

from __future__ import annotations

from contextlib import AbstractContextManager

from lockgate.control import declared
from lockgate.control.insight import Insight
from lockgate.control.office import Office
from lockgate.control.rights import Rights
from lockgate.control.roles import Rank
from lockgate.core.audit import Actor
from lockgate.core.failure import Refusal
from lockgate.core.tenancy import ApiKey, Row, Tenant
from lockgate.http.admin.caller import Caller
from lockgate.http.admin.routes import AdminRoute
from lockgate.stores.control.change import Change
from lockgate.stores.control.query import Absent
from lockgate.stores.control.store import ControlStore


class Guest:
    """A request to what is open to those whom nobody knows yet. They bring what tells whose business it is."""

    def __init__(
        self, office: Office, actor: Actor, params: dict[str, str] | None = None, insight: Insight | None = None
    ) -> None:
        self.office = office
        self._insight = insight
        self.actor = actor
        self.params = params or {}
        self.now_us = office.clock()
        self.version = 0

    def __repr__(self) -> str:
        return f"Guest({self.actor.uri})"

    @property
    def insight(self) -> Insight:
        """What there is of the log."""
        assert self._insight is not None
        return self._insight


class Ask:
    """Handlers run in a thread and may block.

    caller     who asks
    tenant     on whose behalf: everything is read and changed with it, so that nothing outside is there
    scopes     what the caller may do there
    params     what stood in the holes of the path
    host       what the caller calls this gateway (the Host header)
    now_us     when
    """

    def __init__(
        self,
        route: AdminRoute,
        caller: Caller,
        tenant: Tenant,
        office: Office,
        actor: Actor,
        params: dict[str, str],
        host: str = "",
        if_match: str = "",
        insight: Insight | None = None,
    ) -> None:
        self.route = route
        self.caller = caller
        self.tenant = tenant
        self.scopes = caller.scopes_in(tenant.workspace, office.house.scopes)
        self.office = office
        self.actor = actor
        self.params = params
        self.host = host
        self.now_us = office.clock()
        self.version = 0  # of the row that the answer shows, for its ETag
        self._if_match = if_match
        self._insight = insight

    def __repr__(self) -> str:
        return f"Ask({self.route.name}, {self.caller.name!r}, {self.tenant})"

    @property
    def store(self) -> ControlStore:
        """Where things are stored."""
        return self.office.store

    @property
    def insight(self) -> Insight:
        """What there is of the log."""
        assert self._insight is not None
        return self._insight

    @property
    def at_home(self) -> bool:
        """Whether it works in the organisation that the configuration file's things belong to."""
        return self.tenant.organisation == self.office.house.stored.home.organisation

    def change(self, tenant: Tenant | None = None) -> AbstractContextManager[Change]:
        """Change what is stored, with its entries in the audit log, or not at all."""
        return self.store.change(tenant or self.tenant, self.actor, self.now_us)

    def may(self, scope: str) -> None:
        """Raises `Refusal` 403 when the caller lacks this scope, where a route leaves it to its handler which it must be."""
        if scope not in self.scopes:
            raise Refusal(
                403,
                "scope_missing",
                f"'{self.caller.name}' lacks the scope '{scope}'.",
                scope=self.caller.kind,
                rule=self.caller.id,
            )

    def match(self, row: Row) -> None:
        """Raises `Refusal` 412 when the request has seen another version of a row than this one (`If-Match`, RFC 9110)."""
        if not self._if_match or self._if_match.strip() == "*":
            return
        tags = {tag.strip().removeprefix("W/").strip('"') for tag in self._if_match.split(",")}
        if str(row.version) not in tags:
            raise Refusal(
                412,
                "changed_meanwhile",
                f'It has been changed: it is version "{row.version}" now. Read it again, and send If-Match with that.',
            )

    def check_resets(self) -> None:
        """Raises `Refusal` 403: nobody who has a budget makes one begin anew, or their own would hold for nothing. To be asked
        before a change begins. Raises `StoreError`."""
        if self.rights().usage_limits is not None:
            message = "Your own key has a budget, so you can reset none."
            raise Refusal(403, "beyond_your_rights", message, param="reset_usage", scope="key")

    def rank(self) -> Rank:
        """Which roles the caller could give and take."""
        person = self.caller.person
        if person is not None:
            owns = person.role == "owner"
        else:
            owns = self.at_home and self.caller.id in declared.api_keys(self.office.house)
        return Rank(self.scopes, self.office.house.scopes, owns)

    def rights(self) -> Rights:
        """What the caller could give away; to be asked before a change begins. Raises `StoreError`."""
        principal = self.caller.principal
        if principal is None:
            return Rights(self.scopes)
        if principal.until_us:  # a token, which says its limits itself
            if len(principal.usage_limits) > 1:
                raise Refusal(403, "beyond_your_rights", "A token with several budgets makes no keys.", scope="key")
            return Rights(
                self.scopes,
                principal.models,
                principal.config if principal.config_fixed else "",
                next(iter(principal.usage_limits), None),
                principal.rate_limits,
                principal.until_us,
            )
        try:
            own = self.store.get(Tenant(self.caller.organisation), ApiKey, principal.id)
        except Absent:  # one that the configuration declares has no limits and does not expire
            own = None
        return Rights(
            self.scopes,
            principal.models,
            principal.config if principal.config_fixed else "",
            None if own is None else own.usage_limits,
            () if own is None else tuple(own.rate_limits),
            0 if own is None else own.expires_us,
        )
