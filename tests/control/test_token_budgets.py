"""What signed tokens say that they may use holds as it does of keys: in refusals, in conditions, and in what answers tell."""

import asyncio
import json
import time

import pytest

from lockgate.control.allowances import of_token
from lockgate.core.call import Principal
from lockgate.core.limits import UsageLimit
from support.asgi import ask_soon
from support.house import make_app
from support.scripted import ScriptedClient, ScriptedExchange
from support.tokens import jwk, rsa_key, sign

CONFIG = {
    "providers": {"openai": {"api_key": "sk-openai-secret-1234567890"}},
    "identity": {
        "jwt": {
            "ci": {
                "issuer": "https://issuer.example",
                "audience": ["lockgate"],
                "jwks": {"keys": [jwk(rsa_key(), "1")]},
                "scopes": ["completions.write"],
                "assume": {"organisation": "default", "workspace": "default", "scopes": ["completions.write"]},
            }
        }
    },
    "configs": {
        "pc-thrifty": {
            "strategy": {
                "mode": "conditional",
                "conditions": [{"query": {"budget.remaining": {"$lt": 0.9997}}, "then": "cheap"}],
                "default": "dear",
            },
            "targets": [
                {"name": "dear", "provider": "@openai", "override_params": {"model": "gpt-4o"}},
                {"name": "cheap", "provider": "@openai", "override_params": {"model": "gpt-4o-mini"}},
            ],
        }
    },
}
ASK = {"model": "gpt-4o", "messages": [{"role": "user", "content": "ping"}], "max_tokens": 100}
REPLY = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "pong"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
}
DAY = 86_400_000_000


def token(sub="ann", **more):
    claims = {"iss": "https://issuer.example", "aud": "lockgate", "exp": int(time.time()) + 600, "sub": sub}
    return sign({**claims, **more})


def answers(tmp_path, *asked, config=""):
    """Ask with these tokens, one after another; the answers, and the models that were asked."""

    async def all_of_it():
        app = make_app(tmp_path, json.dumps(CONFIG))
        client = ScriptedClient()
        app.runtime.clients.update(http=client, https=client)
        await app.open()
        try:
            found = []
            for text in asked:
                client.answers += [ScriptedExchange(200, json.dumps(REPLY).encode())]
                headers = [("authorization", f"Bearer {text}"), *([("x-lockgate-config", config)] if config else [])]
                body = ASK if config else ASK | {"model": "@openai/gpt-4o"}
                found.append(await ask_soon(app.gateway, "POST", "/v1/chat/completions", body=body, headers=headers))
                client.answers.clear()
            return found, [json.loads(outgoing.body)["model"] for _, outgoing, *_ in client.sent]
        finally:
            await app.stop()

    return asyncio.run(all_of_it())


def test_an_answer_tells_what_is_left_of_a_tokens_budget_and_limits(tmp_path):
    limits = {"usage_limits": {"credit_limit": 1}, "rate_limits": [{"type": "requests", "unit": "rpm", "value": 9}]}
    (first, second), _ = answers(tmp_path, token(**limits), token(**limits))
    assert first.headers["x-lockgate-budget-remaining-cost"] == "0.99965"
    assert second.headers["x-lockgate-budget-remaining-cost"] == "0.9993"
    assert (first.headers["x-ratelimit-remaining-requests"], second.headers["x-ratelimit-remaining-requests"]) == ("8", "7")


def test_a_condition_asks_what_is_left_of_a_tokens_budget(tmp_path):
    limits = {"usage_limits": {"credit_limit": 1}}
    _, models = answers(tmp_path, token(**limits), token(**limits), token("bob", **limits), config="pc-thrifty")
    assert models == ["gpt-4o", "gpt-4o-mini", "gpt-4o"]


def test_another_token_of_the_same_person_has_the_same_budget(tmp_path):
    spent = {"usage_limits": {"type": "requests", "credit_limit": 1}}
    (first, second, other), _ = answers(tmp_path, token(**spent), token(jti="2", **spent), token("bob", **spent))
    assert (first.status, second.status, other.status) == (200, 412, 200)


def who(until_us, *usage):
    return Principal("jwt:ci:x", "ann", frozenset(), usage_limits=usage, until_us=until_us)


@pytest.mark.parametrize("days", [1, 3, 30, 365])
def test_the_days_of_a_budget_are_not_counted_from_a_tokens_end(days):
    """Else each new token would bring a window of its own, with nothing used of it."""
    limit = UsageLimit("cost", 5, periodic_reset_days=days)
    now_us = 1_800_000_000_000_000
    windows = {of_token(who(now_us + n * DAY // 7, limit)).budgets[0].period.window(now_us).id for n in range(1, 30)}
    assert len(windows) == 1


def test_of_two_budgets_of_a_kind_the_lesser_holds():
    two = (UsageLimit("cost", 5, periodic_reset="daily"), UsageLimit("cost", 3, periodic_reset="daily"))
    for usage in (two, two[::-1]):
        budgets = of_token(who(1, *usage, UsageLimit("tokens", 9, periodic_reset="daily"))).budgets
        assert sorted((budget.measure, budget.cap) for budget in budgets) == [("cost", 3), ("tokens", 9)]
