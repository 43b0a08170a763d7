"""A house that has been lived in for a day: people, keys, providers, configs, budgets, and requests that might be real.

It is what the dashboard is looked at with: by tests of every page, and for the pictures in the README. Chance is seeded, and nothing
leaves the machine: what the offline provider does not answer was posted to the log as if it had been asked elsewhere.
"""

from __future__ import annotations

import json
import random
import time
from typing import Any

import msgspec

from support.dashboard import MANAGER, PASSWORD, VIEWER
from support.process import Gateway, until

#: Secrets that no page may show to anybody.
PROVIDER_KEYS = {"openai": "sk-proj-7Qm2vX9aKd4TzR1w", "anthropic": "sk-ant-api03-Jt5cW8nYb2Lq"}
TRACE = "refund-4711"
HOUR_MS = 3_600_000

_ROUTE: dict[str, Any] = {
    "strategy": {
        "mode": "conditional",
        "conditions": [
            {"query": {"metadata.plan": {"$eq": "enterprise"}}, "then": "careful"},
            {"query": {"params.max_tokens": {"$lte": 200}}, "then": "quick"},
        ],
        "default": "balanced",
    },
    "targets": [
        {
            "name": "careful",
            "strategy": {"mode": "fallback", "on_status_codes": [429, 503, 529]},
            "targets": [
                {"provider": "@anthropic", "override_params": {"model": "claude-sonnet-4-5"}},
                {"provider": "@openai", "override_params": {"model": "gpt-4.1"}},
            ],
            "retry": {"attempts": 2},
        },
        {"name": "quick", "provider": "@openai", "override_params": {"model": "gpt-4.1-mini"}},
        {
            "name": "balanced",
            "strategy": {"mode": "loadbalance"},
            "targets": [
                {"provider": "@openai", "weight": 0.7, "override_params": {"model": "gpt-4.1"}},
                {"provider": "@sim", "weight": 0.3, "override_params": {"model": "chat"}},
            ],
        },
    ],
}
_FIRST_ROUTE: dict[str, Any] = {"strategy": {"mode": "fallback"}, "targets": [{"provider": "@openai"}, {"provider": "@sim"}]}
_QUESTIONS = (
    "Where is my parcel? It was to come on Monday.",
    "Summarise this thread for the hand-over to the night shift.",
    "Is the blue jacket waterproof, or only water repellent?",
    "Write a reply that declines the refund and offers a voucher.",
    "Which of these three invoices has not been paid yet?",
    "Translate the delivery note into Dutch.",
    "How high does the water stand, and when may a barge pass?",
)
#: Provider, model, share of the requests, ms to answer, tokens in and out.
_MODELS = (
    ("openai", "gpt-4.1-mini", 46, 900, 700, 180),
    ("openai", "gpt-4.1", 26, 2_100, 1_800, 420),
    ("anthropic", "claude-sonnet-4-5", 20, 2_900, 2_400, 520),
    ("anthropic", "claude-haiku-4-5", 8, 1_100, 600, 150),
)


class Lived(msgspec.Struct):
    """What is in it: ids that addresses are made of."""

    gateway: Gateway
    keys: dict[str, dict[str, Any]]
    ids: dict[str, str]


def furnish(gateway: Gateway, requests: int = 240, hours: float = 23.8) -> Lived:
    """Live in it; `requests` were posted of the hours before. Its people are those of `support.dashboard`, whom it must know."""
    lived = Lived(gateway, {}, {})
    _people(lived)
    _providers_and_configs(lived)
    _keys(lived)
    _past(lived, requests, hours)
    _trace(lived)
    _cache(lived)
    _limits(lived)
    _now(lived)
    return lived


def _made(answer: tuple[int, Any]) -> Any:
    assert answer[0] == 200, answer
    return answer[1]


