"""pipeline/recall: fifty tenants ask the same, in the same words and in others, at once and again, and nobody ever gets what
another was answered.

`CACHE_STEPS` says how many requests; a hundred thousand take some minutes.
"""

import asyncio
import json
import os
import random
from collections import Counter
from contextvars import ContextVar

import pytest

import support.stage
from lockgate.core.call import Principal
from lockgate.http.routes import SCOPES
from lockgate.pipeline import door
from lockgate.stores.nearest import beside
from lockgate.stores.nearest.open import open_nearest
from support.house import make_app
from support.shared_caches import KINDS
from support.stage import ASK, REPLY, Stage, Try

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


#: Questions, each in words of which one may have the answer of another: by its key, or by likeness.
QUESTIONS = [
    ("How tall is the Eiffel Tower?", "how tall is  the Eiffel Tower", "What is the height of the Eiffel Tower?"),
    ("Who wrote Hamlet?", "who wrote Hamlet", "Who is the author of Hamlet?"),
    ("What causes inflation?", "what causes inflation", "What are the causes of inflation?"),
    ("Where was Mozart born?", "where was Mozart born", "What is the birthplace of Mozart?"),
    ("Who founded Microsoft?", "who founded Microsoft", "Who was the founder of Microsoft?"),
]
#: How answers are found → the words of a question.
MODES = {
    "simple": {"mode": "simple"},
    "semantic": {"mode": "semantic", "levels": ["canonical", "verified"]},
}


@pytest.mark.parametrize(("mode", "kind"), [("simple", "sqlite"), *(("semantic", kind) for kind in KINDS)])
def test_nobody_gets_what_another_tenant_was_answered(tmp_path, monkeypatch, shared_of, mode, kind):
    monkeypatch.setattr(beside, "PATIENCE_S", 30.0)  # the machine may be slow
    draw = random.Random(7)
    stage = Stage(make_app(tmp_path, CONFIG), tmp_path)
    runtime = stage.app.runtime
    runtime.cache = shared_of(kind).open()
    runtime.nearest = open_nearest(runtime.cache, report=pytest.fail)
    asking: list[Principal] = []
    monkeypatch.setattr(door, "admit", lambda *_: (asking[-1], ""))
    hits = misses = 0
    ways: Counter[str] = Counter()
    whose: ContextVar[str] = ContextVar("whose")

    class Mine(Try):
        """It knows who has asked."""

        def __init__(self, *outgoing):
            super().__init__(*outgoing)
            self.mine = whose.get()

    monkeypatch.setattr(support.stage, "Try", Mine)

    async def ask(who, scope, namespace, prompt, leader):
        asking.append(who)
        config = {"provider": "@openai", "override_params": {"model": "m"}, "upstream_api": "chat"}
        config["cache"] = {**MODES[mode], "scope": scope, "coalesce": leader}
        words = f"prompt {prompt}" if mode == "simple" else draw.choice(QUESTIONS[prompt])
        body = {**ASK, "messages": [{"role": "user", "content": words}]}
        mine = f"{SHARED[scope](who)} | {namespace} | {prompt}"
        whose.set(mine)
        return await stage.asks(config, body, headers=[("x-portkey-cache-namespace", namespace)]), mine

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
            seen = 0
            while any(not task.done() for task, _ in asked):
                for each in stage.tries[seen:]:
                    if draw.random() < 0.1:
                        each.fails()
                    else:
                        choice = {"index": 0, "message": {"role": "assistant", "content": each.mine}, "finish_reason": "stop"}
                        each.answers({**REPLY, "choices": [choice]})
                seen = len(stage.tries)
                await asyncio.sleep(0.0005)  # a thread may read or compare
            for task, mine in asked:
                answer = task.result()
                if answer.status == 200:
                    assert json.loads(answer.body)["choices"][0]["message"]["content"] == mine
                    hit = answer.headers["x-portkey-cache-status"].endswith("HIT")
                    ways[answer.headers.get("x-lockgate-cache-match", "")] += 1
                    hits, misses = hits + hit, misses + (not hit)
            done += crowd

    asyncio.run(play())
    asyncio.run(runtime.cache.close())
    assert mode == "simple" or min(ways["canonical"], ways["verified"]) > STEPS / 50
    assert hits > STEPS / 10
    assert misses > 0
