from lockgate.control.scopes import ADMINISTRATIVE, BY_NAME, OF_ORGANISATION, of_person
from lockgate.control.stored import widen
from lockgate.http.routes import ROUTES, SCOPES

DATA = {route.scope for route in ROUTES}


def test_a_key_that_names_no_scopes_administers_nothing():
    assert widen((), SCOPES) == DATA - {"proxy.write", "logs.write"}
    assert not widen((), SCOPES) & ADMINISTRATIVE


def test_what_the_data_plane_asks_for_administers_nothing():
    assert {"logs.write"} == DATA & ADMINISTRATIVE  # of agents, which tell of their spans; it is given by name


def test_a_person_has_the_scopes_of_their_roles():
    assert of_person("owner", None, SCOPES) == of_person("admin", "member", SCOPES) == SCOPES | {"admin"}
    assert of_person("member", None, SCOPES) == frozenset()
    member, manager, head = (of_person("member", seat, SCOPES) for seat in ("member", "manager", "admin"))
    assert member < manager < head
    assert not head & (OF_ORGANISATION - {"workspaces.read", "workspaces.list", "workspaces.update", "audit_logs.list"} - {
        "organisation_integrations.list", "organisation_integrations.read"
    })  # fmt: skip
    assert "admin" not in head
    assert member & BY_NAME and not {each for each in member if each.endswith((".create", ".delete"))} - {
        "workspace_user_api_keys.create",
        "workspace_user_api_keys.delete",
    }
    assert "proxy.write" not in member
    assert [("audit_logs.list" in each) for each in (member, manager, head)] == [False, True, True]