def _people(lived: Lived) -> None:
    gateway, ids = lived.gateway, lived.ids
    workspace = {"name": "Support", "slug": "support", "description": "Answers to customers"}
    ids["workspace"] = _made(gateway.ask("POST", "/v1/admin/workspaces", workspace))["id"]
    invite = {"email": MANAGER, "role": "member", "workspaces": [{"id": "default", "role": "manager"}]}
    token = _made(gateway.ask("POST", "/v1/admin/users/invites", invite))["invite_link"].partition("#")[2]
    _made(gateway.ask("POST", "/v1/admin/users/invites/accept", {"token": token, "password": PASSWORD}, key=None))
    for person in _made(gateway.get("/v1/admin/users"))["data"]:
        ids[person["email"]] = person["id"]
        name = {"ann": "Ann Keller", "vic": "Vic Romero", "mia": "Mia Lindqvist"}.get(person["email"].partition("@")[0])
        if name:
            _made(gateway.ask("PUT", f"/v1/admin/users/{person['id']}", {"name": name}))
    _made(gateway.ask("POST", "/v1/admin/users/invites", {"email": "jo@example.com", "role": "member", "workspaces": []}))


def _providers_and_configs(lived: Lived) -> None:
    gateway = lived.gateway
    for slug, key in PROVIDER_KEYS.items():
        body = {
            "name": slug.capitalize() if slug != "openai" else "OpenAI", "ai_provider_id": slug, "workspace_id": "default",
            "slug": slug, "default_provider_slug": slug, "key": key,
        }  # fmt: skip
        _made(gateway.ask("POST", "/v1/integrations", body))
    for slug, name, config in (
        ("support-agent", "Support agent", _FIRST_ROUTE),
        ("cached-answers", "Cached answers", {"provider": "@sim", "cache": {"mode": "simple", "max_age": 3600}}),
    ):
        body = {"name": name, "slug": slug, "config": config, "workspace_id": "default"}
        _made(gateway.ask("POST", "/v1/configs", body))
    _made(gateway.ask("PUT", "/v1/configs/support-agent?workspace_id=default", {"config": _ROUTE}))


def _keys(lived: Lived) -> None:
    base = {"workspace_id": "default", "scopes": ["completions.write", "logs.write"]}
    for name, more in {
        "checkout-assistant": {"usage_limits": {"type": "cost", "credit_limit": 50, "periodic_reset": "monthly"}},
        "support-bot": {
            "usage_limits": {"type": "requests", "credit_limit": 400, "periodic_reset": "monthly"},
            "rate_limits": [{"type": "requests", "unit": "rpm", "value": 600}],
        },
        "nightly-evaluation": {"usage_limits": {"type": "requests", "credit_limit": 6}},
        "warehouse-search": {"description": "Asks from the back office"},
    }.items():
        body = {"name": name, **base, **more}
        lived.keys[name] = _made(lived.gateway.ask("POST", "/v1/api-keys/workspace/service", body))
    body = {"name": "Vic's notebook", "workspace_id": "default", "user_id": lived.ids[VIEWER], "scopes": ["completions.write"]}
    lived.ids["key"] = lived.keys["support-bot"]["id"]
    lived.keys["notebook"] = _made(lived.gateway.ask("POST", "/v1/api-keys/workspace/user", body))


def _limits(lived: Lived) -> None:
    gateway = lived.gateway
    usage = {
        "name": "Each customer", "conditions": [], "group_by": [{"key": "metadata._user"}], "type": "requests",
        "credit_limit": 400, "workspace_id": "default",
    }  # fmt: skip
    lived.ids["policy"] = _made(gateway.ask("POST", "/v1/policies/usage-limits", usage))["id"]
    rate = {
        "name": "No previews", "conditions": [{"key": "model", "value": "*preview*"}], "deny": True, "workspace_id": "default",
    }  # fmt: skip
    _made(gateway.ask("POST", "/v1/policies/rate-limits", rate))
    limit = {"usage_limits": [{"type": "cost", "credit_limit": 400, "periodic_reset": "monthly"}]}
    _made(gateway.ask("PUT", "/v1/admin/workspaces/default", limit))


