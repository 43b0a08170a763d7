"""docs/alerts.md: what it shows works."""

import json
import re
from pathlib import Path
from textwrap import indent
from typing import get_args

from lockgate.control.alerts.alert import What
from lockgate.control.alerts.post import post_of
from lockgate.control.alerts.rules import rules_of
from lockgate.control.alerts.settings import ChannelEntry, RuleEntry, SmtpEntry
from lockgate.control.alerts.webhook import key_of, sign, told
from lockgate.control.config import read_text
from lockgate.core.json import encode
from support.alerts import NOW, budget

PAGE = (Path(__file__).parents[2] / "docs/alerts.md").read_text("utf-8")


def block(language, number=0):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)[number]


def test_the_configuration_that_is_shown_is_good(tmp_path):
    (tmp_path / "slack-url").write_text("https://hooks.slack.com/services/T/B/x")
    (tmp_path / "smtp").write_text("password")
    environment = {"LOCKGATE_HOOK_SECRET": "0123456789abcdef", "MARKETING_SLACK_URL": "https://hooks.slack.com/services/T/B/y"}
    post, wrong = post_of(read_text(block("yaml").replace("/run/secrets", str(tmp_path)), environment).alerts)
    assert wrong == []
    assert list(post.lines) == ["ops", "chat", "on-call", "marketing"]


def test_the_rules_that_are_shown_are_good():
    channel = (
        "\n  channels: {chat: {type: slack, url: 'https://x.example'}, marketing: {type: slack, url: 'https://x.example'}}"
    )
    for text, names in (
        (re.findall(r"\n(  rules:.*?)\n\n", block("yaml"), re.S)[0], ["failing", "slow", "spend-today"]),
        (indent(block("yaml", 1), "  "), ["refusals", "silence", "twice-as-dear", "first-token", "marketing-month"]),
    ):
        rules, wrong = rules_of(read_text("alerts:\n" + text + channel).alerts)
        assert wrong == []
        assert [rule.name for rule in rules] == names


def test_every_member_is_explained():
    for entry in (ChannelEntry, SmtpEntry, RuleEntry):
        for name in entry.__struct_encode_fields__:
            assert f"`{name}`" in PAGE, name
    for what in get_args(What):
        assert f"`{what}`" in PAGE, what


def test_the_body_that_is_shown_is_the_one_that_is_sent():
    shown, sent = json.loads(block("json")), told(budget())
    assert shown.keys() == sent.keys()
    assert shown["data"].keys() == sent["data"].keys()
    own = {"id", "about_id", "organisation_id", "workspace_id", "rule"}
    assert {name: value for name, value in shown["data"].items() if name not in own} == {
        name: value for name, value in sent["data"].items() if name not in own
    }


def test_the_receiver_that_is_shown_knows_what_is_genuine():
    names = {}
    exec(block("python"), names)
    key, body = key_of("0123456789abcdef"), encode(told(budget()))
    headers = {
        "webhook-id": budget().id,
        "webhook-timestamp": str(NOW // 1_000_000),
        "webhook-signature": sign(key, budget().id, NOW // 1_000_000, body).decode(),
    }
    assert names["is_genuine"](headers, body, key)
    assert not names["is_genuine"](headers, body + b" ", key)
    assert not names["is_genuine"](headers, body, b"another")
