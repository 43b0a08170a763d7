"""The pages of people, workspaces and the audit log: each form, for those who may use it, and what the others see."""

import re

import pytest

from support.dashboard import OWNER, PASSWORD, VIEWER
from support.process import until

BEN = "ben@example.com"


@pytest.fixture(scope="module")
def house(gateway):
    """A second workspace, with a manager in it who is nothing else."""
    assert gateway.ask("POST", "/v1/admin/workspaces", {"name": "Research", "slug": "research"})[0] == 200
    join(gateway, BEN, [{"id": "research", "role": "manager"}])
    return gateway


def join(gateway, email, workspaces=(), role="member"):
    invite = {"email": email, "role": role, "workspaces": list(workspaces)}
    token = gateway.ask("POST", "/v1/admin/users/invites", invite)[1]["invite_link"].partition("#")[2]
    return gateway.ask("POST", "/v1/admin/users/invites/accept", {"token": token, "password": PASSWORD}, key=None)[1]["id"]


def person(gateway, email):
    return gateway.get(f"/v1/admin/users?email={email}")[1]["data"][0]


def workspace(gateway, slug="research"):
    return gateway.get(f"/v1/admin/workspaces/{slug}")[1]


def lines(page, table):
    return page.get_by_role("table", name=table).locator("tbody tr")


