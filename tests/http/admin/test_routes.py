"""The table of the admin API: nothing is in it without saying who may ask."""

import msgspec
import pytest

from lockgate.http.admin.operations import bind
from lockgate.http.admin.routes import ADMINS, MANAGERS, MEMBERS, ROUTES, AdminRoute, lay_out
from lockgate.http.routes import UnguardedRoute

GOOD = AdminRoute("GET", "/v1/things/{id}", "configs.read", ("configs.read",), MEMBERS, "either", "thing", "read")


def but(**more):
    return msgspec.structs.replace(GOOD, **more)


def test_every_row_has_a_policy_and_a_handler():
    assert len(lay_out().routes) == len(ROUTES)
    for route in ROUTES:
        operation = bind(route)
        assert operation.function.__doc__, route.name
        assert operation.body is None or route.method != "GET", route.name
        assert operation.body is not None or route.method != "PUT", route.name


FLAWED = {
    "no scopes": but(scopes=()),
    "no roles": but(roles=frozenset()),
    "a scope that there is not": but(scopes=("things.read",)),
    "elsewhere": but(path="/things"),
    "no handler": but(handler="read"),
    "about nothing": but(resource=""),
    "reserved for those who may not ask": but(roles=ADMINS, reserved={"name": MANAGERS}),
    "reserved for nobody": but(reserved={"name": frozenset()}),
    "open, and not": but(open="for everyone"),
}


@pytest.mark.parametrize("flawed", FLAWED.values(), ids=FLAWED)
def test_a_row_without_a_policy_stops_the_start_up(flawed):
    with pytest.raises(UnguardedRoute, match="GET /"):
        lay_out([flawed])


def test_a_row_may_be_open_if_it_says_why():
    lay_out([but(scopes=(), roles=frozenset(), open="whoever holds the link")])


def test_the_same_row_twice_stops_the_start_up_whatever_its_holes_are_called():
    with pytest.raises(UnguardedRoute, match="twice"):
        lay_out([GOOD, but(path="/v1/things/{slug}")])


@pytest.mark.parametrize(
    "flawed",
    [but(handler="configs.nothing"), but(handler="configs.text_of"), but(reserved={"nothing": MEMBERS})],
    ids=["not there", "no signature", "no such member"],
)
def test_a_row_whose_handler_does_not_fit_it_is_not_served(flawed):
    with pytest.raises(UnguardedRoute):
        bind(flawed)


def test_what_is_the_admin_apis_is_told_by_the_path_as_it_came():
    table = lay_out()
    assert table.owns("/v1/configs") and table.owns("/v1/configs/pc-a") and table.owns("/openapi.json")
    for path in ("/v1/configs/", "/v1/configs/a/b", "/v1/configsx", "/v1/%63onfigs", "/configs", "/v1", "/v1/files"):
        assert not table.owns(path), path


def test_paths_without_holes_come_before_those_that_have_some():
    holes = [route.path.count("{") for route in lay_out().routes]
    assert holes == sorted(holes)
