"""`lockgate alerts`: what an operator types to find out whether a channel works, and what became of alerts."""

import json

import pytest
from click.testing import CliRunner

from lockgate.cli import cli
from lockgate.control.alerts.post import OWN
from lockgate.core.json import encode
from lockgate.stores.control.open import open_outbox, sqlite_url
from lockgate.stores.outbox import Item
from support.alerts import NOW, budget
from support.hooks import Hooks
from support.smtp import SmtpServer


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("LOCKGATE_CONTROL_URL", "LOCKGATE_DATA", "LOCKGATE_CONFIG"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments, config="", status=0):
        (tmp_path / "lockgate.yaml").write_text(config)
        result = CliRunner().invoke(cli, ["alerts", *arguments])
        assert result.exit_code == status, result.output
        return result

    return run


def test_every_channel_is_tried(run):
    with Hooks() as hooks, Hooks(403) as closed, SmtpServer() as mail:
        config = f"""
alerts:
  channels:
    chat: {{type: slack, url: "{closed.url}/services/SECRET"}}
    mails: {{type: mail, to: [a@example.com, b@example.com]}}
    ops: {{type: webhook, url: "{hooks.url}", secret: 0123456789abcdef}}
  smtp: {{host: 127.0.0.1, port: {mail.port}, security: none, from: gate@example.com}}
"""
        told = run("test", config=config, status=1).output
        assert told.splitlines() == [
            f"chat: {closed.url.removeprefix('http://')} answered with the status 403.",
            "mails to a@example.com: it arrived",
            "mails to b@example.com: it arrived",
            "ops: it arrived",
        ]
        assert run("test", "ops", config=config).output == "ops: it arrived\n"
        assert run("test", "--to", "me@example.com", config=config).output == "mail to me@example.com: it arrived\n"
    assert len(hooks.requests) == 2
    assert json.loads(hooks.requests[0][2])["type"] == "alert.trial"
    assert [to for _, [to], _ in mail.letters] == ["a@example.com", "b@example.com", "me@example.com"]
    assert b"This is a trial alert: the channel works." in mail.letters[0][2]


CHAT = 'alerts: {channels: {chat: {type: slack, url: "https://x"}}, smtp: {host: m.example, from: a@x.y}}'


@pytest.mark.parametrize(
    ("arguments", "config", "why"),
    [
        ((), "", "there is no channel to try"),
        (("ops",), CHAT, "no channel is called 'ops'; there are: chat."),
        (("ops",), "", "no channel is called 'ops'; there are: none."),
        (("--to", "me@x.y"), "", "there is no mail server"),
        (("--to", "me"), CHAT, "'me' is no e-mail address"),
        ((), "alerts: {channels: {chat: {type: slack}}}", "alerts.channels.chat.url: "),
        ((), "alarms: {}", "the configuration cannot be used"),
        ((), "egress: {allow: [x/y]}", "egress.allow: "),
    ],
)
def test_what_cannot_be_tried_is_said(run, arguments, config, why):
    result = run("test", *arguments, config=config, status=1)
    assert result.stderr.startswith("lockgate: ")
    assert why in result.stderr


def test_a_name_that_leads_inside_is_said_to(run, monkeypatch):
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: [(0, 0, 0, "", ("169.254.169.254", 0))])
    told = run("test", config='alerts: {channels: {chat: {type: slack, url: "https://inside.example/"}}}', status=1).output
    assert told.startswith("chat: The gateway does not connect to inside.example:443, which resolves to the link-local")


def test_what_became_of_alerts_is_listed(run, tmp_path):
    assert run("list").output.split() == ["TIME", "CHANNEL", "STATE", "TRIES", "WHAT"]
    outbox = open_outbox(sqlite_url(tmp_path / "lockgate-data" / "control.db"), NOW)
    outbox.put([Item("a", "ops", "", encode(budget()), NOW, NOW), Item("b", OWN, "a@b.c", encode(budget()), NOW + 1, NOW)])
    (item,) = outbox.take(["ops"], NOW, NOW + 1, 1)
    outbox.later(item, NOW + 2, "nobody is there")
    outbox.close()
    lines = [line.split() for line in run("list").output.splitlines()]
    assert lines[1][2:5] == ["a@b.c", "waiting", "0"]
    assert lines[2][2:5] == ["ops", "waiting", "1"]
    assert " ".join(lines[2][-4:]) == "— nobody is there"
    own, ops = map(json.loads, run("list", "--json").output.splitlines())
    assert (own["channel"], own["address"], own["state"]) == ("", "a@b.c", "waiting")
    assert (ops["channel"], ops["trouble"], ops["alert"]["limit"]) == ("ops", "nobody is there", 100_000_000_000)
    assert len(run("list", "-n", "1", "--json").output.splitlines()) == 1


def test_a_database_that_cannot_be_read_is_said(run, monkeypatch):
    monkeypatch.setenv("LOCKGATE_CONTROL_URL", "mysql://x")
    assert "lockgate: A control store's URL begins with" in run("list", status=1).stderr
