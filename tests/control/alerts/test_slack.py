"""control/alerts/slack: what Slack, Mattermost and Discord take, and nobody else's words in it."""

import json

from lockgate.control.alerts.alert import Subject
from lockgate.control.alerts.posting import place_of
from lockgate.control.alerts.slack import Slack, message, tamed
from support.alerts import budget, with_means
from support.hooks import Hooks


def test_a_message_has_a_sentence_and_the_facts_below():
    with Hooks() as hooks:
        slack = Slack(place_of(f"{hooks.url}/services/T/B/x"))
        assert with_means(lambda means: slack.deliver(budget(note="Requests are refused."), "", means)) is None
    ((path, _, body),) = hooks.requests
    assert path == "/services/T/B/x"
    sent = json.loads(body)
    assert sent["text"] == "80% of the budget of key marketing is used: $81.50 of $100.00. Requests are refused."
    (attachment,) = sent["attachments"]
    assert attachment["fallback"] == sent["text"]
    assert attachment["color"] == "#d9a200"
    assert {"title": "Limit", "value": "$100.00", "short": True} in attachment["fields"]


def test_a_name_mentions_nobody_and_links_to_nothing():
    name = "<!channel> @everyone [here](https://evil.example) `x` #general &amp;"
    said = message(budget(subject=Subject("key", "k", name)))
    text = json.dumps(said, ensure_ascii=False)
    assert "<!channel>" not in text
    assert "@everyone" not in text
    assert "[here](" not in text
    assert "https://" not in text
    assert "`" not in text
    assert "#general" not in text
    assert "&lt;!channel&gt; @\u200beveryone" in said["text"]


def test_what_is_tamed_reads_as_before():
    assert tamed("$80.00 of key 'a-b_c' — 5%") == "$80.00 of key 'a-b_c' — 5%"
    assert repr(Slack(place_of("https://hooks.slack.example/services/SECRET"))) == "Slack(hooks.slack.example:443)"
