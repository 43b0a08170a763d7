"""Who may do what, for every row of the table and every role, at home and elsewhere: as the table says, and nothing else.

What is asked for is made of the types that handlers take, so that a row that is added is in the matrix at once. `-s` shows how many cells there are.
"""

import re
from functools import cache
from typing import Annotated, Literal, get_args, get_origin
from urllib.parse import urlencode

import msgspec
import pytest

from lockgate.control.scopes import of_person
from lockgate.core.tenancy import Tenant
from lockgate.http.admin.operations import bind
from lockgate.http.admin.routes import ROUTES
from support.admin import Admin
from support.callers import DEAD, dead_keys

#: What says that it is not for this caller, and not that something is amiss with the request.
DENIED = {"scope_missing", "role_missing", "organisation_only", "no_workspace", "member_reserved"}
#: (role in the organisation, role in the first workspace) by the name that the table has for it.
PEOPLE = {
    "owner": ("owner", None),
    "admin": ("admin", None),
    "member": ("member", None),
    "workspace admin": ("member", "admin"),
    "workspace manager": ("member", "manager"),
    "workspace member": ("member", "member"),
}
CLOSED = [route for route in ROUTES if not route.open]


def sample(kind):
    """The least that a type lets through."""
    if get_origin(kind) is Annotated:
        least = max([meta.min_length or 0 for meta in get_args(kind)[1:] if isinstance(meta, msgspec.Meta)], default=0)
        made = sample(get_args(kind)[0])
        return [sample(get_args(get_args(kind)[0])[0])] * least if isinstance(made, list) else made
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return {field.encode_name: sample(field.type) for field in msgspec.structs.fields(kind) if field.required}
    if kind is str:
        return "x"
    if kind in (int, float):
        return 1
    if kind is bool:
        return True
    return {} if (get_origin(kind) or kind) is dict else []


def path_of(route, workspace):
    return re.sub("{([a-z_]+)}", lambda hole: workspace if hole[1] == "workspace_id" else "nothing", route.path)


@pytest.fixture(scope="module")
def admin(tmp_path_factory):
    admin = Admin(tmp_path_factory.mktemp("matrix"))
    yield admin
    admin.close()


@pytest.fixture(scope="module")
def keys(admin):
    """A key of each kind of person, with all scopes that there are, of the whole organisation."""
    made = {}
    for name, (role, seat) in PEOPLE.items():
        user = admin.person(role, [(admin.home.workspace, seat)] if seat else [])
        scopes = ["admin"] if role != "member" else sorted(admin.house.scopes)
        made[name] = admin.key(admin.whole, scopes, kind="user", user=user.id)
    return made


@pytest.fixture(scope="module")
def service(admin):
    """A service's key, by its scopes and place."""
    return cache(lambda scopes, tenant=admin.whole: admin.key(tenant, sorted(scopes)))


@pytest.fixture(scope="module")
def dead(admin):
    """Keys that open nothing, by how they came to that."""
    return dead_keys(admin)


@pytest.fixture(scope="module")
def stranger(admin):
    """The key of another organisation's owner."""
    owner = admin.person("owner", tenant=admin.abroad)
    return admin.key(Tenant(admin.abroad.organisation), ["admin"], kind="user", user=owner.id)


def ask(admin, route, key, workspace, **query):
    operation = bind(route)
    query |= {} if operation.query is None else sample(operation.query)
    if route.within in ("workspace", "either") and "{workspace_id}" not in route.path:
        query["workspace_id"] = workspace
    path = f"{path_of(route, workspace)}?{urlencode(query)}"
    return admin.ask(route.method, path, None if operation.body is None else sample(operation.body), key=key)


def names_one(route):
    """Whether `ask` names a workspace."""
    return route.within in ("workspace", "either") or "{workspace_id}" in route.path


def is_denied(answer):
    return answer.status == 403 and answer.code in DENIED


