"""Budgets over real connections: two workers, many callers, one of the workers killed; and never a nano-dollar too much."""

import asyncio
import os
import signal
import sqlite3

import httpx

from support.process import until

CONFIG = """
prices:
  "sim/*": {input: 100, output: 4000}
keys:
  - {name: capped, key: "capped-key-0123456789-abcdef", usage_limits: {credit_limit: 20, periodic_reset: monthly}}
  - {name: rated, key: "rated-key-0123456789-abcdef", rate_limits: [{type: requests, unit: rpd, value: 50}]}
"""
BODY = {"model": "@sim/chat", "messages": [{"role": "user", "content": "ping"}], "max_tokens": 20}
CAP = 20_000_000_000


async def crowd(url, key, requests, at_once, then=lambda number: None):
    """Many requests; (status, usage) of each that was answered."""
    left = iter(range(requests))
    found = []
    limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)

    async def one(client):
        for number in left:
            then(number)
            try:
                answer = await client.post(url + "/v1/chat/completions", json=BODY)
            except httpx.TransportError:  # a worker was killed
                continue
            found.append((answer.status_code, answer.json().get("usage")))

    headers = {"authorization": f"Bearer {key}-key-0123456789-abcdef"}
    async with httpx.AsyncClient(headers=headers, limits=limits, timeout=20) as client:
        await asyncio.gather(*(one(client) for _ in range(at_once)))
    return found


def cost_of(found):
    used = [usage for status, usage in found if status == 200]
    return sum(100_000 * usage["prompt_tokens"] + 4_000_000 * usage["completion_tokens"] for usage in used)


def balance(data, budget):
    with sqlite3.connect(data / "ledger.db") as db:
        return db.execute("SELECT spent, reserved, overage FROM ledger_balance WHERE budget = ?", [budget]).fetchone()


def test_many_callers_of_two_workers_never_spend_more_than_there_is(start):
    gateway = start(CONFIG, "--workers", "2")
    killed = []

    def kill(number):
        if number == 60 and not killed:
            killed.append(min(gateway.sockets()))
            os.kill(killed[0], signal.SIGKILL)

    found = asyncio.run(crowd(gateway.url, "capped", 400, 16, kill))
    assert killed
    statuses = {status for status, _ in found}
    assert 412 in statuses
    assert statuses <= {200, 412, 429}
    assert cost_of(found) <= CAP
    gateway.stop()
    spent, _, overage = balance(gateway.data, "key:config:capped:cost:monthly")
    assert cost_of(found) <= spent <= CAP
    assert overage == 0
    # What the killed worker had under way stays charged at its bound, at most 16 requests; nothing else is lost.
    assert spent >= 0.7 * CAP


def test_workers_count_together(start):
    gateway = start(CONFIG, "--workers", "2")
    found = asyncio.run(crowd(gateway.url, "rated", 80, 8))
    assert [status for status, _ in found].count(200) == 50


def test_a_lowered_budget_holds_within_a_second_in_all_workers(start):
    gateway = start(CONFIG, "--workers", "2")
    assert {status for status, _ in asyncio.run(crowd(gateway.url, "capped", 8, 4))} == {200}
    gateway.config.write_text(CONFIG.replace("credit_limit: 20", "credit_limit: 0.001"))
    until(lambda: {status for status, _ in asyncio.run(crowd(gateway.url, "capped", 8, 8))} == {412}, 5)
