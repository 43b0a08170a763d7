"""Each role opens every page, and what opens on it: nothing fails, nothing is refused, no secret is there, and what is offered can
be done. What a role may do the gateway decides; here it is held that the dashboard offers no more than that."""

import re

import pytest

from support.dashboard import MANAGER, OWNER, VIEWER
from support.lived import PROVIDER_KEYS, furnish
from support.process import until
from support.views import pages, settle, views, visit

ROLES = {"viewer": VIEWER, "manager": MANAGER, "owner": OWNER}
#: Views that stand for a deed, and so are for those alone who may do it; and what is another's.
DEEDS = re.compile(r"replay|purge|-new$|-add$|-choose$|rotate|revoke|invit|^playground$|^person$")


@pytest.fixture(scope="module")
def lived(gateway):
    return furnish(gateway)


@pytest.fixture
def refusals(page):
    """What the gateway has refused since: method, address, status."""
    found = []

    def note(answer):
        if answer.status in (401, 403) and "/auth/" not in answer.url:
            found.append(f"{answer.request.method} {answer.url.partition('/v1')[2]} {answer.status}")

    page.on("response", note)
    return found


def secrets(lived):
    return [*PROVIDER_KEYS.values(), *(key["key"] for key in lived.keys.values())]


@pytest.mark.parametrize("role", ROLES)
def test_every_page_opens_and_nothing_of_it_is_refused(page, lived, enter, refusals, role):
    enter("/", ROLES[role])
    settle(page)
    offered = (
        page.get_by_role("navigation", name="Pages").locator("li a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    )
    everybodys = [each.root for each in pages() if not each.for_managers]
    assert set(everybodys) <= set(offered)
    assert role == "manager" or offered == (everybodys if role == "viewer" else [each.root for each in pages()])
    for each in [each for each in pages() if each.root in offered]:
        for view in views(each.root):
            if DEEDS.search(view.name) or (role != "owner" and view.name in _ABSENT[role]):
                continue
            visit(page, lived.gateway.url, view, lived.ids)
            assert refusals == [], (view.name, refusals)
            assert page.locator(".toast.bad, [role=alert]").all_inner_texts() == [], view.name
            shown = page.content()
            assert [text for text in secrets(lived) if text in shown] == [], view.name


#: What is not there for who is of a workspace: what the organisation's own key has told; a workspace where they have no place.
_ELSEWHERE = {"trace", "trace-step", "workspace"}
_ABSENT = {"viewer": {*_ELSEWHERE, "key"}, "manager": _ELSEWHERE}

#: Page → what a viewer is not offered there, and who manages is.
_MANAGED = {
    "/cache": "Purge all",
    "/models": "Add a provider",
    "/configs": "New config",
    "/budgets": "Set a limit",
    "/budgets?tab=policies": "New policy",
}
#: What the organisation's owners and admins alone are offered.
_WHOLE = {"/people": "Invite", "/workspaces": "New workspace"}


@pytest.mark.parametrize("role", ROLES)
def test_a_deed_is_offered_to_those_who_may_do_it(page, lived, enter, role):
    enter("/", ROLES[role])
    settle(page)
    for path, name in {**_MANAGED, **_WHOLE}.items():
        page.goto(lived.gateway.url + path)
        settle(page)
        may = role == "owner" or (role == "manager" and path in _MANAGED)
        assert (page.get_by_role("button", name=name, exact=True).count() > 0) == may, (path, name)
    page.goto(f"{lived.gateway.url}/logs/{lived.ids['request']}")
    settle(page)
    assert (page.get_by_role("button", name="Replay").count() > 0) == (role != "viewer")


def test_an_address_of_a_deed_does_not_open_it_for_who_may_not(page, lived, enter, refusals):
    enter("/", VIEWER)
    settle(page)
    for path in ("/models?add=openai", "/configs?new=1", "/budgets?tab=policies&new=1"):
        page.goto(lived.gateway.url + path)
        settle(page)
        assert page.get_by_role("dialog").count() == 0, path
        assert page.get_by_role("button", name=re.compile("^(Save|Add|Make|Test)")).count() == 0, path
    assert refusals == []


def test_what_a_viewer_is_offered_is_done(page, lived, enter, refusals):
    """Their own key, and what they say of an answer."""
    enter("/keys?new=1", VIEWER)
    dialog = page.get_by_role("dialog", name="New key")
    dialog.get_by_label("Name", exact=True).fill("of a viewer")
    dialog.get_by_role("button", name="Make the key").click()
    page.get_by_role("dialog", name="“of a viewer” is ready").wait_for()
    page.goto(f"{lived.gateway.url}/logs/{lived.ids['request']}?tab=feedback")
    page.get_by_label("Value").fill("3")
    page.get_by_label("Note").fill("of a viewer")
    page.get_by_role("button", name="Say it").click()
    page.get_by_text("note: of a viewer").wait_for()
    assert refusals == []


def test_what_a_manager_is_offered_is_done(page, lived, enter, refusals):
    gateway = lived.gateway
    enter("/configs?new=1", MANAGER)
    page.get_by_label("Config, as JSON").fill('{"provider": "@sim"}')
    page.get_by_label("Name", exact=True).fill("Of a manager")
    page.get_by_role("button", name="Save").click()
    until(lambda: [each for each in gateway.get("/v1/configs?page_size=100")[1]["data"] if each["name"] == "Of a manager"])
    page.goto(gateway.url + "/budgets?tab=policies&new=1")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("A manager's")
    dialog.get_by_label("Limit", exact=True).fill("9")
    dialog.get_by_role("button", name=re.compile("^(Save|Make)")).click()
    page.get_by_role("table", name="Policies").locator("tbody tr").filter(has_text="A manager's").wait_for()
    page.goto(f"{gateway.url}/keys/{lived.ids['key']}")
    page.get_by_role("button", name="Rotate").click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("^Rotate")).click()
    page.get_by_test_id("key").wait_for()
    page.goto(gateway.url + "/cache")
    page.get_by_role("button", name="Purge all").click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("^Forget")).click()
    until(lambda: gateway.get("/v1/cache/entries")[1]["total"] == 0)
    page.goto(gateway.url + "/people")
    page.get_by_label(f"Role of {VIEWER}").select_option("manager")
    until(lambda: gateway.get(f"/v1/admin/users?email={VIEWER}")[1]["data"][0]["workspaces"][0]["role"] == "manager")
    assert refusals == []