def _past(lived: Lived, requests: int, span: float) -> None:
    """Requests of so many hours, more by day than by night, and more of late."""
    chance = random.Random(11)
    now = int(time.time() * 1000)
    names = ["checkout-assistant", "support-bot", "nightly-evaluation", "warehouse-search"]
    heaps: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for n in range(requests):
        hours = span * (n + chance.random()) / requests
        if chance.random() > (0.35 + 0.65 * abs(((hours / 24) * 2) % 2 - 1)):
            hours = chance.uniform(0.1, 6) + 24 * (n % max(round(span / 24), 1))
        name = chance.choices(names, [50, 30, 6, 14])[0]
        heaps[name].append(_posted(chance, now - int(hours * HOUR_MS)))
    for name, heap in heaps.items():
        for start in range(0, len(heap), 50):
            key = lived.keys[name]["key"]
            assert until(
                lambda part=heap[start : start + 50], key=key: lived.gateway.ask("POST", "/v1/logs", part, key)[0] == 200
            )


def _posted(chance: random.Random, at_ms: int) -> dict[str, Any]:
    provider, model, _, base, tokens_in, tokens_out = chance.choices(_MODELS, [each[2] for each in _MODELS])[0]
    took = base * chance.lognormvariate(0, 0.45)
    counts = int(tokens_in * chance.lognormvariate(0, 0.5)), int(tokens_out * chance.lognormvariate(0, 0.5))
    question, fails = chance.choice(_QUESTIONS), chance.random() < 0.025
    text = "Thank you for asking. " + question.replace("?", ".")
    body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": question}]}
    if provider == "openai":
        url, answer = "https://api.openai.com/v1/chat/completions", {
            "model": model,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": counts[0], "completion_tokens": counts[1]},
        }  # fmt: skip
    else:
        url, answer = "https://api.anthropic.com/v1/messages", {
            "type": "message", "role": "assistant", "model": model, "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn", "usage": {"input_tokens": counts[0], "output_tokens": counts[1]},
        }  # fmt: skip
        body["max_tokens"] = 1024
    if fails:
        answer = {"error": {"type": "overloaded_error", "message": "The model is overloaded. Try again later."}}
    metadata = {"_user": f"customer-{chance.randint(1, 9)}", "startTime": at_ms * 10**6}
    return {
        "request": {"url": url, "provider": provider, "body": body},
        "response": {"status": 529 if fails else 200, "response_time": 400 if fails else took, "body": answer},
        "metadata": metadata,
    }


def _trace(lived: Lived) -> None:
    """An agent's work on a refund, in eight steps, one of which failed and was done again."""
    begun = int(time.time() * 1000) - 60_000
    haiku, sonnet, search = ("anthropic", "claude-haiku-4-5"), ("anthropic", "claude-sonnet-4-5"), None
    steps = (
        ("1", "", "refund agent", 0, 11_800, search, 200),
        ("2", "1", "understand the request", 120, 1_450, haiku, 200),
        ("3", "1", "gather", 1_700, 4_300, search, 200),
        ("4", "3", "find the order", 1_780, 640, search, 200),
        ("5", "3", "read the policy", 2_500, 1_900, ("openai", "gpt-4.1-mini"), 200),
        ("6", "3", "check the carrier", 4_450, 380, haiku, 529),
        ("7", "3", "check the carrier, again", 4_900, 1_050, haiku, 200),
        ("8", "1", "write the answer", 6_200, 5_400, sonnet, 200),
    )
    for span, parent, name, since, took, asked, status in steps:
        request: dict[str, Any] = {}
        response: dict[str, Any] = {"status": status, "response_time": took}
        if asked is not None:
            anthropic = asked[0] == "anthropic"
            url = "https://api.anthropic.com/v1/messages" if anthropic else "https://api.openai.com/v1/chat/completions"
            request = {
                "url": url, "provider": asked[0],
                "body": {"model": asked[1], "messages": [{"role": "user", "content": f"Order 4711: {name}."}]},
            }  # fmt: skip
            names = ("input_tokens", "output_tokens") if anthropic else ("prompt_tokens", "completion_tokens")
            response["body"] = {"model": asked[1], "usage": dict(zip(names, (1800, 420), strict=True))}
            if status != 200:
                response["body"] = {"error": {"type": "overloaded_error", "message": "Overloaded"}}
        said = {"traceId": TRACE, "spanId": span, "parentSpanId": parent, "spanName": name}
        metadata = {**said, "startTime": (begun + since) * 10**6}
        _made(lived.gateway.ask("POST", "/v1/logs", {"request": request, "response": response, "metadata": metadata}))


