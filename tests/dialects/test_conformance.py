"""Real traffic through both codecs, judged by the conformance suite's own extractors where they can be imported.

They need the official SDKs and aiohttp: run with a Python that has them, `PYTHONPATH=src:../shared`. Skips elsewhere.
"""

from __future__ import annotations

import json
import types
from collections import Counter
from typing import Any

import pytest

from lockgate.core.content import Tool
from lockgate.core.reply import Reply
from lockgate.core.request import Request
from lockgate.core.sheet import Sheet
from lockgate.dialects.anthropic import messages
from lockgate.dialects.codec import Codec, Voice
from lockgate.dialects.openai import chat
from support.canonical import RECORDINGS, read_stream

facts = pytest.importorskip("conformance.facts", exc_type=ImportError)
recordings = pytest.importorskip("conformance.recordings", exc_type=ImportError)
requests = pytest.importorskip("conformance.suites.requests", exc_type=ImportError)
responses = pytest.importorskip("conformance.suites.responses", exc_type=ImportError)
validators = pytest.importorskip("conformance.validators", exc_type=ImportError)
pytestmark = [
    pytest.mark.skipif(not RECORDINGS.is_dir(), reason="no recordings beside this working copy"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # the suite leaves its files open
]

CODECS: dict[str, Codec] = {"chat": chat.CODEC, "messages": messages.CODEC}
WHOLE = {"chat": facts.from_chat, "messages": facts.from_message}
STREAMED = {"chat": facts.from_chat_chunks, "messages": facts.from_message_events}
MODELS = {"chat": "openai/gpt-oss-120b", "messages": "claude-sonnet-4-5"}
OTHER = {"chat": "messages", "messages": "chat"}
FLOOR = 0.98


@pytest.fixture(scope="module")
def exchanges() -> list[Any]:
    return [each for each in recordings.load(RECORDINGS) if each.dialect in CODECS and each.status < 400]


def share(verdicts: list[list[str]]) -> float:
    """How many verdicts have nothing to say; the most frequent reasons are printed for the others."""
    wrong = Counter(reasons[0][:120] for reasons in verdicts if reasons)
    print(*wrong.most_common(10), sep="\n")
    assert verdicts
    return 1 - wrong.total() / len(verdicts)


def answer(exchange: Any, caller: str) -> list[str]:
    """What a caller of the other dialect would miss in a recorded answer."""
    native = facts.native_facts(exchange)
    provider, codec = CODECS[exchange.dialect], CODECS[caller]
    voice = Voice("01JX", 1, Request("m", tools=[Tool(name) for name in dict.fromkeys(n for n, _ in native.tool_calls)]))
    if not exchange.streaming:
        reply = provider.read_reply(exchange.body)
        assert isinstance(reply, Reply)
        seen = WHOLE[caller](json.loads(codec.write_reply(reply, voice)))
        return [reason for reason in responses.compare(native, seen, caller).values() if reason]
    reasons: list[str] = []
    for size in (None, 1, 7):
        writer = codec.writer(voice)
        data = writer.feed(read_stream(provider, exchange.body, size)) + writer.end()
        seen = STREAMED[caller](facts.sse_json(data))
        reasons += [reason for reason in responses.compare(native, seen, caller).values() if reason]
    return reasons


@pytest.mark.parametrize("caller", CODECS)
def test_answers_keep_their_facts(caller: str, exchanges: list[Any]) -> None:
    others = [each for each in exchanges if each.dialect != caller and not facts.native_facts(each).foreign]
    assert share([answer(each, caller) for each in others]) >= FLOOR


@pytest.mark.parametrize("caller", CODECS)
def test_requests_are_valid_and_keep_their_facts(caller: str, exchanges: list[Any]) -> None:
    target = OTHER[caller]
    verdicts: list[list[str]] = []
    for each in exchanges:
        sent = {name: value for name, value in each.request.items() if name not in ("stream", "stream_options")}
        before = requests.EXTRACTORS[caller](sent) if each.dialect == caller else None
        if before is None or requests._inexpressible(before, target):
            continue
        request = CODECS[caller].read_request(Sheet.open(json.dumps({**sent, "model": MODELS[target]}).encode()))
        body = json.loads(CODECS[target].write_request(request).bytes())
        captured = types.SimpleNamespace(body=body, dialect=target, path="/")
        after = requests.EXTRACTORS[target](body)
        compared = requests.compare(before, after, target, json.dumps(body))
        verdicts.append([*validators.validate(captured), *filter(None, compared.values())])
    assert share(verdicts) >= FLOOR
