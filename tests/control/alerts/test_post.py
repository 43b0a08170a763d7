"""control/alerts/post: who hears what, and every mistake of the settings by its path."""

import base64

import pytest

from lockgate.control.alerts.alert import Alert, Subject
from lockgate.control.alerts.mail import Mail
from lockgate.control.alerts.post import OWN, OWN_MOST, post_of
from lockgate.control.alerts.settings import ChannelEntry, SmtpEntry
from lockgate.control.alerts.slack import Slack
from lockgate.control.alerts.webhook import Webhook
from lockgate.control.config import BadConfig, read_text
from lockgate.core.json import encode
from support.alerts import MARKETING, NOW, budget

SMTP = "smtp: {host: mail.example, from: lockgate@example.com}"


def entry_of(text, **environment):
    return read_text("alerts:\n" + "\n".join(f"  {line}" for line in text.splitlines()), environment).alerts


def post(text, **environment):
    made, wrong = post_of(entry_of(text, **environment))
    assert wrong == []
    return made


def wrongs(text):
    return {each.path: each.message for each in post_of(entry_of(text))[1]}


WHOLE = """
channels:
  ops: {type: webhook, url: "https://hooks.example/in", secret: "0123456789abcdef"}
  chat: {type: slack, url: "https://hooks.slack.com/services/x", workspaces: [work], kinds: [budget]}
  keys: {type: mail, to: [a@example.com, b@example.com, a@example.com], about: [key], at_least: 90}
smtp: {host: mail.example, from: lockgate@example.com, security: tls, username: u, password: p}
"""


def test_channels_are_what_the_configuration_says():
    made = post(WHOLE)
    assert isinstance(made.channel("ops"), Webhook)
    assert isinstance(made.channel("chat"), Slack)
    assert made.channel("keys").addresses == ("a@example.com", "b@example.com")
    assert isinstance(made.channel(OWN), Mail)
    assert made.channel("nobody") is None
    assert repr(made) == "Post(ops, chat, keys)"


def test_channels_of_one_server_are_used_one_at_a_time():
    assert post(WHOLE).lanes() == {"ops alone": ["ops"], "chat alone": ["chat"], "mail": ["keys", OWN]}
    assert post("thresholds: [50]").lanes() == {}


@pytest.mark.parametrize(
    ("alert", "heard"),
    [
        (budget(), ["ops", "chat"]),
        (budget(threshold=90_000_000_000), ["ops", "chat", "keys", "keys"]),
        (budget(subject=Subject("workspace", "w1", "Work", "org", "w1", "work"), threshold=10**11), ["ops", "chat"]),
        (budget(subject=Subject("workspace", "w2", "Play", "org", "w2", "play")), ["ops"]),
        # Another organisation has a workspace of that name too.
        (budget(subject=Subject("workspace", "w3", "Work", "other", "w3", "work")), ["ops"]),
        (budget(subject=Subject("organisation", "org", "All", "org")), ["ops"]),
        (budget(subject=Subject(name="budget 7")), ["ops"]),
        (Alert("1", "error_rate", MARKETING, NOW, measure="error_rate", value=9, threshold=5), ["ops", "keys", "keys"]),
    ],
)
def test_an_alert_is_heard_where_it_may_be(alert, heard):
    assert [name for name, _ in post(WHOLE).audience(alert, "org")] == heard


def test_whom_a_rule_names_hears_of_it_as_far_as_it_may():
    slow = Alert("1", "latency", MARKETING, NOW, measure="latency", value=9, threshold=5, channels=("chat", "keys"))
    assert [name for name, _ in post(WHOLE).audience(slow, "org")] == ["chat", "keys", "keys"]
    elsewhere = Alert("1", "latency", Subject(), NOW, measure="latency", value=9, threshold=5, channels=("chat", "ops"))
    assert [name for name, _ in post(WHOLE).audience(elsewhere, "org")] == ["ops"]


def test_a_key_has_its_own_addresses_told():
    emails = ("own@example.com", "A@example.com", "no address", "own@example.com", "x@example.com\r\nBcc: y@example.com")
    alert = budget(subject=Subject("key", "k1", "m", "org", "w1", "work", emails), threshold=10**11)
    told = post(WHOLE).audience(alert, "org")
    assert [each for each in told if each[0] == OWN] == [(OWN, "own@example.com")]  # a@ hears it by `keys`
    assert ("keys", "a@example.com") in told
    many = budget(subject=Subject("key", "k1", emails=tuple(f"{n}@example.com" for n in range(100))))
    assert len(post(WHOLE).audience(many, "org")) == 1 + OWN_MOST
    assert post("thresholds: [50]").audience(many, "org") == []


def test_secrets_come_from_files_too(tmp_path):
    (tmp_path / "url").write_text("https://hooks.slack.com/services/SECRET\n")
    (tmp_path / "key").write_text("whsec_" + base64.b64encode(b"k" * 24).decode() + "\n")
    (tmp_path / "password").write_text("hunter2\n")
    made = post(
        f"""
channels:
  chat: {{type: slack, url_file: {tmp_path / "url"}}}
  ops: {{type: webhook, url: "https://${{HOST}}/", secret_file: {tmp_path / "key"}}}
smtp: {{host: mail.example, from: a@example.com, username: u, password_file: {tmp_path / "password"}}}
""",
        HOST="hooks.example",
    )
    assert repr(made.channel("chat")) == "Slack(hooks.slack.com:443)"
    assert made.channel("ops")._key == b"k" * 24
    assert made.own._server.password == "hunter2"


