"""People, a control store and a clock, for tests of identity."""

from __future__ import annotations

from lockgate.control.identity import passwords, users
from lockgate.control.identity.login import Browser
from lockgate.control.identity.secrets import Keys
from lockgate.control.identity.throttle import Throttle
from lockgate.control.kms.local import LocalRoot
from lockgate.control.kms.port import Ring
from lockgate.control.vault import Vault, open_house
from lockgate.core.audit import Actor
from lockgate.core.tenancy import Tenant
from lockgate.stores.control.open import open_control, sqlite_url
from support.tenants import ME, NOW

PASSWORD = "correct horse battery staple"


class Desk:
    """A control store with its vault and keys, a clock that is turned by hand, and people."""

    def __init__(self, path):
        ring = Ring([LocalRoot(b"r" * 32)])
        self.store = open_control(sqlite_url(path), NOW)
        house = open_house(self.store, ring, lambda purpose: purpose.encode().ljust(32, b"."))
        self.store.audit_key = house["audit"]
        self.vault = Vault(ring)
        self.keys = Keys.of(house["identity"])
        self.now_us = NOW
        self.throttle = Throttle(lambda: self.now_us / 1e6)
        self.organisation = self.store.house().organisation
        self.workspace = self.store.house().workspace

    @property
    def tenant(self):
        return Tenant(self.organisation)

    def change(self, tenant=None, actor=ME):
        return self.store.change(tenant or self.tenant, actor, self.now_us)

    def person(self, email="ann@example.com", password=PASSWORD, tenant=None, **more):
        hashed = passwords.hashed(password, email) if password else ""
        with self.change(tenant) as change:
            return users.add(change, self.vault, tenant or self.tenant, email=email, hashed=hashed, **more)

    def browser(self, ip="192.0.2.1", before=None):
        return Browser(Actor("user", method="POST", uri="/login", request_id="r1", client_ip=ip), "Firefox", before)

    def later(self, seconds):
        self.now_us += int(seconds * 1e6)