@pytest.mark.parametrize("role", PEOPLE)
@pytest.mark.parametrize("route", CLOSED, ids=lambda route: route.name)
def test_a_person_may_do_what_the_table_says(admin, keys, route, role):
    place, seat = PEOPLE[role]
    inside = place != "member" or (seat is not None and route.within != "organisation")
    allowed = inside and role in route.roles and not of_person(place, seat, admin.house.scopes).isdisjoint(route.scopes)
    answer = ask(admin, route, keys[role], admin.home.workspace)
    if seat is None and place == "member" and names_one(route):
        assert answer.status in (403, 404), answer  # the workspace is not there for someone without a place
    else:
        assert is_denied(answer) != allowed, answer
        if inside and role not in route.roles:
            assert answer.code == "role_missing"  # the table's word holds also where the scopes of the role would do
    assert answer.status not in (401, 500), answer


@pytest.mark.parametrize("route", CLOSED, ids=lambda route: route.name)
def test_a_key_needs_one_of_the_scopes(admin, service, route):
    without = service(admin.house.scopes - set(route.scopes))
    assert ask(admin, route, without, admin.home.workspace).code == "scope_missing"
    for scope in route.scopes:
        answer = ask(admin, route, service(frozenset((scope,))), admin.home.workspace)
        assert not is_denied(answer), (scope, answer)


@pytest.mark.parametrize("route", CLOSED, ids=lambda route: route.name)
def test_a_workspaces_key_stays_in_it(admin, service, route):
    answer = ask(admin, route, service(admin.house.scopes, admin.other), admin.home.workspace)
    if route.within == "organisation":
        assert answer.status == 404 if "{workspace_id}" in route.path else answer.code == "organisation_only", answer
    elif route.within == "each":
        assert {row["id"] for row in answer.json["data"]} == {admin.other.workspace}
    else:
        assert (answer.status, answer.code) == (404, "workspace_not_found")


@pytest.mark.parametrize("route", CLOSED, ids=lambda route: route.name)
def test_another_organisation_sees_nothing_of_this_one(admin, stranger, route):
    """Its owner asks for what is here, by this organisation's ids."""
    before = admin.store.house().revision
    if names_one(route):
        answer = ask(admin, route, stranger, admin.home.workspace)
        assert (answer.status, answer.code) == (404, "workspace_not_found"), answer
    answer = ask(admin, route, stranger, admin.abroad.workspace, organisation_id=admin.home.organisation)
    assert (answer.status, answer.code) == (404, "organisation_not_found"), answer
    assert admin.store.house().revision == before


@pytest.mark.parametrize("how", DEAD)
@pytest.mark.parametrize("route", CLOSED, ids=lambda route: route.name)
def test_a_key_that_opens_nothing_opens_nothing(admin, dead, route, how):
    before = admin.store.house().revision
    answer = ask(admin, route, dead[how], admin.home.workspace)
    assert answer.status == 401, answer
    assert admin.store.house().revision == before


@pytest.mark.parametrize("route", CLOSED, ids=lambda route: route.name)
def test_a_member_is_kept_for_the_roles_that_may_say_it(admin, keys, route):
    """The body says one of the members that are reserved, and nothing else."""
    operation = bind(route)
    for member, roles in route.reserved.items():
        (field,) = [field for field in msgspec.structs.fields(operation.body) if field.name == member]
        kind = next(each for each in (*get_args(field.type), field.type) if each not in (type(None), msgspec.UnsetType))
        body = {**sample(operation.body), field.encode_name: sample(kind)}
        for role in route.roles:
            path = f"{path_of(route, admin.home.workspace)}?workspace_id={admin.home.workspace}"
            answer = admin.ask(route.method, path, body, key=keys[role])
            assert (answer.code == "member_reserved" if answer.status >= 400 else False) != (role in roles), (member, answer)


def test_the_matrix_is_whole():
    """How many cells there are: a row for each route, a column for each kind of caller."""
    reserved = sum(len(route.roles) for route in CLOSED for _ in route.reserved)
    scopes = sum(1 + len(route.scopes) for route in CLOSED)
    elsewhere = sum(2 + names_one(route) for route in CLOSED)
    cells = len(CLOSED) * (len(PEOPLE) + len(DEAD)) + scopes + elsewhere + reserved
    print(f"{cells} cells: {len(CLOSED)} routes")
    assert {role for route in CLOSED for role in route.roles} <= set(PEOPLE), "there is a person of each role"
