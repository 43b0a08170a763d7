"""Workspaces, as an operator manages them."""

import json

import pytest
from click.testing import CliRunner

from lockgate.cli import cli


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("LOCKGATE_ADMIN_KEY", "LOCKGATE_DATA", "LOCKGATE_CONFIG", "LOCKGATE_ROOT_KEY", "LOCKGATE_CONTROL_URL"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments, status=0):
        result = CliRunner().invoke(cli, arguments)
        assert result.exit_code == status, result.output
        return result.output

    return run


def listed(run):
    return {row["slug"]: row for row in json.loads(run("workspaces", "list", "--json"))}


def test_one_is_added_used_and_removed(run):
    assert "Added Team A (slug team-a, id " in run("workspaces", "add", "Team A", "--slug", "team-a", "--description", "First")
    run("users", "add", "ann@example.com", "--no-password", "--workspace", "team-a")
    run("keys", "create", "app", "--workspace", "team-a")
    row = listed(run)["team-a"]
    assert (row["name"], row["description"], row["people"], row["keys"], row["default"]) == ("Team A", "First", 1, 1, False)
    assert "API keys (1)" in run("workspaces", "remove", "team-a", status=1)
    assert "Removed Team A." in run("workspaces", "remove", "team-a", "--force")
    assert set(listed(run)) == {"default"}
    assert "ann@example.com" in run("users", "list")


def test_a_slug_is_made_of_the_name(run):
    run("workspaces", "add", "Team A")
    (made,) = set(listed(run)) - {"default"}
    assert made.startswith("ws-team-a-")
    assert "SLUG" in run("workspaces", "list") and made in run("workspaces", "list")


def test_what_cannot_be_is_said_in_a_sentence(run):
    assert "already" in run("workspaces", "add", "Again", "--slug", "default", status=1)
    assert "A slug has" in run("workspaces", "add", "x", "--slug", "Not One", status=1)
    assert "stays" in run("workspaces", "remove", "default", "--force", status=1)
    assert "no workspace 'nowhere'" in run("workspaces", "remove", "nowhere", status=1)
