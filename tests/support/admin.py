"""Ask the admin API in process, through the gateway, as keys, people and strangers."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import quote

from lockgate.control import keys
from lockgate.core.tenancy import ApiKey, Membership, Tenant, User, Workspace, new_id
from lockgate.pipeline.runtime import now_us
from lockgate.stores.ledger.open import open_book
from support.asgi import Line
from support.house import KEY, make_app
from support.ledger import Desk
from support.tenants import ME, NOW, found_another


class Answer:
    def __init__(self, status, headers, body, cookies=()):
        self.status = status
        self.headers = headers
        self.body = body
        self.cookies = cookies

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """Our own code of an error."""
        return self.json["data"]["code"]

    @property
    def message(self):
        return self.json["data"]["message"]

    @property
    def param(self):
        return self.json["data"]["param"]

    def __repr__(self):
        return f"Answer({self.status}, {self.body[:300]!r})"


class Admin:
    """A gateway of one organisation, "home", with the workspaces "default" and "other", and another organisation."""

    def __init__(self, tmp_path, config="", **environment):
        self.app = make_app(tmp_path, config, **environment)
        self.house = self.app._house
        self.office = self.app._admin._office
        self.store = self.office.store
        self.home = self.store.house().home
        self.whole = Tenant(self.home.organisation)
        self.other = Tenant(self.home.organisation, self.workspace("other"))
        self.abroad = found_another(self.store, ME, NOW, "abroad")

    def close(self):
        self.app._admin.close()

    def workspace(self, slug):
        row = Workspace(id=new_id(), organisation=self.home.organisation, slug=slug, name=slug)
        with self.store.change(self.whole, ME, NOW) as change:
            return change.add(row).id

    def person(self, role="member", seats=(), tenant=None):
        """A person with places in workspaces: (workspace, role) pairs."""
        tenant = tenant or self.whole
        user = User(id=new_id(), organisation=tenant.organisation, email=f"{new_id()}@example.com", role=role)
        with self.store.change(Tenant(tenant.organisation), ME, NOW) as change:
            change.add(user)
            for workspace, seat in seats:
                change.add(
                    Membership(id=new_id(), organisation=tenant.organisation, workspace=workspace, user=user.id, role=seat)
                )
        return user

    def key(self, tenant=None, scopes=(), **more):
        """The text of a stored key that works at once."""
        made = keys.create(self.store, self.house.pepper, tenant or self.whole, ME, NOW, name="app", scopes=scopes, **more)
        self.reload()
        return made[1]

    def reload(self):
        """Take in what has changed, as a worker does within a second."""
        self.app.world.snapshot = self.house.snapshot()

    def budget(self, holder, subject):
        """The budget of a holder, as requests count it now."""
        self.reload()
        (budget,) = self.app.world.snapshot.allowances._of[holder, subject].budgets
        return budget

    def group(self, policy, group=""):
        """The budget of a policy's group, as requests count it now."""
        self.reload()
        allowances = self.app.world.snapshot.allowances
        (rule,) = [rule for rule in (*allowances._rules, *allowances._target_rules) if rule.id == policy]
        return rule.budget(group)

    def spend(self, budget, amount):
        """Spend of a budget, as a worker does: it is in the ledger then."""
        book = open_book(self.house.ledger_url)
        book.define([budget])
        worker = Desk(book, self.house.journals, now_us)
        reservation = worker.reserve([budget], new_id(), 0, (amount,) * 3)
        reservation.dispatch()
        worker.teller.settle(reservation, (amount,) * 3, 0)
        worker.leave()
        book.shut()

    def rows(self, noun=ApiKey, tenant=None, **where):
        return self.store.page(tenant or self.whole, noun, limit=1000, **where).rows

    def ask(self, method, path, body=None, *, key=KEY, headers=(), pieces=None, stays=False):
        """`stays`: the caller waits for all of the answer; else it is gone once it has asked."""
        return asyncio.run(self._ask(method, path, body, key, headers, pieces, stays))

    def get(self, path, **more):
        return self.ask("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.ask("POST", path, {} if body is None else body, **more)

    def put(self, path, body, **more):
        return self.ask("PUT", path, body, **more)

    def delete(self, path, **more):
        return self.ask("DELETE", path, **more)

    async def _ask(self, method, path, body=None, key=KEY, headers=(), pieces=None, stays=False, line=None):
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        waiting = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces or ()]
        waiting.append({"type": "http.request", "body": data, "more_body": False})
        sent, line = [], line or Line()

        async def receive():
            if stays and not waiting:
                await asyncio.Event().wait()
            return waiting.pop(0) if waiting else {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        raw, _, query = path.partition("?")
        pairs = [*headers, *([("x-portkey-api-key", key)] if key else [])]
        scope = {
            "type": "http",
            "method": method,
            "path": raw,
            "raw_path": quote(raw, safe="/:@%").encode(),
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in pairs],
            "client": ("192.0.2.7", 4711),
            "lockgate.line": line,
        }
        await self.app.gateway(scope, receive, send)
        if line.ended:  # the data plane answers there
            return Answer(line.status, {name.decode(): value.decode() for name, value in line.headers}, line.sent)
        start, *rest = sent
        found = {name.decode(): value.decode() for name, value in start["headers"]}
        cookies = [value.decode() for name, value in start["headers"] if name == b"set-cookie"]
        return Answer(start["status"], found, b"".join(part.get("body", b"") for part in rest), cookies)
