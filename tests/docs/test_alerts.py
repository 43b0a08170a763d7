"""docs/alerts.md: what it shows works."""

import json
import re
from pathlib import Path

from lockgate.control.alerts.post import post_of
from lockgate.control.alerts.settings import ChannelEntry, SmtpEntry
from lockgate.control.alerts.webhook import key_of, sign, told
from lockgate.control.config import read_text
from lockgate.core.json import encode
from support.alerts import NOW, budget

PAGE = (Path(__file__).parents[2] / "docs/alerts.md").read_text("utf-8")


def block(language):
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)
    return found


def test_the_configuration_that_is_shown_is_good(tmp_path):
    (tmp_path / "slack-url").write_text("https://hooks.slack.com/services/T/B/x")
    (tmp_path / "smtp").write_text("password")
    environment = {"LOCKGATE_HOOK_SECRET": "0123456789abcdef", "MARKETING_SLACK_URL": "https://hooks.slack.com/services/T/B/y"}
    post, wrong = post_of(read_text(block("yaml").replace("/run/secrets", str(tmp_path)), environment).alerts)
    assert wrong == []
    assert list(post.lines) == ["ops", "chat", "on-call", "marketing"]


def test_every_member_is_explained():
    for entry in (ChannelEntry, SmtpEntry):
        for name in entry.__struct_encode_fields__:
            assert f"`{name}`" in PAGE, name


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
