"""Who may ask what of the data plane, for every row of its table: as the scope of the row says, whoever holds the key.

The bodies are empty: what matters is who is let in, and an empty body is refused after that alone.
"""

import pytest

from lockgate.control.scopes import BY_NAME, of_person
from lockgate.core.tenancy import Tenant
from lockgate.http.routes import ROUTES
from support.admin import Admin
from support.asgi import ask
from support.callers import DEAD, dead_keys

HOLES = {"{model}": "@none/m", "{provider}": "none", "{rest}": "any/path"}
#: Everyone who may hold a key: the role in the organisation and in a workspace; None: a service.
HOLDERS = {"service": None, "owner": ("owner", None), "member": ("member", None), "workspace member": ("member", "member")}
EACH = pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")


@pytest.fixture(scope="module")
def admin(tmp_path_factory):
    admin = Admin(tmp_path_factory.mktemp("matrix"))
    yield admin
    admin.close()


@pytest.fixture(scope="module")
def dead(admin):
    return dead_keys(admin)


@pytest.fixture(scope="module")
def keys(admin):
    """A key for each holder, place and scope that the table asks for, and one with all scopes but that."""
    places = {"organisation": admin.whole, "workspace": admin.home, "abroad": Tenant(admin.abroad.organisation)}
    made = {}
    for holder, roles in HOLDERS.items():
        for place, tenant in places.items():
            more = {}
            if roles is not None:
                seats = [(tenant.workspace or admin.home.workspace, roles[1])] if roles[1] and place != "abroad" else []
                more = {"kind": "user", "user": admin.person(roles[0], seats, Tenant(tenant.organisation)).id}
            for scope in {route.scope for route in ROUTES}:
                made[holder, place, scope, True] = admin.key(tenant, [scope], **more)
                made[holder, place, scope, False] = admin.key(tenant, sorted(admin.house.scopes - {scope}), **more)
            made[holder, place, "", True] = admin.key(tenant, **more)
    return made


def path_of(route):
    path = route.path
    for hole, text in HOLES.items():
        path = path.replace(hole, text)
    return path


def status(admin, route, key):
    headers = [("x-lockgate-provider", "@none")] if route.named else []
    headers += [("x-portkey-api-key", key)] if key else []
    return ask(admin.app.gateway, route.method, path_of(route), body={}, headers=headers).status


@EACH
@pytest.mark.parametrize("place", ["organisation", "workspace", "abroad"])
@pytest.mark.parametrize("holder", HOLDERS)
def test_a_key_with_the_scope_is_let_in_and_no_other(admin, keys, route, holder, place):
    refused = 403
    if HOLDERS[holder] == ("member", None) and place == "workspace":
        refused = 401  # whoever has no place there has no key there
    bound = bound_of(admin, holder, place)
    answer = status(admin, route, keys[holder, place, route.scope, True])
    assert answer not in (401, 403) if route.scope in bound else answer == refused
    assert status(admin, route, keys[holder, place, route.scope, False]) == refused
    without = status(admin, route, keys[holder, place, "", True])
    expected = route.scope in bound - BY_NAME
    assert (without not in (401, 403)) == expected, "a key without scopes may do what needs no name"


def bound_of(admin, holder, place):
    """What the holder may do, whatever the key says."""
    if HOLDERS[holder] is None:
        return admin.house.scopes
    role, seat = HOLDERS[holder]
    return of_person(role, seat if place != "abroad" else None, admin.house.scopes)


@EACH
@pytest.mark.parametrize("how", DEAD)
def test_a_key_that_opens_nothing_opens_nothing(admin, dead, route, how):
    assert status(admin, route, dead[how]) == 401


def test_the_matrix_is_whole(keys):
    places = len({place for _, place, _, _ in keys})
    print(f"{len(ROUTES) * (3 * len(HOLDERS) * places + len(DEAD))} cells: {len(ROUTES)} routes")
    assert {scope for _, _, scope, _ in keys} - {""} == {route.scope for route in ROUTES}
