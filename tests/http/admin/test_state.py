"""/v1/admin/state: the gateway of this machine as it is now."""

from lockgate.control.state import read_state
from lockgate.core.json import encode
from lockgate.core.tenancy import Tenant


def test_it_is_what_the_data_directory_says(admin):
    answer = admin.get("/v1/admin/state")
    assert answer.status == 200
    assert answer.json["workers"] == [] and answer.json["circuits"] == []
    assert answer.body == encode(read_state(admin.house.data))


def test_it_tells_other_organisations_nothing(admin):
    key = admin.key(Tenant(admin.abroad.organisation), ["admin"])
    answer = admin.get("/v1/admin/state", key=key)
    assert (answer.status, answer.code) == (403, "operators_only")