def _cache(lived: Lived) -> None:
    gateway, key = lived.gateway, lived.keys["warehouse-search"]["key"]
    for question in _QUESTIONS[:3]:
        until(lambda question=question: _kept(gateway, question, key))
    lived.ids["cached"] = until(lambda: gateway.get("/v1/logs?cache_status=hit")[1]["data"])[0]["cached_id"]


def _kept(gateway: Gateway, question: str, key: str) -> bool:
    """Ask until it was answered from the cache: what was asked first may not be kept yet."""
    return (
        gateway.chat_whole("chat", question, key=key, x_lockgate_config="cached-answers")[2].get("x-lockgate-cache-status")
        == "HIT"
    )


def _now(lived: Lived) -> None:
    """What the offline provider answers: with tools, cached, refused for want of money."""
    gateway = lived.gateway
    bot, runner = lived.keys["support-bot"]["key"], lived.keys["nightly-evaluation"]["key"]
    for n, question in enumerate(_QUESTIONS):
        said = json.dumps({"_user": f"customer-{n % 3}", "team": "support", "plan": "enterprise"})
        # What was changed just now is not known to the worker at once, and while its ledger is asked it may refuse.
        until(lambda text=question, said=said: gateway.chat(text=text, key=bot, x_lockgate_metadata=said)[0] == 200)
    until(lambda: gateway.chat(model="@sim/nope", key=bot)[0] == 404)
    until(lambda: gateway.chat(text="Is it better than yesterday's?", key=runner)[0] == 412)
    until(lambda: gateway.chat(text="A note to myself.", key=lived.keys["notebook"]["key"])[0] == 200)
    body = {
        "model": "@sim/chat",
        "messages": [
            {"role": "system", "content": "You answer customers of an outdoor shop, kindly and in few words."},
            {"role": "user", "content": "Where is my parcel? Order 4711."},
            {
                "role": "assistant", "content": None,
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "find_order", "arguments": '{"order": 4711}'}}
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": '{"status": "in transit", "carrier": "DHL", "due": "Thursday"}'},
            {"role": "user", "content": "And when will it be here?"},
        ],
        "tools": [{"type": "function", "function": {"name": "find_order", "parameters": {"type": "object", "properties": {}}}}],
    }  # fmt: skip
    until(lambda: gateway.ask("POST", "/v1/chat/completions", body, bot, x_lockgate_trace_id="order-4711")[0] == 200)
    lived.ids["request"] = until(lambda: gateway.get("/v1/logs?trace_id=order-4711")[1]["data"])[0]["id"]
    _made(gateway.ask("POST", "/v1/feedback", {"trace_id": "order-4711", "value": 5, "metadata": {"note": "just right"}}))
    until(lambda: len(gateway.get(f"/v1/logs?trace_id={TRACE}")[1]["data"]) == 8)
    lived.ids["change"] = str(gateway.get("/v1/audit-logs?resource_type=config&action=update")[1]["records"][0]["seq"])
