"""The settings: what is declared and where, exports, prices, alerts, logins and the gateway; and what others than owners see."""

import re

import pytest

from support.dashboard import OWNER, PASSWORD, VIEWER
from support.hooks import Hooks
from support.process import Gateway, until

BEN, CAM = "ben@example.com", "cam@example.com"
CONFIG = """
providers: {mine: {provider: sim}}
log: {retention_days: 12, redact: {patterns: ['card \\d+']}}
egress: {allow: [127.0.0.0/8]}
identity:
  oidc:
    okta: {issuer: "https://example.okta.com", client_id: lockgate, client_secret: hush-hush, title: Okta, groups: [{group: ml, role: admin}]}
sinks:
  archive: {type: jsonl, directory: "%s"}
alerts:
  channels:
    ops: {type: webhook, url: "%s/hook/hush-hush", secret: hush-hush-hush-hush, kinds: [requests]}
    dead: {type: slack, url: "http://127.0.0.1:9/hush-hush", kinds: [spend]}
  rules:
    busy: {what: requests, threshold: 100000, window: 1h}
    quiet: {what: error_rate, threshold: 5%%, min_requests: 100000}
"""


@pytest.fixture(scope="module")
def hook():
    with Hooks() as hook:
        yield hook


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, hook):
    """One with something of everything, an owner, a manager, an admin, and somebody who may only look on."""
    folder = tmp_path_factory.mktemp("settings")
    gateway = Gateway(folder, CONFIG % (folder / "archive", hook.url)).ready()
    try:
        for email, role in ((OWNER, "owner"), (CAM, "admin"), (VIEWER, "member")):
            gateway.lockgate("users", "add", email, "--role", role, "--password-stdin", given=PASSWORD)
        gateway.ask("POST", "/v1/admin/workspaces", {"name": "Clinic", "slug": "clinic", "capture": "metadata"})
        invite = {"email": BEN, "role": "member", "workspaces": [{"id": "clinic", "role": "manager"}]}
        token = gateway.ask("POST", "/v1/admin/users/invites", invite)[1]["invite_link"].partition("#")[2]
        gateway.ask("POST", "/v1/admin/users/invites/accept", {"token": token, "password": PASSWORD}, key=None)
        for n in range(5):
            assert gateway.chat(text=f"Question {n}")[0] == 200
        post(gateway, "unheard-of")
        until(lambda: len(gateway.records()) == 6)
        yield gateway
    finally:
        gateway.stop()


def post(gateway, model):
    """A request of a model that has no price."""
    answer = {"model": model, "usage": {"prompt_tokens": 1000, "completion_tokens": 500}}
    said = {
        "request": {"url": "https://api.openai.com/v1/chat/completions", "provider": "openai", "body": {"model": model, "messages": []}},
        "response": {"status": 200, "response_time": 10, "body": answer},
    }  # fmt: skip
    assert gateway.ask("POST", "/v1/logs", said)[0] == 200


def lines(page, table):
    return page.get_by_role("table", name=table).locator("tbody tr")


def panel(page, title):
    return page.get_by_role("region", name=title, exact=True)


