"""pipeline/recall: fifty tenants ask the same, at once and again, and nobody ever gets what another was answered.

`CACHE_STEPS` says how many requests; a hundred thousand take some minutes.
"""

import asyncio
import json
import os
import random

from lockgate.core.call import Principal
from lockgate.http.routes import SCOPES
from lockgate.pipeline import door
from lockgate.stores.cache.sqlite import SqliteCache
from support.house import make_app
from support.stage import ASK, REPLY, Stage, quiet

STEPS = int(os.environ.get("CACHE_STEPS", "800"))
CONFIG = "providers: {openai: {api_key: sk-openai-secret-1234567890}}\nlog: {capture: metadata}"
TENANTS = [
    Principal(f"key-{n}-{k}", "app", frozenset(SCOPES), organisation=f"o{n % 7}", workspace=f"w{n}", user=f"u{n}-{k % 2}")
    for n in range(50)
    for k in range(3)
]
#: Whose answers a request may be given, by the scope of its config.
SHARED = {
    "workspace": lambda who: f"{who.organisation} {who.workspace}",
    "key": lambda who: who.id,
    "user": lambda who: f"{who.organisation} {who.workspace} {who.user}",
}


def test_nobody_gets_what_another_tenant_was_answered(tmp_path, monkeypatch):
    draw = random.Random(7)
    stage = Stage(make_app(tmp_path, CONFIG), tmp_path)
    runtime = stage.app.runtime
    runtime.cache = SqliteCache(tmp_path / "cache.sqlite", 1 << 26, report=print)
    asking: list[Principal] = []
    monkeypatch.setattr(door, "admit", lambda *_: (asking[-1], ""))
    hits = misses = 0

    async def ask(who, scope, namespace, prompt, leader):
        asking.append(who)
        config = {"provider": "@openai", "override_params": {"model": "m"}, "upstream_api": "chat"}
        config["cache"] = {"mode": "simple", "scope": scope, "coalesce": leader}
        body = {**ASK, "messages": [{"role": "user", "content": f"prompt {prompt}"}]}
        before = len(stage.tries)
        task = await stage.asks(config, body, headers=[("x-portkey-cache-namespace", namespace)])
        mine = f"{SHARED[scope](who)} | {namespace} | {prompt}"
        for each in stage.tries[before:]:
            each.mine = mine
        return task, mine

    async def play():
        nonlocal hits, misses
        done = 0
        while done < STEPS:
            crowd = draw.randint(1, 6)
            prompt, scope = draw.randrange(5), draw.choice(tuple(SHARED))
            stage.tries.clear()
            asked = [
                await ask(draw.choice(TENANTS), scope, draw.choice(("", "", "", "a")), prompt, draw.random() < 0.8)
                for _ in range(crowd)
            ]
            for each in stage.tries:
                if draw.random() < 0.1:
                    each.fails()
                else:
                    choice = {"index": 0, "message": {"role": "assistant", "content": each.mine}, "finish_reason": "stop"}
                    each.answers({**REPLY, "choices": [choice]})
            await quiet()
            for each in stage.tries:  # those of followers whose leader failed
                if not hasattr(each, "mine"):
                    each.fails()
            await quiet()
            while any(not task.done() for task, _ in asked):
                for each in stage.tries:
                    if not each.closed and not each.status:
                        each.fails()
                await quiet()
            for task, mine in asked:
                answer = task.result()
                if answer.status == 200:
                    assert json.loads(answer.body)["choices"][0]["message"]["content"] == mine
                    hit = answer.headers["x-portkey-cache-status"] == "HIT"
                    hits, misses = hits + hit, misses + (not hit)
            done += crowd

    asyncio.run(play())
    asyncio.run(runtime.cache.close())
    assert hits > STEPS / 10
    assert misses > 0
