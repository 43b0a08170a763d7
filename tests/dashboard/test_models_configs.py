"""Models & providers, and configs: the pages where it is said who is asked, on a real gateway and a provider of the test's own."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from support.dashboard import OWNER, PASSWORD, VIEWER
from support.process import Gateway, until

KEY, OTHER = "sk-good-0123456789", "sk-other-0123456789"
CONFIG = """
egress: {allow: ["127.0.0.0/8"]}
configs:
  pc-declared: {provider: "@sim"}
"""
ROUTE = {"strategy": {"mode": "fallback"}, "targets": [{"provider": "@sim"}, {"provider": "@openai"}]}


class _Provider(BaseHTTPRequestHandler):
    """One that knows two keys, and answers everything with a word."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        good = self.headers["authorization"] in (f"Bearer {KEY}", f"Bearer {OTHER}")
        message, streams = {"role": "assistant", "content": "pong"}, good and asked.get("stream", False)
        body = {
            "id": "1", "object": "chat.completion.chunk" if streams else "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta" if streams else "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        } if good else {"error": {"message": "<b>No such key.</b>", "code": "invalid_api_key"}}  # fmt: skip
        told = json.dumps(body).encode()
        if streams:
            told = b"data: " + told + b"\n\ndata: [DONE]\n\n"
        self.send_response(200 if good else 401)
        self.send_header("content-type", "text/event-stream" if streams else "application/json")
        self.send_header("content-length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def provider():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Provider)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    gateway = Gateway(tmp_path_factory.mktemp("gateway"), CONFIG).ready()
    try:
        for email, role in ((OWNER, "owner"), (VIEWER, "member")):
            gateway.lockgate("users", "add", email, "--role", role, "--password-stdin", given=PASSWORD)
        assert gateway.chat()[0] == 200
        until(lambda: gateway.get("/v1/logs")[1]["data"])
        yield gateway
    finally:
        gateway.stop()


def set_up(gateway, slug, provider):
    body = {
        "name": slug, "ai_provider_id": "openai", "workspace_id": "default", "slug": slug, "default_provider_slug": slug,
        "key": KEY, "configurations": {"custom_host": provider},
    }  # fmt: skip
    if gateway.get(f"/v1/providers/{slug}?workspace_id=default")[0] == 404:
        assert gateway.ask("POST", "/v1/integrations", body)[0] == 200


def saved(gateway, slug, config=ROUTE):
    if gateway.get(f"/v1/configs/{slug}?workspace_id=default")[0] == 404:
        body = {"name": f"Config {slug}", "slug": slug, "config": config, "workspace_id": "default"}
        assert gateway.ask("POST", "/v1/configs", body)[0] == 200


def write(page, config):
    area = page.get_by_label("Config, as JSON")
    area.fill(config if isinstance(config, str) else json.dumps(config, indent=2))
    return area


# --- models and providers


def test_a_provider_is_added_when_its_key_is_good(page, gateway, provider, enter, shoot):
    enter("/models")
    page.get_by_role("button", name="Add a provider").first.click()
    page.get_by_label("Search providers").fill("openai")
    page.get_by_role("button", name=re.compile("^OpenAI openai")).click()
    dialog = page.get_by_role("dialog", name="Add OpenAI")
    dialog.get_by_label("Slug").fill("ours")
    dialog.get_by_label("API key").fill("sk-wrong-0123456789")
    dialog.get_by_label("Another address").fill(provider)
    dialog.get_by_role("button", name="Test and add").click()
    dialog.get_by_text("The key is not accepted. OpenAI says: <b>No such key.</b>").wait_for()  # as text
    assert gateway.get("/v1/providers/ours?workspace_id=default")[0] == 404  # nothing is kept
    shoot("provider-refused-light")
    dialog.get_by_label("API key").fill(KEY)
    dialog.get_by_role("button", name="Test and add").click()
    page.wait_for_url("**/models/ours")
    drawer = page.get_by_role("complementary", name="Provider @ours")
    drawer.get_by_text("****6789").wait_for()
    assert KEY not in page.content()
    until(lambda: gateway.chat(model="@ours/gpt-4o")[0] == 200)


def test_a_new_place_is_begun_with_a_providers_own_key(page, gateway, provider, enter, shoot):
    """In the guide of a workspace where nothing has been asked yet."""
    place = gateway.ask("POST", "/v1/admin/workspaces", {"name": "Fresh"})[1]["id"]
    page.refused.append("status of 401")  # a key of this moment
    page.add_init_script(f"localStorage.setItem('lockgate.workspace', JSON.stringify('{place}'))")
    enter("/")
    page.get_by_role("button", name="Use a provider’s key instead").click()
    page.get_by_label("Search providers").fill("openai")
    page.get_by_role("button", name=re.compile("^OpenAI openai")).click()
    dialog = page.get_by_role("dialog", name="Add OpenAI")
    dialog.get_by_label("API key").fill(KEY)
    dialog.get_by_label("Slug").fill("fresh")
    dialog.get_by_label("Another address").fill(provider)
    dialog.get_by_role("button", name="Test and add").click()
    page.get_by_role("radio", name="@fresh").wait_for()
    assert page.get_by_role("radio", name="@fresh").is_checked()
    page.get_by_role("button", name="Make a key").click()
    page.get_by_role("button", name="Send it from here").click()
    page.get_by_text("It has arrived.").wait_for()
    shoot("start-provider-light")
    (row,) = gateway.get(f"/v1/logs?workspace_id={place}&provider=fresh")[1]["data"]
    assert row["outcome"] == "ok"


def test_what_is_missing_is_told_at_its_field(page, gateway, enter):
    page.refused += ["status of 400", "status of 403"]
    enter("/models?add=openai")
    dialog = page.get_by_role("dialog", name="Add OpenAI")
    dialog.get_by_label("API key").fill(KEY)
    dialog.get_by_label("Another address").fill("http://10.0.0.1/v1")
    dialog.get_by_role("button", name="Test and add").click()
    field = dialog.get_by_label("Another address")
    until(lambda: field.get_attribute("aria-invalid") == "true" or dialog.get_by_role("alert").count() == 1)


def test_a_provider_is_edited_and_another_key_is_tried(page, gateway, provider, enter):
    set_up(gateway, "edited", provider)
    enter("/models/edited")
    drawer = page.get_by_role("complementary", name="Provider @edited")
    drawer.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog", name="Edit @edited")
    assert dialog.get_by_label("API key").input_value() == ""  # secrets are written, and not read
    assert dialog.get_by_label("Another address").input_value() == provider
    dialog.get_by_label("Note").fill("for the test")
    dialog.get_by_label("API key").fill("sk-wrong-0123456789")
    dialog.get_by_role("button", name="Test and save").click()
    dialog.get_by_text("The key is not accepted.").wait_for()
    dialog.get_by_label("API key").fill(OTHER)
    dialog.get_by_role("button", name="Test and save").click()
    until(lambda: dialog.count() == 0)
    drawer.get_by_text("for the test").wait_for()
    until(lambda: gateway.chat(model="@edited/gpt-4o")[0] == 200)


def test_a_provider_is_removed_with_its_account(page, gateway, provider, enter):
    set_up(gateway, "gone", provider)
    enter("/models/gone")
    page.get_by_role("complementary").get_by_role("button", name="Remove").click()
    page.get_by_role("dialog", name="Remove @gone?").get_by_role("button", name="Remove it").click()
    page.wait_for_url("**/models")
    assert gateway.get("/v1/providers/gone?workspace_id=default")[0] == 404
    assert gateway.get("/v1/integrations/gone?workspace_id=default")[0] == 404


def test_a_provider_shows_its_last_hour(page, gateway, enter):
    enter("/models")
    row = page.get_by_role("table", name="Providers").locator("tbody tr", has_text="@sim")
    row.wait_for()
    assert "Well" in row.inner_text() and "built in" in row.inner_text()
    row.get_by_role("link").first.click()
    drawer = page.get_by_role("complementary", name="Provider @sim")
    drawer.get_by_text("It is built in").wait_for()
    assert drawer.get_by_role("button", name="Edit").count() == 0


def test_the_catalogue_is_searched(page, gateway, enter, shoot):
    enter("/models?view=catalogue")
    page.get_by_label("Search models").fill("gpt-4o-mini")
    page.wait_for_url("**find=gpt-4o-mini")
    page.get_by_label("Provider", exact=True).select_option("openai")
    table = page.get_by_role("table", name="Models")
    until(lambda: table.locator("tbody tr").count() > 0 and "claude" not in table.inner_text())
    assert "$0.15" in table.inner_text() and "$0.60" in table.inner_text()
    shoot("catalogue-light")
    page.get_by_label("Search models").fill("no such model at all")
    page.get_by_role("heading", name="No model is called that").wait_for()


def test_who_is_no_manager_looks_and_changes_nothing(page, gateway, provider, enter):
    set_up(gateway, "seen", provider)
    saved(gateway, "pc-seen")
    enter("/models/seen", VIEWER)
    drawer = page.get_by_role("complementary", name="Provider @seen")
    drawer.get_by_role("heading", name="Models").wait_for()
    assert page.get_by_role("button", name="Add a provider").count() == 0
    assert drawer.get_by_role("button", name=re.compile("Edit|Remove")).count() == 0
    page.goto(gateway.url + "/configs/pc-seen")
    page.get_by_text("Nothing is wrong with it.").wait_for()
    assert page.get_by_role("button", name=re.compile("^(Save|Remove)$")).count() == 0


def test_what_is_not_there_is_told(page, gateway, enter):
    page.refused.append("status of 404")
    enter("/models/nobody")
    page.get_by_role("heading", name="There is no such provider here").wait_for()
    page.goto(gateway.url + "/configs/nothing")
    page.get_by_role("alert").wait_for()


# --- configs


def test_a_config_is_written_checked_and_saved(page, gateway, enter, shoot):
    enter("/configs?new=1")
    page.get_by_label("Name", exact=True).fill("Written here")
    page.get_by_label("Slug", exact=True).fill("pc-written")
    if (place := page.get_by_role("combobox", name="Workspace", exact=True)).count():  # there are several by now
        place.select_option(label="Default")
    wrong = {"strategy": {"mode": "fallbac"}, "targets": [{"provider": "@sim", "weight": "x"}, {"nope": 1}]}
    write(page, wrong)
    said = page.get_by_role("status")
    for path, line in (("config.strategy.mode", 3), ("config.targets[0].weight", 8), ("config.targets[1].nope", 11)):
        said.locator("p", has_text=path).wait_for()
        assert f"Line {line} " in said.locator("p", has_text=path).inner_text()
    assert page.get_by_role("button", name="Save").is_disabled()
    shoot("config-wrong-light")
    write(page, '{"provider": "@sim",}')
    said.get_by_text("A comma too many").wait_for()
    write(page, ROUTE)
    said.get_by_text("Nothing is wrong with it.").wait_for()
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/configs/pc-written?**")
    status, body = gateway.get("/v1/configs/pc-written?workspace_id=default")
    assert (status, body.get("config"), body.get("name")) == (200, ROUTE, "Written here"), body


def test_what_may_be_said_is_proposed(page, gateway, enter, shoot):
    enter("/configs?new=1")
    area = write(page, "{}")
    area.press("Home")
    area.press("ArrowRight")
    area.press_sequentially('"strat')
    page.get_by_role("listbox").wait_for()
    shoot("config-proposals-light")
    area.press("Enter")
    until(lambda: area.input_value() == '{"strategy": {}}')
    area.press_sequentially('"mode": "cond')
    page.get_by_role("option", name="conditional").wait_for()
    area.press("Tab")
    until(lambda: area.input_value() == '{"strategy": {"mode": "conditional"}}')
    area.press("Control+Space")
    assert page.get_by_role("listbox").count() in (0, 1)  # it is there, or there is nothing to say
    area.press("Escape")
    page.get_by_text("config.targets").wait_for()


def test_versions_are_compared_and_brought_back(page, gateway, enter, shoot):
    saved(gateway, "pc-versions", {"provider": "@sim", "retry": {"attempts": 1}})
    enter("/configs/pc-versions?of=&tab=versions")
    write(page, {"provider": "@sim", "retry": {"attempts": 4}})
    page.get_by_text("Nothing is wrong with it.").wait_for()
    page.get_by_role("button", name="Save").click()
    versions = page.get_by_role("list", name="Versions")
    until(lambda: versions.get_by_role("link").count() == 2)
    changes = page.get_by_label("Differences")
    assert '"attempts": 1' in changes.locator(".gone").inner_text() and '"attempts": 4' in changes.locator(".new").inner_text()
    shoot("config-versions-light")
    page.get_by_role("button", name="Bring it back").click()
    page.get_by_text("The editor says the same as this version.").wait_for()
    assert '"attempts": 1' in page.get_by_label("Config, as JSON").input_value()


def test_a_change_in_the_meantime_is_not_overwritten(page, gateway, enter):
    page.refused.append("status of 412")
    saved(gateway, "pc-race")
    enter("/configs/pc-race")
    page.get_by_text("Nothing is wrong with it.").wait_for()
    assert gateway.ask("PUT", "/v1/configs/pc-race?workspace_id=default", {"config": {"provider": "@sim"}})[0] == 200
    write(page, {"provider": "@sim", "retry": {"attempts": 2}})
    page.get_by_text("Nothing is wrong with it.").wait_for()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").get_by_text("It has been changed").wait_for()


def test_a_sample_request_is_explained_by_what_is_not_saved_yet(page, gateway, enter, shoot):
    saved(gateway, "pc-explained")
    enter("/configs/pc-explained?tab=explain")
    tree = page.get_by_role("group", name="The route")
    tree.get_by_text("Fallback").wait_for()
    query = {"query": {"metadata.plan": {"$eq": "pro"}}, "then": "good"}
    write(
        page,
        {
            "strategy": {"mode": "conditional", "conditions": [query], "default": "cheap"},
            "targets": [
                {"name": "good", "provider": "@sim", "override_params": {"model": "chat"}},
                {"name": "cheap", "provider": "@nobody"},
            ],
        },
    )
    page.get_by_text("Nothing is wrong with it.").wait_for()
    page.get_by_label("Metadata").fill("plan=pro")
    page.get_by_role("button", name="Explain").click()
    way = page.get_by_role("region", name="Way 1")
    way.get_by_text("is asked first").wait_for()
    assert "@sim" in way.inner_text()
    assert tree.locator(".first").inner_text().split()[:2] == ["1", "@sim"]
    shoot("config-explain-light")
    page.get_by_label("Targets fail with").fill("429")
    page.get_by_role("button", name="Explain").click()
    way.get_by_text("rate_limit (429)").first.wait_for()


def test_a_config_of_the_file_can_be_tried_and_not_kept(page, gateway, enter):
    enter("/configs")
    page.get_by_role("table", name="Configs").get_by_role("link").filter(has_text="pc-declared").first.click()
    page.get_by_text("It is declared in").wait_for()
    assert page.get_by_role("button", name="Save").count() == 0


def test_a_config_is_removed(page, gateway, enter):
    saved(gateway, "pc-gone")
    enter("/configs/pc-gone")
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove it").click()
    page.wait_for_url("**/configs")
    assert gateway.get("/v1/configs/pc-gone?workspace_id=default")[0] == 404


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_pages_are_drawn_in_both_themes_and_on_a_phone(page, gateway, provider, enter, shoot, theme):
    set_up(gateway, "drawn", provider)
    saved(gateway, "pc-drawn")
    page.emulate_media(color_scheme=theme)
    enter("/models")
    page.get_by_role("table", name="Providers").wait_for()
    shoot(f"models-{theme}")
    page.goto(gateway.url + "/models/drawn")
    page.get_by_role("complementary").get_by_text("gpt-4o").first.wait_for()
    shoot(f"provider-{theme}")
    page.goto(gateway.url + "/models?add=azure-openai")
    page.get_by_role("dialog").get_by_label("Resource").wait_for()
    shoot(f"provider-add-{theme}")
    page.goto(gateway.url + "/configs")
    page.get_by_role("table", name="Configs").wait_for()
    shoot(f"configs-{theme}")
    page.goto(gateway.url + "/configs/pc-drawn")
    page.get_by_text("Nothing is wrong with it.").wait_for()
    shoot(f"config-{theme}")
    page.set_viewport_size({"width": 390, "height": 800})
    for path, name in (("/models", "models"), ("/models/drawn", "provider"), ("/configs/pc-drawn", "config")):
        page.goto(gateway.url + path)
        page.get_by_text("@drawn").or_(page.get_by_text("Nothing is wrong with it.")).first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        shoot(f"{name}-phone-{theme}")
