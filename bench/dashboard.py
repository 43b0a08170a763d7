"""How long the dashboard takes over a large log: `python -m bench.dashboard --data DIR`, with what `bench.logs` loaded there.

A gateway of its own serves the log to a browser in which the owner of the loaded organisation is logged in. Each view is gone
to several times, as somebody does who follows a link: what counts is the time until nothing in it is waited for any more, and
the longest that the server took for one answer.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

from bench.governed.process import Tree
from bench.log_gateway import free_port
from bench.logs import DAYS, MODELS, START_US, World
from playwright.sync_api import Page, Response, sync_playwright

from lockgate.cli.desk import control_of, house_at, opened
from lockgate.stores.control import schema
from lockgate.stores.logs.rollup import DAY_US

EMAIL, PASSWORD = "bench@example.com", "correct horse battery staple"
#: Whose the synthetic requests are.
ORGANISATION, WORKSPACE = "acme", "workspace-0"
#: Nothing is under way, and nothing that would show it is seen.
SETTLED = """() => !document.querySelector('main .skeleton, main [aria-busy="true"]') && document.querySelector('main h1')"""
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def views(world: World) -> dict[str, str]:
    """What is looked at, by its address."""
    end = START_US + DAYS * DAY_US

    def span(since_us: int, until_us: int) -> str:
        return f"from={_stamp(since_us)}&to={_stamp(until_us)}"

    month, week = span(START_US, end), span(end - 7 * DAY_US, end)
    odd = span(end - DAY_US - 1_234_000_000, end - 1_234_000_000)
    draw = world.draw
    return {
        "Overview, 24 hours": f"/?{odd}",
        "Overview, 7 days": f"/?{week}",
        "Overview, 30 days": f"/?{month}",
        "Overview, 30 days, of a model": f"/?{month}&model=model-{draw.randrange(MODELS)}",
        "Logs": f"/logs?{month}",
        "Logs, of a model": f"/logs?{month}&model=model-{draw.randrange(MODELS)}",
        "Logs, failed": f"/logs?{month}&outcome=failed",
        "Logs, with a word": f"/logs?{month}&text={world.common}",
        "Logs, with a rare word": f"/logs?{month}&text={world.rare}",
        "Traces": f"/traces?{month}",
        "Models & providers": "/models",
    }


def _stamp(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Desk:
    """A browser with somebody logged in, and what the server took for what it was asked last, in ms."""

    def __init__(self, page: Page, url: str) -> None:
        self._page, self._url = page, url
        self._asked: list[Response] = []
        page.on("response", lambda response: self._asked.append(response) if "/v1/" in response.url else None)

    def enter(self) -> None:
        """Log in."""
        self._page.goto(self._url)
        self._page.get_by_label("E-mail").fill(EMAIL)
        self._page.get_by_label("Password").fill(PASSWORD)
        self._page.get_by_role("button", name="Log in").click()
        self._page.locator("nav").wait_for(state="attached")

    def look(self, path: str) -> tuple[float, float, str]:
        """Go to a view: ms until it is there, the most that the server took for an answer, and to which question."""
        self._asked.clear()
        began = time.perf_counter()
        self._page.goto(self._url + path, wait_until="commit")
        self._page.wait_for_function(SETTLED, polling="raf", timeout=120_000)
        took = (time.perf_counter() - began) * 1000
        wrong = [f"{each.status} {each.url}" for each in self._asked if each.status >= 400]
        if wrong:
            raise SystemExit(f"{path}: {wrong}")
        waits = [(_waited(each), each.url.removeprefix(self._url).partition("?")[0]) for each in self._asked]
        longest, question = max(waits, default=(0.0, ""))
        return took, longest, question


def _waited(response: Response) -> float:
    timing = response.request.timing
    return timing["responseStart"] - timing["requestStart"]


@contextmanager
def served(data: Path, place: Path) -> Iterator[str]:
    """A gateway over the loaded log; its address."""
    (place / "log").symlink_to(data / "log")
    ids = iter((ORGANISATION, WORKSPACE))
    with patch.object(schema, "new_id", lambda: next(ids)), control_of(opened(house_at(place, None))):
        pass  # the control store is made, for the organisation that is there
    python = [sys.executable, "-m", "lockgate"]
    add = [*python, "users", "add", EMAIL, "--role", "owner", "--password-stdin", "--data", str(place)]
    subprocess.run(add, input=PASSWORD, text=True, check=True, capture_output=True)
    config, port = place / "bench.json", free_port()
    config.write_text(json.dumps({"log": {"retention_days": 0}}))
    serve = [*python, "serve", "--port", str(port), "--data", str(place), "--config", str(config)]
    gateway, url = Tree(serve, place / "out", None), f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{url}/readyz", timeout=5).close()
                break
            except OSError:
                if time.monotonic() > until or not gateway.alive():
                    raise SystemExit(f"the gateway does not answer: {gateway.last_words()}") from None
                time.sleep(0.1)
        yield url
    finally:
        gateway.stop()


def main() -> None:
    parser = argparse.ArgumentParser("bench.dashboard", description="How long the dashboard takes over a large log.")
    parser.add_argument("--data", type=Path, required=True, help="where bench.logs has loaded its log")
    parser.add_argument("--times", type=int, default=7, help="how often each view is gone to")
    asked = parser.parse_args()
    found = [path for name in CHROMIUM if (path := shutil.which(name))]
    if not found:
        raise SystemExit("there is no chromium: apt-get install chromium")
    with (
        tempfile.TemporaryDirectory() as place,
        served(asked.data.absolute(), Path(place)) as url,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=found[0], args=["--no-sandbox"])
        desk = Desk(browser.new_page(viewport={"width": 1360, "height": 850}), url)
        desk.enter()
        print("| a view | there after, ms | max, ms | of this the server, ms | max, ms | asked longest |")
        print("| --- | ---: | ---: | ---: | ---: | --- |")
        for name, path in views(World(1)).items():
            looks = [desk.look(path) for _ in range(asked.times)]
            figures = []
            for each in ([took for took, _, _ in looks], [server for _, server, _ in looks]):
                figures += [f"{statistics.median(each):.0f}", f"{max(each):.0f}"]
            longest = max(looks, key=lambda look: look[1])[2]
            print(f"| {name} | {' | '.join(figures)} | `{longest}` |", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