class TestData:
    def test_it_says_how_long_what_is_kept_and_the_key_to_change(self, page, gateway, enter, shoot):
        enter("/settings")
        log = panel(page, "The log")
        log.get_by_text("12 days").wait_for()
        log.get_by_text("log.retention_days").wait_for()
        kept = panel(page, "What is kept")
        kept.get_by_text("card \\d+").wait_for()
        kept.get_by_text("lockgate.yaml").wait_for()
        shoot("settings-data")

    def test_workspaces_that_differ_are_told_with_a_way_there(self, page, gateway, enter):
        enter("/settings/data")
        line = lines(page, "Workspaces")
        line.filter(has_text="Clinic").get_by_text("no bodies").wait_for()
        assert line.count() == 1
        line.get_by_role("link", name="Clinic").click()
        page.get_by_role("complementary", name="Workspace Clinic").wait_for()

    def test_the_organisations_defaults_are_changed(self, page, gateway, enter):
        enter("/settings")
        defaults = panel(page, "Defaults of the organisation")
        defaults.get_by_label("Metadata").fill("region=north")
        defaults.get_by_label("Of answers, in the cache").select_option("capped")
        defaults.get_by_label("Seconds").fill("600")
        defaults.get_by_role("button", name="Save").click()
        until(lambda: gateway.get("/v1/admin/organisation/defaults")[1]["metadata"] == {"region": "north"})
        until(lambda: gateway.get("/v1/admin/organisation")[1]["cache"] == {"max_age": 600, "off": False})
        until(lambda: defaults.get_by_role("button", name="Save").is_disabled())

    def test_a_default_that_is_nowhere_is_told_beside_it(self, page, gateway, enter):
        page.refused.append("status of 404")
        enter("/settings")
        defaults = panel(page, "Defaults of the organisation")
        defaults.get_by_label("Config", exact=True).fill("nowhere")
        defaults.get_by_role("button", name="Save").click()
        defaults.get_by_text("There is no config 'nowhere' here.").wait_for()
        defaults.get_by_role("button", name="Undo").click()
        assert defaults.get_by_label("Config", exact=True).input_value() == ""

    def test_what_cannot_be_read_is_said_and_asked_again(self, page, gateway, enter):
        page.refused.append("status of 503")
        answer = {"error": {"message": "The log is away.", "code": "busy", "param": None}}
        page.route("**/v1/admin/settings/log", lambda route: route.fulfill(status=503, json=answer))
        enter("/settings")
        page.get_by_role("alert").get_by_text("The log is away.").wait_for()
        page.unroute("**/v1/admin/settings/log")
        page.get_by_role("button", name="Try again").click()
        panel(page, "The log").get_by_text("12 days").wait_for()


class TestExports:
    def test_one_is_made_and_downloaded(self, page, gateway, enter, shoot):
        enter("/settings/exports")
        page.get_by_role("heading", name="Nothing was exported yet").wait_for()
        page.get_by_role("link", name="New export").first.click()
        new = panel(page, "New export")
        new.get_by_text("6 requests now.").wait_for()
        new.get_by_label("Format").select_option("csv")
        new.get_by_label("Description").fill("For the auditors")
        new.get_by_label(re.compile("With what was asked")).check()
        shoot("settings-export-new")
        new.get_by_role("button", name="Export", exact=True).click()
        line = lines(page, "Exports").filter(has_text="For the auditors")
        line.get_by_text("ready").wait_for()
        line.get_by_text("with bodies").wait_for()
        with page.expect_download() as download:
            line.get_by_role("button", name="Download").click()
        text = download.value.path().read_text()
        assert len(text.splitlines()) == 7 and "Question 3" in text
        assert "/settings/exports" in page.url and "new" not in page.url
        shoot("settings-exports")

    def test_a_view_of_the_log_is_exported_with_its_filters(self, page, gateway, enter):
        enter("/logs?model=unheard-of")
        page.get_by_role("link", name="Export").click()
        new = panel(page, "New export")
        new.get_by_text("1 request now.").wait_for()
        new.get_by_label("At most").fill("10")
        new.get_by_role("button", name="Export", exact=True).click()
        lines(page, "Exports").filter(has_text="unheard-of").get_by_text("ready").wait_for()
        (job,) = [each for each in gateway.get("/v1/logs/exports")[1]["data"] if each["filters"].get("model")]
        assert (job["exported_records"], job["filters"]) == (1, {"model": "unheard-of", "page_size": 10})

    def test_one_that_is_under_way_shows_how_far_it_is_and_is_cancelled(self, page, gateway, enter, shoot):
        """What the exporter says is made up here: a real one is done before anybody looks."""
        id = gateway.ask("POST", "/v1/logs/exports", {"description": "A long one"})[1]["id"]
        job = gateway.get(f"/v1/logs/exports/{id}")[1]
        state = {"status": "in_progress", "exported_records": 250, "total_records": 1000}
        asked = []

        def answer(route):
            if route.request.method == "POST":
                asked.append(route.request.url)
                state.update(status="stopped")
            shown = {"object": "list", "total": 1, "data": [{**job, **state}]}
            route.fulfill(json={"message": "ok"} if route.request.method == "POST" else shown)

        page.route(re.compile("/v1/logs/exports"), answer)
        enter("/settings/exports")
        bar = page.get_by_role("progressbar", name="Export A long one")
        until(lambda: bar.get_attribute("aria-valuenow") == "25")
        shoot("settings-export-progress")
        state["exported_records"] = 500
        until(lambda: page.evaluate("document.querySelector('[role=progressbar]')?.ariaValueNow") == "50")
        page.get_by_role("button", name="Cancel").click()
        page.get_by_role("table", name="Exports").get_by_text("stopped").wait_for()
        page.get_by_role("button", name="Start again").wait_for()
        assert len(asked) == 1 and asked[0].partition("?")[0].endswith(f"{id}/cancel")

    def test_why_one_has_failed_is_said(self, page, gateway, enter):
        page.refused.append("status of 400")
        answer = {
            "error": {"message": "Parquet needs pip install 'lockgate[parquet]'.", "code": "not_installed", "param": "format"}
        }
        enter("/settings/exports?new=1")
        page.route("**/v1/logs/exports**", lambda route: route.fulfill(status=400, json=answer))
        new = panel(page, "New export")
        new.get_by_label("Format").select_option("parquet")
        new.get_by_role("button", name="Export", exact=True).click()
        new.get_by_text("lockgate[parquet]").first.wait_for()


