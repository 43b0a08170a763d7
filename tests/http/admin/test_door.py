"""The way from the gateway to the admin API."""

import subprocess
import sys

from support.house import KEY

NAMED = [("x-portkey-provider", "openai")]


def test_a_start_pays_nothing_for_it():
    code = "import sys, lockgate.cli.serve; print([m for m in sys.modules if m.startswith('starlette') or m.endswith('admin.app')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_path_in_the_table_is_the_admin_apis_also_when_a_provider_is_named(admin):
    assert admin.get("/v1/configs", headers=NAMED).json["object"] == "list"
    assert admin.ask("PATCH", "/v1/configs", headers=NAMED).status == 405


def test_what_is_written_otherwise_is_not(admin):
    answer = admin.app.gateway._table.find("GET", "/v1/configs/a/b")
    assert answer is not None and answer.route.operation == "proxy"
    assert not admin.app.gateway._admin.owns("/v1/configs/a/b")


def test_every_spelling_of_a_key_is_taken(admin):
    for header in (("x-lockgate-api-key", KEY), ("x-portkey-api-key", KEY), ("authorization", f"Bearer {KEY}")):
        assert admin.get("/v1/configs", key="", headers=[header]).status == 200
