"""Who may do what, and where; what is not theirs is not there."""

import pytest

from lockgate.core.holdings import SavedConfig
from lockgate.core.tenancy import Membership, Tenant
from support.house import KEY
from support.tenants import ME, NOW

DECLARED = "declared-key-0123456789"
CONFIG = {"name": "A", "config": {"provider": "openai"}}
ALL = ("configs.create", "configs.read", "configs.update", "configs.delete", "configs.list")


def save(admin, slug, tenant):
    return admin.post("/v1/configs", {**CONFIG, "slug": slug, "workspace_id": tenant.workspace}, key=KEY).json["slug"]


def slugs(answer):
    return {each["slug"] for each in answer.json["data"]}


def test_a_key_needs_the_scope(admin):
    key = admin.key(admin.home, ["configs.list"])
    assert admin.get("/v1/configs", key=key).status == 200
    refused = admin.post("/v1/configs", CONFIG, key=key)
    assert (refused.status, refused.code, refused.json["data"]["errorCode"]) == (403, "scope_missing", "AB03")
    assert "configs.create" in refused.message


def test_a_key_without_scopes_administers_nothing(admin):
    for path in ("/v1/configs", "/v1/api-keys"):
        assert admin.get(path, key=admin.key(admin.home)).code == "scope_missing"


def test_a_key_of_the_data_plane_that_the_file_declares_administers_what_it_was_given(admin):
    """It acts for the organisation to begin with."""
    admin.house.config_path.write_text(f'keys:\n  - {{name: ci, key: "{DECLARED}", scopes: [configs.create]}}')
    admin.reload()
    made = admin.post("/v1/configs", CONFIG, key=DECLARED)
    assert made.status == 200
    (row,) = admin.rows(SavedConfig)
    assert (row.organisation, row.workspace) == (admin.home.organisation, admin.home.workspace)


def test_a_workspaces_key_sees_its_workspace_alone(admin):
    mine, theirs = save(admin, "pc-mine", admin.home), save(admin, "pc-theirs", admin.other)
    key = admin.key(admin.home, ALL)
    assert slugs(admin.get("/v1/configs", key=key)) == {mine, "pc-declared"}
    for method, body in (("GET", None), ("PUT", {"name": "B"}), ("DELETE", None)):
        answer = admin.ask(method, f"/v1/configs/{theirs}", body, key=key)
        assert (answer.status, answer.code) == (404, "config_not_found")
    assert admin.get(f"/v1/configs/{theirs}/versions", key=key).status == 404
    assert len(admin.rows(SavedConfig)) == 2


def test_another_workspace_that_is_named_is_not_there_for_it(admin):
    key = admin.key(admin.home, ALL)
    for named in (admin.other.workspace, "other", "nowhere", admin.abroad.workspace):
        for answer in (
            admin.get(f"/v1/configs?workspace_id={named}", key=key),
            admin.post("/v1/configs", {**CONFIG, "workspace_id": named}, key=key),
        ):
            assert (answer.status, answer.code, answer.param) == (404, "workspace_not_found", "workspace_id")
    assert admin.get("/v1/configs?workspace_id=default", key=key).status == 200


def test_another_organisation_is_not_there_at_all(admin):
    save(admin, "pc-mine", admin.home)
    key = admin.key(Tenant(admin.abroad.organisation), ALL)
    assert slugs(admin.get("/v1/configs", key=key)) == set()
    for answer in (
        admin.get("/v1/configs/pc-mine", key=key),
        admin.get("/v1/configs/pc-declared", key=key),
        admin.get(f"/v1/configs?workspace_id={admin.home.workspace}", key=key),
        admin.get(f"/v1/configs?organisation_id={admin.home.organisation}", key=key),
        admin.post("/v1/configs", {**CONFIG, "workspace_id": admin.home.workspace}, key=key),
    ):
        assert answer.status == 404, answer
    made = admin.post("/v1/configs", {**CONFIG, "slug": "pc-mine"}, key=key)  # its own only workspace
    assert made.status == 200
    assert admin.get("/v1/configs/pc-mine", key=key).json["workspace_id"] == admin.abroad.workspace


def test_a_key_of_the_organisation_works_in_each_workspace_by_id_or_slug(admin):
    key = admin.key(admin.whole, ALL)
    for named in (admin.other.workspace, "other"):
        assert admin.post("/v1/configs", {**CONFIG, "workspace_id": named}, key=key).status == 200
    assert {row.workspace for row in admin.rows(SavedConfig)} == {admin.other.workspace}
    assert len(slugs(admin.get("/v1/configs?workspace_id=other", key=key))) == 3
    assert slugs(admin.get("/v1/configs?workspace_id=default", key=key)) == {"pc-declared"}