class TestPeople:
    def test_an_invitations_link_is_shown_once_and_lets_somebody_in(self, page, house, enter):
        enter("/people")
        page.get_by_role("button", name="Invite", exact=True).click()
        dialog = page.get_by_role("dialog", name="Invite somebody")
        dialog.get_by_label("E-mail").fill("cara@example.com")
        dialog.get_by_label("Research", exact=True).check()
        dialog.get_by_label("Role in Research").select_option("manager")
        dialog.get_by_label(re.compile("Give them a key")).check()
        dialog.get_by_role("button", name="Make the link").click()
        shown = page.get_by_role("dialog", name="The link for cara@example.com")
        link = shown.locator("pre").inner_text()
        shown.get_by_role("button", name="I have it").click()
        page.get_by_role("tab", name="Invitations").click()
        lines(page, "Invitations").filter(has_text="cara@example.com").get_by_text("pending").wait_for()
        assert link not in page.content() and "/invite#" in link
        page.get_by_role("button", name=re.compile("Account")).click()
        page.get_by_role("button", name="Log out", exact=True).click()
        page.get_by_role("heading", name="Log in").wait_for()
        page.goto(f"{house.url}/invite#{link.partition('#')[2]}")
        page.get_by_label("Your name").fill("Cara")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Accept").click()
        page.get_by_role("heading", name="You are in").wait_for()
        assert person(house, "cara@example.com")["workspaces"] == [{"workspace_id": workspace(house)["id"], "role": "manager"}]

    def test_an_address_that_is_taken_is_told_beside_it(self, page, house, enter):
        page.refused += ["status of 409", "status of 400"]
        enter("/people")
        page.get_by_role("button", name="Invite", exact=True).click()
        dialog = page.get_by_role("dialog", name="Invite somebody")
        dialog.get_by_label("E-mail").fill(VIEWER)
        dialog.get_by_role("button", name="Make the link").click()
        dialog.get_by_text(re.compile("vic@example.com.*|.*already.*")).first.wait_for()
        page.keyboard.press("Escape")
        until(lambda: dialog.count() == 0)

    def test_another_link_takes_the_first_ones_place_and_a_cancelled_one_is_worth_nothing(self, page, house, enter):
        invite = {"email": "dan@example.com", "role": "member", "workspaces": []}
        first = house.ask("POST", "/v1/admin/users/invites", invite)[1]["invite_link"].partition("#")[2]
        enter("/people?tab=invitations")
        line = lines(page, "Invitations").filter(has_text="dan@example.com")
        line.get_by_role("button", name="New link").click()
        page.get_by_role("dialog").get_by_role("button", name="Make another link").click()
        shown = page.get_by_role("dialog", name="The link for dan@example.com")
        second = shown.locator("pre").inner_text().partition("#")[2]
        shown.get_by_role("button", name="I have it").click()
        assert second and second != first
        line.get_by_role("button", name="Cancel").click()
        page.get_by_role("dialog").get_by_role("button", name="Cancel the invitation").click()
        line.get_by_text("cancelled").wait_for()
        for token in (first, second):
            said = {"token": token, "password": PASSWORD}
            assert house.ask("POST", "/v1/admin/users/invites/accept", said, key=None)[0] in (400, 403, 404)

    def test_a_person_gets_a_place_another_role_and_loses_it(self, page, house, enter):
        id = join(house, "eve@example.com")
        enter(f"/people/{id}")
        drawer = page.get_by_role("complementary")
        drawer.get_by_text("No place yet: they see nothing.").wait_for()
        drawer.get_by_role("combobox", name="Workspace").select_option(label="Research")
        drawer.get_by_role("button", name="Give a place").click()
        drawer.get_by_label("Role in Research").select_option("admin")
        until(lambda: [each["role"] for each in person(house, "eve@example.com")["workspaces"]] == ["admin"])
        drawer.get_by_role("button", name="Take the place in Research").click()
        page.get_by_role("dialog").get_by_role("button", name="Take it").click()
        drawer.get_by_text("No place yet: they see nothing.").wait_for()
        assert person(house, "eve@example.com")["workspaces"] == []

    def test_a_person_is_called_otherwise_promoted_disabled_let_in_and_removed(self, page, house, enter):
        id = join(house, "fay@example.com")
        enter(f"/people/{id}")
        drawer = page.get_by_role("complementary")
        drawer.get_by_label("Name", exact=True).fill("Fay")
        drawer.get_by_label("Role in the organisation").select_option("admin")
        drawer.get_by_role("button", name="Save").click()
        drawer.get_by_role("heading", name="Fay").wait_for()
        until(lambda: (person(house, "fay@example.com")["name"], person(house, "fay@example.com")["role"]) == ("Fay", "admin"))
        drawer.get_by_role("button", name="Disable").click()
        page.get_by_role("dialog").get_by_role("button", name="Disable", exact=True).click()
        drawer.get_by_role("button", name="Let them in again").click()
        drawer.get_by_role("button", name="Disable").wait_for()
        assert person(house, "fay@example.com")["status"] == "active"
        drawer.get_by_role("button", name="Remove", exact=True).click()
        page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
        until(lambda: house.get("/v1/admin/users?email=fay@example.com")[1]["total"] == 0)
        page.wait_for_url("**/people")

    def test_a_change_that_somebody_else_came_before_is_told(self, page, house, enter):
        page.refused.append("status of 412")
        id = join(house, "gus@example.com")
        enter(f"/people/{id}")
        drawer = page.get_by_role("complementary")
        drawer.get_by_label("Name", exact=True).fill("Gustav")
        house.ask("PUT", f"/v1/admin/users/{id}", {"name": "Augustus"})
        drawer.get_by_role("button", name="Save").click()
        drawer.get_by_role("alert").wait_for()
        assert person(house, "gus@example.com")["name"] == "Augustus"

    def test_people_are_found_by_name_role_and_state(self, page, house, enter):
        enter("/people")
        lines(page, "People").nth(2).wait_for()
        page.get_by_role("searchbox").fill("BEN@")
        until(lambda: lines(page, "People").count() == 1)
        assert "Research (manager)" in lines(page, "People").first.inner_text() and "text=BEN" in page.url
        page.get_by_label("Role", exact=True).select_option("owner")
        page.get_by_role("heading", name="Nobody is like that").wait_for()
        page.get_by_role("link", name="Show everybody").click()
        lines(page, "People").nth(2).wait_for()

    def test_nobody_disables_themselves(self, page, house, enter):
        enter(f"/people/{person(house, OWNER)['id']}")
        page.get_by_text("Somebody else disables or removes you.").wait_for()
        assert page.get_by_role("button", name="Disable").count() == 0

    def test_a_manager_changes_the_places_of_their_workspace_and_none_above_their_own(self, page, house, enter):
        join(house, "hal@example.com", [{"id": "research", "role": "member"}])
        join(house, "ida@example.com", [{"id": "research", "role": "admin"}])
        enter("/people", BEN)
        line = lines(page, "People").filter(has_text="hal@example.com")
        choice = line.get_by_label("Role of hal@example.com")
        choice.wait_for()
        assert choice.locator("option").all_inner_texts() == ["Member", "Manager"]
        choice.select_option("manager")
        until(lambda: person(house, "hal@example.com")["workspaces"][0]["role"] == "manager")
        for other in ("ida@example.com", BEN):
            assert lines(page, "People").filter(has_text=other).locator("select, button").count() == 0
        line.get_by_role("button", name="Take the place of hal@example.com").click()
        page.get_by_role("dialog").get_by_role("button", name="Take it").click()
        until(lambda: line.count() == 0)
        assert page.get_by_role("button", name="Invite").count() == 0

    def test_one_who_looks_on_sees_people_and_changes_nothing(self, page, house, enter):
        enter("/people", VIEWER)
        lines(page, "People").first.wait_for()
        assert page.locator("main select, main table button").count() == 0
        page.get_by_role("tab", name="What roles may do").click()
        page.get_by_role("region", name="What roles may do").get_by_text("Have keys of their own").wait_for()


