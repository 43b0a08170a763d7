"""pipeline/discover: what servers of one's own have loaded, and how bare model names find their way to them."""

import asyncio
import json

import pytest

from lockgate.core.call import Call, Principal
from lockgate.core.failure import Failure, Refusal
from lockgate.pipeline.choose import Ask
from lockgate.pipeline.discover import KEPT_S, discover
from support.house import first_target, make_app
from support.scripted import ScriptedClient, ScriptedExchange

CONFIG = """
providers:
  openai: {api_key: k}
  deepseek: {api_key: k}
  home: {provider: vllm, base_url: "http://localhost:8000/v1"}
  spare: {provider: vllm, base_url: "http://localhost:9000/v1", models: ["qwen*"]}
"""


def listing(*names):
    return ScriptedExchange(200, json.dumps({"object": "list", "data": [{"id": name} for name in names]}).encode())


@pytest.fixture
def app(tmp_path):
    return make_app(tmp_path, CONFIG)


def told(app, *answers):
    """What @home and @spare say of themselves when they are asked now."""
    client = app.runtime.clients["http"] = ScriptedClient(*answers)
    snapshot = app.world.snapshot
    asyncio.run(discover(snapshot, snapshot.providers.values(), app.runtime))
    return client


def later(app):
    for provider in app.world.snapshot.providers.values():
        provider.found_s -= KEPT_S


def home(app, model):
    call = Call("id", "trace", 0, 0.0, "POST", "/", b"", {}, "chat", "openai.chat")
    target = first_target(call, Ask(model), Principal("1", "app"), app.world.snapshot)
    return f"@{target.provider.slug}/{target.model}"


def refused(app, model):
    with pytest.raises(Refusal) as caught:
        home(app, model)
    return caught.value


def test_a_bare_name_finds_the_server_that_has_the_model(app):
    assert refused(app, "mine").status == 404
    told(app, listing("mine", "qwen3:latest"), listing())
    assert home(app, "mine") == "@home/mine"
    assert home(app, "qwen3") == "@home/qwen3"  # without a tag: the latest
    assert home(app, "gpt-4.1") == "@openai/gpt-4.1"


def test_a_server_that_has_the_model_comes_before_one_whose_names_look_like_it(app):
    assert home(app, "deepseek-r1") == "@deepseek/deepseek-r1"
    told(app, listing("deepseek-r1"), listing())
    assert home(app, "deepseek-r1") == "@home/deepseek-r1"


def test_two_servers_with_the_model_are_not_chosen_between(app):
    told(app, listing("qwen3"), listing("qwen3"))
    refusal = refused(app, "qwen3")
    assert (refusal.status, refusal.code) == (400, "ambiguous_model")
    assert "@home, @spare" in refusal.message


def test_a_model_that_the_operator_does_not_admit_leads_nowhere(app):
    told(app, listing(), listing("llama", "qwen3"))
    assert home(app, "qwen3") == "@spare/qwen3"
    assert refused(app, "llama").status == 404


def test_a_model_that_is_unloaded_is_forgotten_and_a_new_one_known(app):
    told(app, listing("old"), listing())
    assert home(app, "old") == "@home/old"
    later(app)
    told(app, listing("new"), listing())
    assert refused(app, "old").status == 404
    assert home(app, "new") == "@home/new"


def test_a_server_that_does_not_answer_keeps_what_it_had(app):
    told(app, listing("mine"), listing())
    later(app)
    told(app, Failure("connect", 502, "nobody is there"), ScriptedExchange(200, b'{"data":[{"id":"\xff"}]}'))
    assert home(app, "mine") == "@home/mine"


def test_a_server_is_not_asked_again_soon(app):
    assert len(told(app, listing(), listing()).sent) == 2
    assert told(app).sent == []


def test_a_reload_forgets_nothing_of_a_server_that_stays(app, tmp_path):
    told(app, listing("mine"), listing("qwen3"))
    (tmp_path / "lockgate.yaml").write_text(CONFIG.replace("9000", "9001"))
    asyncio.run(app.reload())
    assert home(app, "mine") == "@home/mine"
    assert refused(app, "qwen3").status == 404  # another server, until it is asked


def test_servers_are_asked_at_the_start_and_after_a_reload(app, tmp_path):
    async def until(claim):
        for _ in range(5000):
            if claim():
                return
            await asyncio.sleep(0.001)
        raise AssertionError("it did not come")

    async def go():
        app.start()
        client = app.runtime.clients["http"] = ScriptedClient(*(listing("mine") for _ in range(2)))
        await until(lambda: app.world.snapshot.homes("mine") == ("home",))
        (tmp_path / "lockgate.yaml").write_text("providers: {home: {provider: vllm, base_url: 'http://localhost:8001/v1'}}")
        client.answers = [listing("other")]
        await app.reload()
        await until(lambda: app.world.snapshot.providers["home"].found == ("other",))
        await app.stop()

    asyncio.run(go())
