"""Portkey's SDK, unmodified, with configs: as a dictionary and by the slug of a saved one, of a client and of one request."""

import asyncio
import json

import httpx
import portkey_ai
import pytest
import yaml

from support.bodies import BUSY, DONE, GPT, LIMITED, chunk
from support.faulty import Faulty, answer, stream
from support.house import KEY
from support.process import Gateway

ASK = [{"role": "user", "content": "ping"}]


def said(text):
    return {**GPT, "choices": [{**GPT["choices"][0], "message": {"role": "assistant", "content": text}}]}


def target(slug, **more):
    return {"provider": f"@{slug}", "override_params": {"model": f"model-of-{slug}"}, **more}


CONFIGS = {
    "pc-fallback": {"strategy": {"mode": "fallback", "on_status_codes": [503]}, "targets": [target("down"), target("one")]},
    "pc-balance": {"strategy": {"mode": "loadbalance"}, "targets": [target("one", weight=0.5), target("two", weight=0.5)]},
    "pc-plan": {
        "strategy": {
            "mode": "conditional",
            "conditions": [{"query": {"metadata.plan": {"$eq": "paid"}}, "then": "paid"}],
            "default": "free",
        },
        "targets": [target("one", name="paid"), target("two", name="free")],
    },
    "pc-retry": {"retry": {"attempts": 3, "on_status_codes": [503], "base_ms": 1}, **target("shaky")},
    "pc-limited": {"retry": {"attempts": 1, "base_ms": 1, "cap_ms": 1000}, **target("limited")},
}


@pytest.fixture(scope="module")
def upstream():
    faulty = Faulty()
    faulty.plays("one", answer(said("one")))
    faulty.plays("two", answer(said("two")))
    faulty.plays("down", answer(BUSY, 503))
    yield faulty
    faulty.close()


@pytest.fixture(scope="module")
def gateway(upstream, tmp_path_factory):
    slugs = ("one", "two", "down", "shaky", "limited")
    providers = {slug: {"provider": "openai", "api_key": f"sk-{slug}", "base_url": upstream.url(slug)} for slug in slugs}
    config = yaml.safe_dump({"providers": providers, "configs": CONFIGS})
    gateway = Gateway(tmp_path_factory.mktemp("portkey"), config).ready()
    yield gateway
    gateway.stop()


@pytest.fixture(scope="module")
def http():
    with httpx.Client() as client:  # the one that the SDK makes is left open
        yield client


def of_client(config, **options):
    return portkey_ai.Portkey(config=config, **options)


def of_request(config, **options):
    return portkey_ai.Portkey(**options).with_options(config=config)


@pytest.fixture(params=[of_client, of_request], ids=["client", "request"])
def portkey(request, gateway, http):
    """Makes a client that asks with a config."""
    return lambda config, **more: request.param(config, base_url=gateway.url + "/v1", api_key=KEY, http_client=http, **more)


@pytest.fixture(params=["inline", "saved"])
def named(request):
    """A config by its name: the dictionary, or its slug."""
    return lambda slug: slug if request.param == "saved" else CONFIGS[slug]


def chat(client, **more):
    """What was answered, and the headers as the SDK reads them."""
    got = client.chat.completions.create(model="any", messages=ASK, **more)
    return got.choices[0].message.content, got.get_headers()


def test_a_fallback(portkey, named):
    text, headers = chat(portkey(named("pc-fallback")))
    assert text == "one"
    assert headers["last-used-option-index"] == "config.targets[1]"
    assert headers["retry-attempt-count"] == "0"
    assert headers["provider"] == "one"


def test_a_load_balance(portkey, named):
    client = portkey(named("pc-balance"))
    seen = {(text, headers["last-used-option-index"]) for text, headers in (chat(client) for _ in range(40))}
    assert seen == {("one", "config.targets[0]"), ("two", "config.targets[1]")}


def test_conditions_on_the_metadata(portkey, named):
    assert chat(portkey(named("pc-plan"), metadata={"plan": "paid"}))[0] == "one"
    text, headers = chat(portkey(named("pc-plan"), metadata={"plan": "trial"}))
    assert (text, headers["last-used-option-index"]) == ("two", "config.targets[1]")
    assert chat(portkey(named("pc-plan")))[0] == "two"


def test_retries_are_counted(portkey, named, upstream):
    upstream.plays("shaky", answer(BUSY, 503), answer(BUSY, 503), answer(said("at last")))
    text, headers = chat(portkey(named("pc-retry")))
    assert (text, headers["retry-attempt-count"]) == ("at last", "2")
    assert headers["last-used-option-index"] == "config"


def test_a_limit_raises_what_its_user_expects_and_says_that_retries_were_used_up(portkey, named, upstream):
    before = len(upstream.asked("limited"))
    upstream.plays("limited", answer(LIMITED, 429, retry_after_ms=1))
    with pytest.raises(Exception, match="Rate limit reached") as raised:
        chat(portkey(named("pc-limited")))
    assert (type(raised.value).__name__, raised.value.status_code) == ("RateLimitError", 429)
    assert raised.value.response.headers["x-portkey-retry-attempt-count"] == "-1"
    assert len(upstream.asked("limited")) - before in (2, 4)  # its own client asks again as well


def test_what_the_provider_was_asked(portkey, named, upstream):
    chat(portkey(named("pc-fallback")), temperature=0.5)
    asked = upstream.asked("one")[-1]
    assert json.loads(asked.body) == {"model": "model-of-one", "messages": ASK, "temperature": 0.5}
    assert asked.headers["authorization"] == "Bearer sk-one"
    assert not [name for name in asked.headers if name.startswith(("x-portkey", "x-lockgate"))]


def test_a_stream(portkey, named, upstream):
    upstream.plays("one", stream(chunk("on"), chunk("e"), chunk(finish="stop"), DONE))
    got = portkey(named("pc-fallback")).chat.completions.create(model="any", messages=ASK, stream=True)
    assert "".join(each.choices[0].delta.content or "" for each in got if each.choices) == "one"
    upstream.plays("one", answer(said("one")))


def test_the_asynchronous_client(gateway, named):
    async def ask():
        async with httpx.AsyncClient() as http:
            client = portkey_ai.AsyncPortkey(
                base_url=gateway.url + "/v1", api_key=KEY, http_client=http, config=named("pc-plan")
            )
            got = await client.with_options(metadata={"plan": "paid"}).chat.completions.create(model="any", messages=ASK)
            return got.choices[0].message.content, got.get_headers()["last-used-option-index"]

    assert asyncio.run(ask()) == ("one", "config.targets[0]")


def test_a_config_in_its_headers(gateway, http):
    """As those do it who use OpenAI's own SDK."""
    headers = portkey_ai.createHeaders(api_key=KEY, config=CONFIGS["pc-fallback"])
    got = http.post(gateway.url + "/v1/chat/completions", headers=headers, json={"model": "any", "messages": ASK})
    assert (got.status_code, got.headers["x-portkey-last-used-option-index"]) == (200, "config.targets[1]")


def test_a_mistake_in_a_config_names_its_place(portkey):
    with pytest.raises(Exception, match=r"config\.targets\[0\].*`wait`") as raised:
        chat(portkey({"targets": [{"provider": "@one", "wait": 1}]}))
    assert raised.value.status_code == 400


def test_a_slug_that_is_not_saved_is_told(portkey):
    with pytest.raises(Exception, match="pc-nowhere") as raised:
        chat(portkey("pc-nowhere"))
    assert raised.value.status_code == 404