class TestWorkspaces:
    def test_one_is_made_set_up_and_removed(self, page, house, enter):
        enter("/workspaces")
        page.get_by_role("button", name="New workspace").click()
        dialog = page.get_by_role("dialog", name="New workspace")
        dialog.get_by_label("Name", exact=True).fill("Sales")
        dialog.get_by_label("Slug").fill("sales")
        dialog.get_by_role("button", name="Make it").click()
        drawer = page.get_by_role("complementary", name="Workspace Sales")
        drawer.get_by_label("Description").fill("Who sells")
        drawer.get_by_label("Metadata").fill("team=sales\nregion=north")
        drawer.get_by_label("Of its requests, in the log").select_option("metadata")
        drawer.get_by_label("Taken out by patterns").fill("\\b\\d{16}\\b")
        drawer.get_by_label("Taken out by members").fill("messages.*.name")
        drawer.get_by_label("Of its answers, in the cache").select_option("capped")
        drawer.get_by_label("Seconds").fill("7200")
        drawer.get_by_role("button", name="Save").click()
        until(lambda: workspace(house, "sales")["description"] == "Who sells")
        made = workspace(house, "sales")
        assert made["defaults"]["metadata"] == {"team": "sales", "region": "north"}
        assert (made["capture"], made["cache"]) == ("metadata", {"max_age": 7200, "off": False})
        assert made["redact"] == {"patterns": ["\\b\\d{16}\\b"], "fields": ["messages.*.name"]}
        lines(page, "Workspaces").filter(has_text="at most 2 h").wait_for()
        drawer.get_by_role("button", name="Remove the workspace").click()
        asked = page.get_by_role("dialog", name="Remove Sales?")
        assert asked.get_by_role("button", name="Remove it").is_disabled()
        asked.get_by_label("Its name, to be sure").fill("Sales")
        asked.get_by_role("button", name="Remove it").click()
        page.wait_for_url("**/workspaces")
        assert house.get("/v1/admin/workspaces/sales")[0] == 404

    def test_what_is_refused_is_told_beside_its_field(self, page, house, enter):
        page.refused.append("status of 400")
        enter(f"/workspaces/{workspace(house)['id']}")
        drawer = page.get_by_role("complementary")
        drawer.get_by_label("Metadata").fill("team")
        drawer.get_by_text("Each line is a name, an equals sign, and a value.").wait_for()
        assert drawer.get_by_role("button", name="Save").is_disabled()
        drawer.get_by_role("button", name="Undo").click()
        drawer.get_by_label("Taken out by patterns").fill("(")
        drawer.get_by_role("button", name="Save").click()
        drawer.locator("p.error").wait_for()
        assert workspace(house)["redact"] is None

    def test_one_that_still_has_something_goes_by_force_alone(self, page, house, enter):
        page.refused.append("status of 409")
        assert house.ask("POST", "/v1/admin/workspaces", {"name": "Full", "slug": "full"})[0] == 200
        key = {"name": "k", "workspace_id": "full", "scopes": ["completions.write"]}
        assert house.ask("POST", "/v1/api-keys/workspace/service", key)[0] == 200
        enter(f"/workspaces/{workspace(house, 'full')['id']}")
        page.get_by_role("button", name="Remove the workspace").click()
        asked = page.get_by_role("dialog", name="Remove Full?")
        asked.get_by_label("Its name, to be sure").fill("Full")
        asked.get_by_role("button", name="Remove it").click()
        asked.get_by_role("alert").wait_for()
        asked.get_by_label(re.compile("With all its keys")).check()
        asked.get_by_role("button", name="Remove it").click()
        page.wait_for_url("**/workspaces")
        assert house.get("/v1/admin/workspaces/full")[0] == 404

    def test_a_manager_reads_what_they_may_not_say(self, page, house, enter):
        enter("/workspaces", BEN)
        lines(page, "Workspaces").first.get_by_role("link").first.click()
        drawer = page.get_by_role("complementary")
        drawer.get_by_label("Name", exact=True).wait_for()
        assert drawer.get_by_label("Name", exact=True).is_disabled()
        assert drawer.get_by_label("Of its requests, in the log").is_disabled()
        assert drawer.get_by_role("button", name=re.compile("Save|Remove")).count() == 0
        assert lines(page, "Workspaces").count() == 1


