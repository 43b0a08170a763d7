"""control/alerts/webhook and posting: signed JSON, by our own client, only to where the operator may have it."""

import base64
import hashlib
import hmac
import json

import pytest

from lockgate.control.alerts.channel import Trouble
from lockgate.control.alerts.posting import place_of
from lockgate.control.alerts.webhook import Webhook, key_of, sign
from lockgate.core.failure import Failure, Refusal
from lockgate.transport.egress import Egress
from support.alerts import NOW, Means, budget, with_means
from support.hooks import Hooks
from support.scripted import ScriptedClient, ScriptedExchange

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


def sent(url, alert=None, key=b"", **more):
    return with_means(lambda means: Webhook(place_of(url), key).deliver(alert or budget(), "", means), **more)


def test_a_webhook_is_signed_json():
    with Hooks(204) as hooks:
        assert sent(f"{hooks.url}/in?token=a%20b", key=key_of(SECRET)) is None
    ((path, headers, body),) = hooks.requests
    assert path == "/in?token=a%20b"
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("lockgate/")
    # As a receiver verifies it (Standard Webhooks 1.0).
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    want = base64.b64encode(hmac.new(b"k" * 32, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{want}"
    assert headers["webhook-timestamp"] == str(NOW // 1_000_000)
    assert headers["webhook-id"] == budget().id
    assert json.loads(body) == {
        "type": "alert.budget",
        "timestamp": "2026-11-25T12:00:00Z",
        "data": {
            "id": budget().id,
            "kind": "budget",
            "severity": "warning",
            "state": "alarming",
            "what": None,
            "text": "80% of the budget of key marketing is used: $81.50 of $100.00.",
            "note": "",
            "about": "key",
            "about_id": "k1",
            "about_name": "marketing",
            "organisation_id": "org",
            "workspace_id": "w1",
            "workspace": "work",
            "rule": "key:k1",
            "window": "month 2026-11-01",
            "window_ends": "2026-12-01T00:00:00Z",
            "measure": "cost",
            "unit": "nano-usd",
            "value": 81_500_000_000,
            "threshold": 80_000_000_000,
            "limit": 100_000_000_000,
            "value_text": "$81.50",
            "threshold_text": "$80.00",
            "limit_text": "$100.00",
        },
    }


def test_the_signature_is_that_of_the_specification():
    # The example of https://github.com/standard-webhooks/standard-webhooks (spec and libraries' tests).
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == b"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_an_id_stays_on_every_try_and_the_signature_does_not():
    with Hooks(500, 200) as hooks:
        assert sent(hooks.url, key=b"key").why.endswith("answered with the status 500.")
        assert sent(hooks.url, key=b"key", clock=lambda: NOW + 5_000_000) is None
    (_, first, one), (_, second, two) = hooks.requests
    assert (first["webhook-id"], one) == (second["webhook-id"], two)
    assert first["webhook-signature"] != second["webhook-signature"]


def test_without_a_secret_nothing_is_signed():
    with Hooks() as hooks:
        assert sent(hooks.url) is None
    assert "webhook-signature" not in hooks.requests[0][1]
    assert hooks.requests[0][1]["webhook-id"]


def test_a_lifetime_has_no_end():
    with Hooks() as hooks:
        assert sent(hooks.url, budget(ends_us=0)) is None
    assert json.loads(hooks.requests[0][2])["data"]["window_ends"] is None


@pytest.mark.parametrize(
    ("answer", "why", "after_s"),
    [
        ((302, {"location": "http://169.254.169.254/"}, b""), "status 302; redirects are not followed.", 0),
        ((404, {}, b"channel_not_found"), "status 404 (channel_not_found).", 0),
        ((400, {}, b"<html>your token was xoxb-12345</html>"), "status 400.", 0),
        ((429, {"retry-after": "30"}, b""), "status 429.", 30),
    ],
)
def test_what_a_receiver_has_against_it_is_told(answer, why, after_s):
    with Hooks(answer) as hooks:
        trouble = sent(hooks.url)
    assert trouble.why.endswith(f"answered with the {why}")
    assert trouble.after_s == after_s
    assert len(hooks.requests) == 1


def test_nobody_there_is_told_without_the_path():
    trouble = sent("http://127.0.0.1:9/services/SECRET?token=SECRET")
    assert trouble == Trouble("No connection to 127.0.0.1:9: it refused the connection.")


def test_an_answer_that_breaks_off_behind_its_status_was_one():
    def scripted(status):
        client = ScriptedClient(ScriptedExchange(status, [b"x", Failure("cut", 502, "it broke off")]))
        means = Means(lambda: client, lambda: Egress(), None, lambda: NOW)
        return with_means(lambda _: Webhook(place_of("https://hooks.example")).deliver(budget(), "", means))

    assert scripted(200) is None
    assert scripted(500) == Trouble("hooks.example:443 answered with the status 500.")


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "10.0.0.7", "127.0.0.1", "::1", "fd00:ec2::254", "::ffff:10.0.0.7", "168.63.129.16"]
)
def test_a_name_that_leads_inside_is_refused(address):
    trouble = sent("https://hooks.example/in", hooks_example=("93.184.215.14", address))
    assert trouble.why.startswith("The gateway does not connect to hooks.example:443, which resolves to")
    assert "egress.allow" in trouble.why


def test_a_name_that_leads_inside_later_is_refused_then():
    """DNS rebinding: every connection is judged by the address that it goes to."""

    async def twice(means):
        hook = Webhook(place_of(f"http://hooks.example:{port}/"))
        first = await hook.deliver(budget(), "", means)
        means.client().close()
        means.resolver.names["hooks_example"] = ("169.254.169.254",)
        return first, await with_fresh(hook, means)

    async def with_fresh(hook, means):
        from lockgate.transport.client import HttpClient

        client = HttpClient(means.egress(), resolver=means.resolver)
        try:
            return await hook.deliver(budget(), "", Means(lambda: client, means.egress, means.resolver, means.clock))
        finally:
            client.close()

    with Hooks() as hooks:
        port = hooks.url.rpartition(":")[2]
        first, second = with_means(twice, allow=["127.0.0.0/8"], hooks_example=("127.0.0.1",))
    assert first is None
    assert "link-local or metadata" in second.why
    assert len(hooks.requests) == 1


def test_a_network_that_the_operator_allows_is_gone_to():
    with Hooks() as hooks:
        port = hooks.url.rpartition(":")[2]
        assert sent(f"http://hooks.internal:{port}/in", allow=["127.0.0.0/8"], hooks_internal=("127.0.0.1",)) is None
    assert hooks.requests[0][1]["host"] == f"hooks.internal:{port}"


@pytest.mark.parametrize(
    "url", ["ftp://x", "https://u:p@x/", "https://x/#a", "https://x/?a b", "https://x/?a#b", "https://x/?ä"]
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(Refusal):
        place_of(url)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://x", b"/"),
        ("https://x/", b"/"),
        ("https://x/a", b"/a"),
        ("https://x/a/", b"/a/"),
        ("https://x?b=c", b"/?b=c"),
        ("https://x/a/?b=c?d", b"/a/?b=c?d"),
    ],
)
def test_an_address_is_gone_to_as_it_is_written(url, target):
    assert place_of(url).target == target


def test_an_address_does_not_show_its_secrets():
    place = place_of("https://hooks.example/SECRET?token=SECRET", "/ca.pem")
    assert place.destination.tls.ca_file == "/ca.pem"
    for shown in (repr(place), repr(place.__rich_repr__()), repr(Webhook(place, b"SECRET"))):
        assert "SECRET" not in shown
        assert "hooks.example:443" in shown


def test_a_secret_is_base64_or_a_text():
    assert key_of("any text") == b"any text"
    with pytest.raises(ValueError, match="no base64"):
        key_of("whsec_%%%")