class TestPrices:
    def test_history_is_looked_at_and_then_written(self, page, gateway, enter, shoot):
        enter("/settings/prices")
        panel(page, "Prices").get_by_text("genai-prices").first.wait_for()
        line = lines(page, "Used without a price").filter(has_text="unheard-of")
        line.get_by_text("no price").wait_for()
        panel(page, "Used without a price").get_by_text('"openai/unheard-of": {input: …, output: …}').wait_for()
        page.get_by_role("heading", name="Nothing was priced again yet").wait_for()
        gateway.config.write_text(gateway.config.read_text() + '\nprices: {"openai/unheard-of": {input: 2, output: 4}}\n')
        until(lambda: gateway.get("/v1/admin/settings/prices")[1]["own"] == ["openai/unheard-of"])
        page.reload()
        line.get_by_text("has a price now").wait_for()
        again = panel(page, "Price history again")
        again.get_by_role("button", name="Look what differs").click()
        again.get_by_text("looked at, nothing written").wait_for()
        row = lines(page, "What differs").filter(has_text="unheard-of")
        row.get_by_text("+$0.004").wait_for()
        shoot("settings-prices")
        again.get_by_role("button", name="Write it").click()
        page.get_by_role("dialog").get_by_role("button", name="Write it").click()
        again.get_by_text("1 requests were written anew.").wait_for()
        page.get_by_role("heading", name="Everything that was used has a price").wait_for()
        assert (
            gateway.get(
                "/v1/analytics/unpriced?time_of_generation_min=2020-01-01T00:00:00Z&time_of_generation_max=2100-01-01T00:00:00Z"
            )[1]["data"]
            == []
        )

    def test_one_that_is_under_way_shows_how_far_it_is_and_is_cancelled(self, page, gateway, enter):
        job = {
            "id": "r1", "organisation_id": "o", "filters": {"time_of_generation_min": "2026-01-01T00:00:00Z"}, "status": "looking",
            "created_at": None, "started_at": "2026-01-01T00:00:00Z", "ended_at": None, "created_by": "x", "total_records": 1000,
            "read_records": 400, "report": None, "error": None, "object": "repricing",
        }  # fmt: skip

        def answer(route):
            if route.request.method == "POST":
                job["status"] = "stopped"
            route.fulfill(json=job if route.request.method == "POST" else {"object": "list", "total": 1, "data": [job]})

        page.route(re.compile("/v1/logs/repricings"), answer)
        enter("/settings/prices")
        bar = page.get_by_role("progressbar", name="Repricing")
        until(lambda: bar.get_attribute("aria-valuenow") == "40")
        again = panel(page, "Price history again")
        assert again.get_by_role("button", name="Look what differs").is_disabled()
        again.get_by_role("button", name="Cancel").click()
        again.get_by_text("stopped").wait_for()

    def test_who_is_no_owner_looks_on(self, page, gateway, enter):
        enter("/settings/prices", CAM)
        panel(page, "Price history again").get_by_text("Owners do this").wait_for()
        assert page.get_by_role("button", name="Look what differs").count() == 0