class TestAudit:
    def test_a_change_says_what_it_was_before_and_who_made_it(self, page, house, enter):
        for text in ("first", "second"):
            assert house.ask("PUT", "/v1/admin/workspaces/research", {"description": text})[0] == 200
        enter("/audit?resource_type=workspace&action=update")
        lines(page, "Changes").first.get_by_role("link").first.click()
        drawer = page.get_by_role("complementary")
        change = drawer.get_by_role("table", name="The change").locator("tbody tr")
        change.get_by_text("first").wait_for()
        assert re.sub(r"\s+", " ", change.inner_text()) == "description first second"
        page.reload()  # it has an address
        change.get_by_text("first").wait_for()
        drawer.get_by_role("link", name="All that was done to it").click()
        page.get_by_role("button", name="Do not filter by Of").wait_for()
        lines(page, "Changes").filter(has_text="made").wait_for()

    def test_one_is_found_by_its_address_without_the_list(self, page, house, enter):
        record = house.get("/v1/audit-logs?resource_type=workspace&action=create")[1]["records"][-1]
        enter(f"/audit/{record['seq']}?action=rotate")
        page.get_by_role("complementary").get_by_role("heading", name=record["request_body"]["name"]).wait_for()
        page.goto(f"{house.url}/audit/999999999")
        page.get_by_role("complementary").get_by_text("There is no such change").wait_for()

    def test_pages_follow_while_one_scrolls_and_filters_are_in_the_address(self, page, house, enter):
        for n in range(60):
            assert house.ask("PUT", "/v1/admin/organisation", {"name": f"House {n}"})[0] == 200
        enter("/audit")
        lines(page, "Changes").nth(49).wait_for()
        page.mouse.move(700, 500)
        until(lambda: page.mouse.wheel(0, 4000) or lines(page, "Changes").count() >= 60)
        links = page.evaluate("[...document.querySelectorAll('tbody tr td:first-child a')].map(a => a.getAttribute('href'))")
        assert len(links) == len(set(links))
        page.get_by_label("Thing", exact=True).select_option("organisation")
        page.wait_for_url("**/audit?resource_type=organisation")
        until(lambda: "person" not in page.get_by_role("table", name="Changes").inner_text())
        page.get_by_label("How", exact=True).select_option("system")
        page.get_by_role("heading", name="Nothing matches").wait_for()
        page.get_by_role("link", name="Show everything").click()
        lines(page, "Changes").nth(10).wait_for()

    def test_a_manager_sees_their_workspace_and_one_who_looks_on_nothing(self, page, house, enter):
        enter("/audit", BEN)
        lines(page, "Changes").first.wait_for()
        assert "House 1" not in page.get_by_role("table", name="Changes").inner_text()

    def test_one_who_looks_on_is_told_that_it_is_not_theirs(self, page, house, enter):
        page.refused.append("status of 403")
        enter("/audit", VIEWER)
        page.get_by_role("alert").wait_for()
        assert page.get_by_role("navigation", name="Pages").get_by_role("link", name="Audit log").count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_they_are_drawn_in_both_themes_and_on_a_phone(page, house, enter, shoot, theme):
    page.emulate_media(color_scheme=theme)
    enter("/people")
    lines(page, "People").first.wait_for()
    shoot(f"people-{theme}")
    lines(page, "People").filter(has_text=BEN).get_by_role("link").first.click()
    page.get_by_role("heading", name="The account").wait_for()
    shoot(f"person-{theme}")
    page.goto(house.url + "/people?tab=roles")
    page.get_by_role("region", name="What roles may do").wait_for()
    shoot(f"roles-{theme}")
    page.goto(house.url + "/people?tab=invitations")
    lines(page, "Invitations").first.wait_for()
    shoot(f"invitations-{theme}")
    page.get_by_role("button", name="Invite", exact=True).click()
    shoot(f"invite-{theme}")
    page.goto(f"{house.url}/workspaces/{workspace(house)['id']}")
    page.get_by_role("complementary").get_by_role("heading", name="People").wait_for()
    shoot(f"workspaces-{theme}")
    page.goto(house.url + "/audit?resource_type=workspace&action=update")
    lines(page, "Changes").first.wait_for()
    shoot(f"audit-{theme}")
    lines(page, "Changes").first.get_by_role("link").first.click()
    page.get_by_role("table", name="The change").wait_for()
    shoot(f"audit-change-{theme}")
    page.set_viewport_size({"width": 390, "height": 800})
    for path in ("people", "workspaces", "audit"):
        page.goto(f"{house.url}/{path}")
        page.locator("main table tbody tr").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        shoot(f"{path}-phone-{theme}")


def test_what_people_call_things_is_text(page, house, enter):
    said = "<img src=x onerror=window.__ran=1><script>window.__ran=1</script>"
    made = house.ask("POST", "/v1/admin/workspaces", {"name": said, "slug": "odd", "description": said})[1]
    id = join(house, "odd@example.com", [{"id": "odd", "role": "member"}])
    assert house.ask("PUT", f"/v1/admin/users/{id}", {"name": said})[0] == 200
    enter("/people")
    lines(page, "People").filter(has_text="odd@example.com").get_by_text(said).first.wait_for()
    for path in (f"/people/{id}", f"/workspaces/{made['id']}", "/people?tab=invitations", "/audit", f"/audit?resource_id={id}"):
        page.goto(house.url + path)
        page.get_by_text(said).first.wait_for()
    lines(page, "Changes").first.get_by_role("link").first.click()
    page.get_by_role("complementary").get_by_text(said).first.wait_for()
    assert page.evaluate("window.__ran ?? 0") == 0
