"""What the secret references of a house lead to, for one sink. It may block: it is asked in the sink's own thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from lockgate.control.house import House
from lockgate.control.kms.port import VaultError
from lockgate.control.managers import managers_of
from lockgate.control.references import FRESH_S, Resolver
from lockgate.control.secrets import WeakSecret
from lockgate.control.sinks.settings import SecretMappingEntry
from lockgate.core.failure import Refusal
from lockgate.core.holdings import Sealed, SecretMapping, SecretReference
from lockgate.core.tenancy import Tenant
from lockgate.stores.ports import StoreError
from lockgate.transport.egress import Egress


class Secrets:
    """Called again and again, gives the secrets by the members that they are for. References are read again, and managers
    asked, every five minutes; while one cannot be had now, the former secret counts. `clock` is monotonic, in seconds."""

    def __init__(
        self,
        house: House,
        mappings: Sequence[SecretMappingEntry],
        egress: Callable[[], Egress],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._house = house
        self._mappings = [SecretMapping(each.target_field, each.secret_reference, each.secret_key) for each in mappings]
        self._clock = clock
        self._resolver = Resolver(managers_of(house.environment, egress), clock)
        self._home: Tenant | None = None
        self._references: dict[str, SecretReference] = {}
        self._sealed: dict[str, dict[str, str]] = {}
        self._look_at = 0.0

    def __repr__(self) -> str:
        return f"Secrets({', '.join(each.target_field for each in self._mappings)})"

    def __call__(self) -> dict[str, str]:
        """Raises `StoreError` where one cannot be had."""
        if self._home is None or self._clock() >= self._look_at:
            try:
                self._look()
            except StoreError:
                if self._home is None:
                    raise
        assert self._home is not None
        if self._resolver.is_due:
            self._resolver.refresh()
        try:
            return self._resolver.texts_of(self._mappings, self._home, references=self._references, sealed=self._sealed)
        except Refusal as refusal:
            self._look_at = 0.0  # somebody may mend it
            raise StoreError(refusal.message) from None

    def _look(self) -> None:
        named = {each.secret_reference for each in self._mappings}
        with self._house.control() as store:
            home = store.house().home
            references = {
                each.id: each
                for each in store.each(SecretReference)
                if each.organisation == home.organisation and named & {each.id, each.slug}
            }
            try:
                vault, sealed = self._house.vault(store), dict[str, dict[str, str]]()
                for reference in references.values():
                    boxes = store.page(Tenant(home.organisation), Sealed, owner=reference.id).rows
                    sealed[reference.id] = {
                        each.field: vault.reveal(each) for each in sorted(boxes, key=lambda each: each.number)
                    }
            except (VaultError, WeakSecret, OSError) as trouble:
                raise StoreError(str(trouble)) from None
        self._home, self._references, self._sealed = home, references, sealed
        self._look_at = self._clock() + FRESH_S