def test_an_unset_variable_is_a_mistake():
    with pytest.raises(BadConfig, match=r"alerts\.channels\.a\.url: the environment variable HOOK is not set"):
        entry_of('channels: {a: {type: slack, url: "${HOOK}"}}')


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("channels: {a: {type: pigeon}}", "alerts.channels.a.type"),
        ("channels: {a: {type: slack, uri: x}}", "alerts.channels.a"),
        ("channels: {a: {type: slack, about: [planet]}}", "alerts.channels.a.about[0]"),
        ("channels: {a: {type: slack, kinds: [rain]}}", "alerts.channels.a.kinds[0]"),
        ("smtp: {hosts: x}", "alerts.smtp"),
        ("webhooks: {}", "alerts"),
    ],
)
def test_what_the_grammar_does_not_know_is_a_mistake(text, path):
    with pytest.raises(BadConfig) as bad:
        entry_of(text)
    assert [mistake.path for mistake in bad.value.mistakes] == [path]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("thresholds: [0, 80, 1001]", {"thresholds[0]": "a threshold", "thresholds[2]": "a threshold"}),
        ("channels: {A: {type: slack, url: 'https://x'}}", {"channels.A": "a name has"}),
        ("channels: {'': {type: slack, url: 'https://x'}}", {"channels.": "a name has"}),
        ("channels: {a: {type: slack}}", {"channels.a.url": "has an address"}),
        ("channels: {a: {type: slack, url: 'gopher://x'}}", {"channels.a.url": "must begin with https://"}),
        ("channels: {a: {type: slack, url: 'https://x', at_least: 1001}}", {"channels.a.at_least": "a percentage"}),
        (
            "channels: {a: {type: slack, url: 'https://x', secret: s, to: [t@x.y]}}",
            {"channels.a.secret": "has no secret", "channels.a.to": "has no to"},
        ),
        (
            "channels: {a: {type: webhook, url: 'https://x', url_file: /y}}",
            {"channels.a.url": "either", "channels.a.url_file": "No such file"},
        ),
        ("channels: {a: {type: webhook, url: 'https://x', proxy: 'socks://y'}}", {"channels.a.proxy": "proxy"}),
        ("channels: {a: {type: webhook, url: 'https://x', secret: short}}", {"channels.a.secret": "fewer than 16 bytes"}),
        ("channels: {a: {type: webhook, url: 'https://x', secret: whsec_a}}", {"channels.a.secret": "no base64"}),
        ("channels: {a: {type: webhook, url: 'https://x', secret: whsec_}}", {"channels.a.secret": "fewer than 16"}),
        ("channels: {a: {type: webhook, url: 'https://x', secret_file: /dev/null}}", {"channels.a.secret_file": "is empty"}),
        ("channels: {a: {type: webhook, url: 'https://x', secret_file: /nowhere}}", {"channels.a.secret_file": "No such file"}),
        ("channels: {a: {type: mail, to: [a@x.y]}}", {"channels.a": "set alerts.smtp"}),
        (f"channels: {{a: {{type: mail}}}}\n{SMTP}", {"channels.a.to": "whom"}),
        (
            f"channels: {{a: {{type: mail, to: [a@x.y, b], url: z}}}}\n{SMTP}",
            {"channels.a.to[1]": "no e-mail", "channels.a.url": ""},
        ),
        ("channels: {a: {type: mail, to: [a@x.y]}}\nsmtp: {host: x}", {"smtp.from": "is no e-mail address"}),
        ("smtp: {from: a@x.y}", {"smtp.host": "is no host name"}),
        ("smtp: {host: 'a b', from: a@x.y}", {"smtp.host": "is no host name"}),
        ("smtp: {host: x, from: a@x.y, port: 65536}", {"smtp.port": "65535"}),
        ("smtp: {host: x, from: a@x.y, username: u}", {"smtp.username": "go together"}),
        ("smtp: {host: x, from: a@x.y, username: u, password: p, security: none}", {"smtp.security": "in the clear"}),
        ("smtp: {host: x, from: a@x.y, username: u, password: pä}", {"smtp.password": "ASCII"}),
    ],
)
def test_every_mistake_is_told_with_its_path(text, wrong):
    found = wrongs(text)
    assert found.keys() == wrong.keys()
    for path, words in wrong.items():
        assert words in found[path]


def test_a_file_that_is_no_text_holds_no_secret(tmp_path):
    (tmp_path / "key").write_bytes(b"\xff")
    found = wrongs(f"channels: {{a: {{type: webhook, url: 'https://x', secret_file: {tmp_path / 'key'}}}}}")
    assert "it is not text" in found["channels.a.secret_file"]


def test_the_usual_ports_are_known():
    def port(more):
        return post(f"smtp: {{host: '::1', from: a@x.y{more}}}").own._server.port

    assert [port(more) for more in ("", ", security: tls", ", security: none", ", port: 2525")] == [587, 465, 25, 2525]


def test_settings_do_not_show_their_secrets():
    channel = ChannelEntry("webhook", url="https://SECRET", secret="SECRET")
    server = SmtpEntry("mail.example", "a@x.y", password="SECRET")
    for shown in (repr(channel), repr(server), repr(channel.__rich_repr__()), repr(server.__rich_repr__())):
        assert "SECRET" not in shown
    assert b'"from":"a@x.y"' in encode(server)
