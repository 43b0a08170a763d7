"""In whose name a request is sent again."""

import pytest

from lockgate.control.compile import compile_snapshot
from lockgate.control.config import read_text
from lockgate.control.resend.key import payer
from lockgate.core.call import Principal
from lockgate.core.failure import Refusal
from lockgate.core.tenancy import Tenant

HOME = Tenant("org", "work")


@pytest.fixture
def world():
    world = compile_snapshot(read_text("{}", {}), environment={}, pepper=b"p", scopes=frozenset())
    world.home = HOME
    world.keys = {
        name.encode(): Principal(f"id-{name}", name, organisation=organisation, workspace=workspace)
        for name, organisation, workspace in (
            ("declared", "", ""),
            ("mine", "org", "work"),
            ("whole", "org", ""),
            ("beside", "org", "other"),
            ("abroad", "far", "work"),
        )
    }
    return world


def found(world, tenant):
    names = []
    for principal in world.keys.values():
        try:
            assert payer(world, tenant, principal.name, None) is payer(world, tenant, principal.id, None) is principal
            names.append(principal.name)
        except Refusal as refusal:
            assert (refusal.status, refusal.param) == (404, "key")
    return names


def test_a_person_names_a_key_of_the_tenant(world):
    assert found(world, Tenant("org")) == ["declared", "mine", "whole", "beside"]
    assert found(world, HOME) == ["declared", "mine"]
    assert found(world, Tenant("org", "other")) == ["beside"]
    assert found(world, Tenant("far")) == ["abroad"]
    with pytest.raises(Refusal, match="Say which key"):
        payer(world, HOME, "", None)


def test_a_key_pays_for_itself_alone(world):
    own = world.keys[b"mine"]
    assert payer(world, HOME, "", own) is payer(world, HOME, "mine", own) is payer(world, HOME, "id-mine", own) is own
    with pytest.raises(Refusal) as refused:
        payer(world, HOME, "declared", own)
    assert refused.value.status == 403