class TestAlerts:
    def test_rules_say_how_they_stand_and_a_channel_is_tried(self, page, gateway, hook, enter, shoot):
        enter("/settings/alerts")
        busy = lines(page, "Rules").filter(has_text="busy")
        busy.get_by_text("quiet").wait_for()
        busy.get_by_text("6 requests").wait_for()
        assert busy.locator("[data-column=told]").inner_text() == "ops"
        lines(page, "Rules").filter(has_text="error").get_by_text("too few requests").wait_for()
        ops = lines(page, "Channels").filter(has_text="ops")
        ops.get_by_role("button", name="Send a test").click()
        ops.get_by_text("arrived").wait_for()
        dead = lines(page, "Channels").filter(has_text="dead")
        dead.get_by_role("button", name="Send a test").click()
        dead.get_by_role("alert").wait_for()
        assert "hush" not in page.content()
        shoot("settings-alerts")

    def test_what_fires_stands_first(self, page, gateway, enter):
        said = gateway.get("/v1/admin/settings/alerts")[1]
        alarm = {"about": "provider", "name": "openai", "since": "2026-01-02T03:04:05Z", "alarming_since": None, "value": "12%"}
        said["rules"][1] |= {"state": "firing", "each": "provider", "value": "12%", "worst": "openai", "alarms": [alarm]}
        told = {
            "at": "2026-01-02T03:04:05Z",
            "title": "It fails.",
            "channel": "ops",
            "state": "given up",
            "tries": 9,
            "why": "nobody",
        }
        page.route("**/v1/admin/settings/alerts", lambda route: route.fulfill(json={**said, "told": [told]}))
        enter("/settings/alerts")
        first = lines(page, "Rules").first
        first.get_by_text("firing").wait_for()
        assert first.locator("time").count() == 1 and first.get_by_text("openai").count() == 2
        lines(page, "Alerts").get_by_text("given up").wait_for()