def test_what_is_the_organisations_is_not_for_a_workspaces_key(admin):
    key = admin.key(admin.home, ["organisation_service_api_keys.create", "completions.write"])
    answer = admin.post("/v1/api-keys/organisation/service", {"name": "x", "scopes": ["completions.write"]}, key=key)
    assert (answer.status, answer.code) == (403, "organisation_only")


def test_the_body_and_the_query_cannot_name_two_workspaces(admin):
    answer = admin.post("/v1/configs?workspace_id=default", {**CONFIG, "workspace_id": "other"})
    assert (answer.status, answer.param) == (400, "workspace_id")


def test_a_slug_that_several_workspaces_have_must_be_told_apart(admin):
    for tenant in (admin.home, admin.other):
        save(admin, "pc-twin", tenant)
    for method, body in (("GET", None), ("PUT", {"name": "B"}), ("DELETE", None)):
        assert admin.ask(method, "/v1/configs/pc-twin", body).code == "ambiguous"
    assert admin.put("/v1/configs/pc-twin?workspace_id=other", {"name": "B"}).status == 200
    assert {row.workspace: row.name for row in admin.rows(SavedConfig)} == {
        admin.home.workspace: "A",
        admin.other.workspace: "B",
    }


class TestPeoplesKeys:
    """A person's key can do what it was given, and never more than the person may now."""

    def key(self, admin, user, scopes=ALL, tenant=None):
        return admin.key(tenant or admin.home, scopes, kind="user", user=user.id)

    @pytest.mark.parametrize(
        ("role", "seat", "lists", "creates"),
        [
            ("member", "member", 200, 403),
            ("member", "manager", 200, 200),
            ("member", "admin", 200, 200),
            ("admin", None, 200, 200),
            ("owner", None, 200, 200),
        ],
    )
    def test_the_role_decides(self, admin, role, seat, lists, creates):
        user = admin.person(role, [(admin.home.workspace, seat)] if seat else [])
        key = self.key(admin, user)
        assert admin.get("/v1/configs", key=key).status == lists
        assert admin.post("/v1/configs", CONFIG, key=key).status == creates

    def test_someone_without_a_place_sees_nothing(self, admin):
        of_workspace = self.key(admin, admin.person())  # no key holds in a workspace where its owner has no place
        assert admin.get("/v1/configs", key=of_workspace).status == 401
        of_organisation = self.key(admin, admin.person(), ALL, admin.whole)
        assert admin.get("/v1/configs", key=of_organisation).code == "no_workspace"

    def test_a_place_that_is_taken_away_takes_its_rights_from_the_key_at_once(self, admin):
        user = admin.person("member", [(admin.home.workspace, "manager")])
        key = self.key(admin, user)
        path = f"/v1/admin/workspaces/default/users/{user.id}"
        assert admin.post("/v1/configs", CONFIG, key=key).status == 200
        admin.put(path, {"role": "member"})
        assert admin.post("/v1/configs", CONFIG, key=key).code == "role_missing"

    def test_a_key_for_one_workspace_stays_there_whatever_the_person_may_elsewhere(self, admin):
        key = self.key(admin, admin.person("owner"))
        assert admin.get("/v1/configs?workspace_id=other", key=key).status == 404

    def test_a_key_of_the_organisation_reaches_the_persons_workspaces(self, admin):
        user = admin.person(seats=[(admin.other.workspace, "manager")])
        key = self.key(admin, user, tenant=admin.whole)
        assert admin.post("/v1/configs", CONFIG, key=key).status == 200  # the only one that can be meant
        assert {row.workspace for row in admin.rows(SavedConfig)} == {admin.other.workspace}
        assert admin.get("/v1/configs?workspace_id=default", key=key).status == 404

    def test_several_workspaces_must_be_told_apart(self, admin):
        user = admin.person(seats=[(admin.other.workspace, "member"), (admin.home.workspace, "member")])
        key = self.key(admin, user, tenant=admin.whole)
        answer = admin.get("/v1/configs", key=key)
        assert (answer.status, answer.code, answer.param) == (400, "workspace_needed", "workspace_id")
        assert admin.get("/v1/configs?workspace_id=other", key=key).status == 200

    def test_a_key_does_not_outlive_its_persons_place(self, admin):
        user = admin.person(seats=[(admin.home.workspace, "manager")])
        key = self.key(admin, user)
        with admin.store.change(admin.whole, ME, NOW) as change:
            change.remove(change.find(Membership, user=user.id))
        assert admin.get("/v1/configs", key=key).status == 403
