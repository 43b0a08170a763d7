"""control/alerts/of_house: a house's alerts, by the configuration that is in force, also when that changes."""

import asyncio
import json

import pytest

from lockgate.control.alerts.alert import Subject
from lockgate.control.alerts.of_house import alerts_of, log_name
from lockgate.core.record import Record, new_id
from lockgate.core.tenancy import Workspace
from lockgate.pipeline.runtime import now_us
from lockgate.stores.logs.rollup import MINUTE_US as MINUTE
from lockgate.stores.logs.sqlite import SqliteLog
from lockgate.stores.ports import StoreError
from lockgate.transport.client import HttpClient
from support.alerts import budget
from support.hooks import Hooks
from support.house import make_house

CONFIG = "alerts: {{channels: {{{name}: {{type: slack, url: '{url}/{name}'{more}}}}}}}"


def test_alerts_go_where_the_configuration_in_force_says(tmp_path):
    async def run(url):
        house = make_house(tmp_path, CONFIG.format(name="one", url=url, more=", workspaces: [default]"))
        snapshot = house.snapshot()
        home = house.stored.home
        place = house.stored.rows[Workspace][home.workspace]
        inside = Subject("key", "k", "app", home.organisation, home.workspace, place.slug)
        client = HttpClient(snapshot.egress)
        alerts = alerts_of(house, lambda: client, lambda: client.egress)

        async def look():
            async with asyncio.TaskGroup() as tasks:
                await alerts.look(tasks)

        assert await alerts.tell(budget(subject=inside))
        assert await alerts.tell(budget(subject=Subject("key", "k", "stranger", "other", "w", place.slug)))
        await look()
        (tmp_path / "lockgate.yaml").write_text(CONFIG.format(name="two", url=url, more=""))
        house.snapshot()
        assert await alerts.tell(budget(rule="other", subject=inside))
        await look()
        assert (house.data / "alerts.lock").exists()
        alerts.close()
        client.close()

    with Hooks() as hooks:
        asyncio.run(asyncio.wait_for(run(hooks.url), 20))
    assert [path for path, _, _ in hooks.requests] == ["/one", "/two"]
    assert all("key app" in json.loads(body)["text"] for _, _, body in hooks.requests)


def test_a_rule_over_the_log_reaches_the_channel_that_it_names(tmp_path):
    config = """
alerts:
  rules: {{errors: {{what: error_rate, threshold: 50, each: provider, channels: [one]}}}}
  channels:
    one: {{type: webhook, url: '{url}/one', kinds: [budget]}}
    two: {{type: webhook, url: '{url}/two'}}
"""

    async def run(url):
        house = make_house(tmp_path, config.format(url=url))
        snapshot = house.snapshot()
        store = SqliteLog(house.data / "log", report=print)
        now = now_us() - 2 * MINUTE
        store.append([Record(new_id(now, n), now, provider="openai", outcome="failed", status=500) for n in range(10)])
        store.close()
        client = HttpClient(snapshot.egress)
        for _ in range(2):  # the second one has been started anew
            alerts = alerts_of(house, lambda: client, lambda: client.egress)
            async with asyncio.TaskGroup() as tasks:
                await alerts.look(tasks)
            alerts.close()
        client.close()

    with Hooks() as hooks:
        asyncio.run(asyncio.wait_for(run(hooks.url), 20))
    ((path, _, body),) = hooks.requests
    said = json.loads(body)
    assert path == "/one" and said["type"] == "alert.error_rate"
    told = {name: said["data"][name] for name in ("rule", "what", "state", "about_name", "value_text", "window")}
    assert told == {
        "rule": "errors",
        "what": "error_rate",
        "state": "alarming",
        "about_name": "openai",
        "value_text": "100%",
        "window": "in the last 5 minutes",
    }


def test_a_log_is_known_by_a_name_that_stays(tmp_path):
    name = log_name(tmp_path / "alerts.id")
    assert len(name) == 32 and log_name(tmp_path / "alerts.id") == name
    assert log_name(tmp_path / "other.id") != name
    with pytest.raises(StoreError):
        log_name(tmp_path / "nowhere" / "alerts.id")