class TestSignIn:
    def test_it_says_how_people_log_in_and_shows_no_secret(self, page, gateway, enter, shoot):
        enter("/settings/sign-in")
        panel(page, "How people log in").get_by_text("identity.passwords").wait_for()
        okta = panel(page, "Okta")
        okta.get_by_text("https://example.okta.com").wait_for()
        okta.get_by_text("ml → admin of the organisation").wait_for()
        assert "hush" not in page.content()
        shoot("settings-sign-in")

    def test_another_session_is_ended_and_then_all(self, page, gateway, enter):
        login = {"email": OWNER, "password": PASSWORD}
        gateway.ask("POST", "/auth/login", login, key=None, origin=gateway.url, user_agent="Elsewhere/1.0")
        enter("/settings/sign-in")
        line = lines(page, "Your sessions").filter(has_text="Elsewhere/1.0").first
        line.get_by_role("button", name="Log out there").click()
        until(lambda: lines(page, "Your sessions").filter(has_text="Elsewhere/1.0").count() == 0)
        page.get_by_role("button", name="Log out everywhere").click()
        page.get_by_role("dialog").get_by_role("button", name="Log out everywhere").click()
        page.get_by_role("heading", name="Log in").wait_for()

    def test_a_password_is_changed_by_the_one_that_one_has(self, page, gateway, enter):
        def logs_in(password):
            return (
                gateway.ask("POST", "/auth/login", {"email": BEN, "password": password}, key=None, origin=gateway.url)[0] == 200
            )

        other = "quite another horse battery"
        page.refused += ["/auth/password"]
        enter("/settings/sign-in", BEN)
        for old, new in ((PASSWORD, other), (other, PASSWORD)):  # and back, for the tests to come
            page.get_by_role("button", name="Change password").click()
            dialog = page.get_by_role("dialog")
            dialog.get_by_label("The password you have").fill("not this one, surely")
            dialog.get_by_label("The new one").fill(new)
            dialog.get_by_role("button", name="Change it").click()
            dialog.get_by_text("The old password is not right.").wait_for()
            dialog.get_by_label("The password you have").fill(old)
            dialog.get_by_label("The new one").fill("a" * 12)
            dialog.get_by_role("button", name="Change it").click()
            dialog.get_by_text("repeats a few characters").wait_for()
            dialog.get_by_label("The new one").fill(new)
            dialog.get_by_role("button", name="Change it").click()
            dialog.wait_for(state="detached")
            assert logs_in(new) and not logs_in(old)
        until(lambda: lines(page, "Your sessions").filter(has_text="this one").count() == 1)


class TestGateway:
    def test_it_says_what_works_and_where_things_are(self, page, gateway, enter, shoot):
        enter("/settings/gateway")
        about = panel(page, "The gateway")
        about.get_by_text("ready", exact=True).wait_for()
        about.get_by_text("127.0.0.0/8").wait_for()
        lines(page, "Workers").first.get_by_text("works").wait_for()
        lines(page, "Stores").filter(has_text="Money").get_by_text("SQLite").wait_for()
        sink = lines(page, "Sinks").filter(has_text="archive")
        sink.get_by_text("takes them").wait_for()
        assert sink.locator("[data-column=dropped]").inner_text() == "0"
        shoot("settings-gateway")


class TestOthers:
    def test_one_who_looks_on_sees_what_holds_for_them_and_changes_nothing(self, page, gateway, enter, shoot):
        enter("/settings", VIEWER)
        page.get_by_role("heading", name="Of your workspace").wait_for()
        assert page.get_by_role("tab").all_inner_texts() == ["Data", "Sign-in"]
        assert page.locator("main input, main select, main textarea, main form").count() == 0
        shoot("settings-viewer")
        for tab in ("exports", "prices", "alerts", "gateway"):  # an address that somebody has sent
            page.goto(f"{gateway.url}/settings/{tab}")
            page.get_by_role("heading", name="Of your workspace").wait_for()
        page.goto(f"{gateway.url}/settings/sign-in")
        page.get_by_role("heading", name="How you can log in").wait_for()
        assert "hush" not in page.content() and page.get_by_text("lockgate.yaml").count() == 0

    def test_a_manager_exports_their_workspace_and_sees_no_more(self, page, gateway, enter):
        enter("/settings/exports", BEN)
        page.get_by_role("heading", name="Nothing was exported yet").wait_for()
        assert page.get_by_role("tab").all_inner_texts() == ["Data", "Exports", "Sign-in"]
        page.get_by_role("link", name="New export").first.click()
        panel(page, "New export").get_by_text("0 requests now.").wait_for()


class TestLooks:
    @pytest.mark.parametrize("tab", ["data", "exports", "prices", "alerts", "sign-in", "gateway"])
    def test_each_tab_is_whole_in_the_dark_and_on_a_phone(self, page, gateway, enter, shoot, tab):
        page.emulate_media(color_scheme="dark")
        enter(f"/settings/{tab}")
        page.locator("[role=tabpanel] section").first.wait_for()
        until(lambda: page.locator("main .skeleton").count() == 0)
        shoot(f"settings-{tab}-dark")
        page.set_viewport_size({"width": 390, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        shoot(f"settings-{tab}-phone")
