"""`Stored`: what the control store holds of the world, followed change by change, as the Snapshot is compiled from it.

Only what has changed since the last look is read: with 100,000 keys, a key that is revoked costs one row. This is the one place
where secrets are revealed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

import msgspec

from lockgate.control.accounts import UNREVEALED, entry_of, without
from lockgate.control.config import Mistake, ProviderEntry
from lockgate.control.kms.port import VaultError
from lockgate.control.people import People
from lockgate.control.pricing import tariff_of
from lockgate.control.references import Resolver
from lockgate.control.scopes import BY_NAME, EVERYTHING
from lockgate.control.vault import Vault
from lockgate.core.call import Principal
from lockgate.core.failure import Refusal
from lockgate.core.holdings import Integration, SavedConfig, Sealed, SecretReference, VirtualKey
from lockgate.core.mask import Redaction
from lockgate.core.tenancy import ApiKey, Membership, Organisation, Policy, Row, Tenant, User, Workspace
from lockgate.pipeline.route import RouteConfig, read_inline
from lockgate.policy.tariff import Tariff
from lockgate.stores.control.store import Changes, ControlStore
from lockgate.stores.ports import StoreError

#: Fields of secrets that are people's: no Snapshot needs them.
PERSONAL = frozenset(("password",))

#: Nouns of which all rows are kept; keys are only kept as principals.
_KEPT: tuple[type[Row], ...] = (
    Organisation,
    Workspace,
    User,
    Membership,
    Policy,
    Integration,
    VirtualKey,
    SavedConfig,
    SecretReference,
    Sealed,
)
_NOTHING: dict[str, str] = {}
#: Those that keys inherit from.
_INHERITED = (Organisation, Workspace)
#: If so many people have changed at once, or more, all keys are read rather than theirs.
_CROWD = 50


class StoredProvider(msgspec.Struct, frozen=True):
    """A provider of a workspace. `own_identity`: see `Integration`. `without`: models that may not be used; `granted`: those of
    them that its workspace may (none: all)."""

    entry: ProviderEntry
    own_identity: bool = False
    without: frozenset[str] = frozenset()
    tariff: Tariff | None = None
    granted: tuple[str, ...] = ()


class Part(msgspec.Struct):
    """What one workspace has of its own, by slug."""

    providers: dict[str, StoredProvider] = {}
    configs: dict[str, RouteConfig] = {}


class Stored:
    """The state of a follower. Data alone, so a process that forks hands it on; `follow` is called with a store of one's own.

    `keys` by their digests, as they hold now; `parts` by workspace; `home` is the tenant that the configuration's own things
    belong to. `flaws` are stored things that cannot be used. `due_us`: when something expires next.
    """

    def __init__(self) -> None:
        self.revision = 0
        self.home = Tenant("")
        self.keys: dict[bytes, Principal] = {}
        self.parts: dict[str, Part] = {}
        self.flaws: list[Mistake] = []
        self.due_us = 0
        self.rows: dict[type[Row], dict[str, Any]] = {noun: {} for noun in _KEPT}
        self.limited: dict[str, ApiKey] = {}  # keys that have limits of their own
        self.redactions: dict[str, Redaction] = {}  # what keys take out of the log besides, by their ids
        self._until: dict[bytes, int] = {}  # of digests that expire
        self._known: dict[bytes, Principal] = {}  # every principal, those that have expired too
        self._revealed: dict[str, tuple[bytes, str]] = {}  # by the ids of sealed secrets
        self._generation = 0  # of the resolver's secrets
        self._scopes: dict[tuple[str, ...], frozenset[str]] = {}

    def __repr__(self) -> str:
        return f"Stored({self.revision}, {len(self.keys)} keys)"

    def follow(
        self,
        store: ControlStore,
        vault: Vault | None,
        scopes: frozenset[str],
        now_us: int,
        resolver: Resolver | None = None,
    ) -> bool:
        """Take in what has changed; whether anything has, or has expired. Raises `StoreError`; then nothing was taken in.

        Without a `vault` no secret is revealed: enough to think with, not to send. `resolver` has the secrets kept elsewhere.
        """
        generation = 0 if resolver is None else resolver.generation  # before it is asked: what comes meanwhile is new
        house = store.house()
        since = self.revision if house.home == self.home and house.revision >= self.revision else 0
        if since and house.revision == since:
            if not 0 < self.due_us <= now_us and (resolver is None or resolver.generation == self._generation):
                return False
            self._settle(vault, now_us, resolver)
        else:
            changes = store.changes(_KEPT, since)
            touched = self._touched(changes)
            if since and (len(touched) >= _CROWD or any(changes.rows[noun] for noun in _INHERITED)):
                since, changes = 0, store.changes(_KEPT)
            before, self.rows = self.rows, self._rows_after(changes, fresh=not since)
            home, self.home = self.home, house.home
            try:
                keys = chain(store.each(ApiKey, since), _keys_of(store, touched) if since else ())
                self._take_keys(keys, changes.gone.get("api_keys", set()), scopes, fresh=not since)
            except StoreError:
                self.rows, self.home = before, home
                raise
            self.revision = changes.revision
            self._settle(vault, now_us, resolver)
        self._generation = generation
        return True

    # --- what was read

    def _rows_after(self, changes: Changes, *, fresh: bool) -> dict[type[Row], dict[str, Any]]:
        """The rows that are kept, with what has changed. They are new ones: a Snapshot may still live on the old."""
        gone = set[str]().union(*changes.gone.values())
        rows: dict[type[Row], dict[str, Any]] = {}
        for noun in _KEPT:
            rows[noun] = {} if fresh else {id: row for id, row in self.rows[noun].items() if id not in gone}
            rows[noun].update((row.id, row) for row in changes.rows[noun])
        return rows

    def _touched(self, changes: Changes) -> dict[str, str]:
        """The people whose keys may do something else now, and in which organisation each is."""
        gone, places = changes.gone.get("memberships", set[str]()), self.rows[Membership]
        touched = {each.id: each.organisation for each in changes.rows[User]}
        left = [places[id] for id in gone if id in places]
        return touched | {each.user: each.organisation for each in (*changes.rows[Membership], *left)}

    def _take_keys(self, changed: Iterable[ApiKey], gone: set[str], scopes: frozenset[str], *, fresh: bool) -> None:
        """The principals, with those of the keys that have changed; all or none of them."""
        new: dict[bytes, Principal] = {}
        until: dict[bytes, int] = {}
        limited: dict[str, ApiKey] = {}
        redactions: dict[str, Redaction] = {}
        old = set(gone)
        people = People(self.rows[User], self.rows[Membership].values(), scopes)
        if fresh:
            self._scopes = {}
        for key in changed:
            if not fresh:
                old.add(key.id)
            if key.revoked_us or not people.hold(key):
                continue
            held = people.narrowed(key, self._widened(tuple(key.scopes), scopes))
            who = new[key.digest] = principal_of(key, held, self.rows, self.home)
            if key.expires_us:
                until[key.digest] = key.expires_us
            if key.old_digest:
                new[key.old_digest] = who
                until[key.old_digest] = min(key.old_until_us, key.expires_us or key.old_until_us)
            if key.usage_limits is not None or key.rate_limits:
                limited[key.id] = key
            if key.redact:
                redactions[key.id] = key.redact
        if not fresh and old:
            kept = {digest: who for digest, who in self._known.items() if who.id not in old}
            kept.update(new)
            new = kept
            until = {digest: when for digest, when in self._until.items() if digest in new} | until
            limited = {id: key for id, key in self.limited.items() if id not in old} | limited
            redactions = {id: said for id, said in self.redactions.items() if id not in old} | redactions
        if fresh or old:
            self._known, self._until, self.limited, self.redactions = new, until, limited, redactions

    def _widened(self, named: tuple[str, ...], scopes: frozenset[str]) -> frozenset[str]:
        found = self._scopes.get(named)
        if found is None:
            found = self._scopes[named] = widen(named, scopes)
        return found

    # --- what that means now

    def _settle(self, vault: Vault | None, now_us: int, resolver: Resolver | None) -> None:
        over = [digest for digest, until in self._until.items() if until <= now_us]
        self.keys = self._known
        if over:
            self.keys = {**self._known}
            for digest in over:
                del self.keys[digest]
        coming = [until for until in self._until.values() if until > now_us]
        self.flaws, self.parts = [], {}
        secrets = self._secrets(vault)
        for key in self.rows[VirtualKey].values():
            if key.expires_us > now_us:
                coming.append(key.expires_us)
            if not 0 < key.expires_us <= now_us:
                self._add_provider(key, secrets, vault is not None, resolver)
        for saved in self.rows[SavedConfig].values():
            if saved.status == "active":
                self._add_config(saved)
        self.due_us = min(coming, default=0)

    def _add_provider(
        self, key: VirtualKey, secrets: Mapping[str, dict[str, str]], real: bool, resolver: Resolver | None
    ) -> None:
        account: Integration | None = self.rows[Integration].get(key.integration)
        if account is None or account.status != "active" or not account.open_to(key.workspace):
            return
        at = f"stored provider @{key.slug}"
        said = dict(secrets.get(account.id, {}))
        if missing := [field for field in account.sealed if field not in said]:
            if real:
                self.flaws.append(Mistake(at, f"its secret cannot be had: {', '.join(missing)}"))
                return
            said.update(dict.fromkeys(missing, UNREVEALED))
        try:
            if resolver is not None:
                said |= resolver.secrets_of(account, self.rows[SecretReference], secrets)
            entry, tariff = entry_of(account, said), tariff_of(account)
        except Refusal as refusal:
            self.flaws.append(Mistake(at, refusal.message))
            return
        granted = tuple(account.access_of(key.workspace).models)
        self._part(key.workspace).providers[key.slug] = StoredProvider(
            entry, account.own_identity, without(account), tariff, granted
        )

    def _add_config(self, saved: SavedConfig) -> None:
        try:
            route = read_inline(bytes(saved.config))
        except Refusal as refusal:
            self.flaws.append(Mistake(f"stored config {saved.slug}", refusal.message))
            return
        part = self._part(saved.workspace)
        part.configs[saved.slug] = route

    def _part(self, workspace: str) -> Part:
        return self.parts.setdefault(workspace, Part({}, {}))

    def _secrets(self, vault: Vault | None) -> dict[str, dict[str, str]]:
        """The secrets that are sealed, by owner and field. What was revealed once stays known while it is the same box, also
        when the root key cannot be asked now."""
        found: dict[str, dict[str, str]] = {}
        if vault is None:
            return found
        revealed: dict[str, tuple[bytes, str]] = {}
        latest: dict[tuple[str, str], int] = {}
        sealed: Iterable[Sealed] = self.rows[Sealed].values()
        for each in sealed:
            if each.field in PERSONAL:
                continue
            known = self._revealed.get(each.id)
            if known is None or known[0] != each.box:
                try:
                    known = (each.box, vault.reveal(each))
                except VaultError as trouble:
                    self.flaws.append(Mistake(f"secret {each.field} of {each.owner}", str(trouble)))
                    continue
            revealed[each.id] = known
            if each.number >= latest.get((each.owner, each.field), 0):
                latest[each.owner, each.field] = each.number
                found.setdefault(each.owner, {})[each.field] = known[1]
        self._revealed = revealed
        return found


def _keys_of(store: ControlStore, people: Mapping[str, str]) -> Iterator[ApiKey]:
    for user, organisation in people.items():
        yield from store.page(Tenant(organisation), ApiKey, limit=1 << 30, user=user).rows


def principal_of(key: ApiKey, scopes: frozenset[str], rows: Mapping[type[Row], Mapping[str, Any]], home: Tenant) -> Principal:
    """Who a key stands for, with these scopes. What it does not say itself, its workspace and its organisation say."""
    place: Workspace | None = rows[Workspace].get(key.workspace)
    whole: Organisation | None = rows[Organisation].get(key.organisation)
    above = [each.defaults for each in (place, whole) if each is not None]
    metadata = key.defaults.metadata or _NOTHING
    for defaults in above:  # a workspace's come before a key's, as Portkey merges them
        metadata = {**metadata, **defaults.metadata} if defaults.metadata else metadata
    config = key.defaults.config or next((defaults.config for defaults in above if defaults.config), "")
    return Principal(
        key.id,
        key.name,
        scopes,
        tuple(key.models),
        config,
        not key.defaults.allow_config_override,
        organisation=key.organisation if whole is None else whole.id,  # one text for all keys, not one for each
        workspace=key.workspace if place is None else place.id,
        user=key.user,
        view=_view(key, home),
        metadata=metadata,
        capture=key.capture,
    )


def _view(key: ApiKey, home: Tenant) -> str:
    """Which part of the world a key sees (`Snapshot.views`): "" where the configuration's things are, else its place."""
    if key.organisation != home.organisation:
        return key.workspace or key.organisation
    return "" if key.workspace in ("", home.workspace) else key.workspace


def widen(named: Iterable[str], scopes: frozenset[str]) -> frozenset[str]:
    """The scopes of a key to which these were given; none: all that need not be given by name."""
    given = frozenset(named)
    if EVERYTHING in given:
        return scopes | {EVERYTHING}
    return given or scopes - BY_NAME
