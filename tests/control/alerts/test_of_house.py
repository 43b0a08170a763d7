"""control/alerts/of_house: a house's alerts, by the configuration that is in force, also when that changes."""

import asyncio
import json

from lockgate.control.alerts.alert import Subject
from lockgate.control.alerts.of_house import alerts_of
from lockgate.core.tenancy import Workspace
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
