"""A provider that is down, in the middle of traffic: callers do not notice, and the provider is left alone."""

import json
from itertools import pairwise

import pytest

from support.bodies import BUSY, GPT, LIMITED, OVERLOADED, SERVER
from support.crowd import ask, crowd, share
from support.faulty import answer, hang, reset
from support.process import until

AT_ONCE = 16
#: A circuit opens at the fifth failure; those that are under way by then fail too.
MOST = 5 + AT_ONCE - 1
FALLBACK = {"mode": "fallback"}


def both(first, second, **strategy):
    return {"strategy": {**FALLBACK, **strategy}, "targets": [first, second]}


def tries(gateway, provider, answers):
    """How often a provider was tried, by the records."""
    kept = gateway.lockgate("logs", "--json", "--limit", str(len(answers))).splitlines()
    return sum(each["provider"] == provider for record in map(json.loads, kept) for each in record["attempts"])


@pytest.mark.parametrize(
    ("trouble", "count"),
    [
        (answer(SERVER, 500), 1000),
        (answer(OVERLOADED, 529), 200),
        (answer(BUSY, 503), 200),
        (answer(b"<html><title>502 Bad Gateway</title></html>", 502, content_type="text/html"), 200),
    ],
    ids=["500", "529", "503", "502 in HTML"],
)
def test_a_dead_primary_costs_no_caller_an_answer(gateway, gpt, trouble, count):
    dead, well = gpt(trouble), gpt(answer(GPT))
    answers = crowd(gateway, both(dead.target(), well.target()), count=count, at_once=AT_ONCE)
    assert share(answers) >= 0.999
    assert {each.json["choices"][0]["message"]["content"] for each in answers} == {"pong from gpt"}
    assert 5 <= len(dead.asked) <= MOST
    assert len(well.asked) == count


def test_nor_does_one_that_resets_connections(gateway, gpt):
    dead, well = gpt(reset), gpt(answer(GPT))
    answers = crowd(gateway, both(dead.target(), well.target()), count=200, at_once=AT_ONCE)
    assert share(answers) >= 0.999
    assert 5 <= tries(gateway, dead.slug, answers) <= MOST
    # A connection that was kept from before may have died meanwhile: then the same try takes a new one, once.
    assert len(dead.asked) <= 2 * MOST


def test_nor_does_one_that_refuses(gateway, gpt):
    well = gpt(answer(GPT))
    answers = crowd(gateway, both({"provider": "@refusing", "override_params": {"model": "m"}}, well.target()), count=1000)
    assert share(answers) >= 0.999
    assert 5 <= tries(gateway, "refusing", answers) <= MOST


def test_nor_one_that_lets_connections_wait(gateway, gpt):
    well = gpt(answer(GPT))
    answers = crowd(gateway, both({"provider": "@stuck", "override_params": {"model": "m"}}, well.target()), count=200)
    assert share(answers) >= 0.999
    assert 5 <= tries(gateway, "stuck", answers) <= MOST


def test_nor_one_that_takes_requests_and_says_nothing(gateway, gpt):
    silent, well = gpt(hang), gpt(answer(GPT))
    answers = crowd(gateway, both(silent.target(request_timeout=200), well.target()), count=200)
    assert share(answers) >= 0.999
    assert 5 <= len(silent.asked) <= MOST


def test_the_fifth_failure_opens_the_circuit(gateway, gpt):
    dead, well = gpt(answer(SERVER, 500)), gpt(answer(GPT))
    answers = crowd(gateway, both(dead.target(), well.target()), count=9, at_once=1)
    assert [each.status for each in answers] == [200] * 9
    assert (len(dead.asked), len(well.asked)) == (5, 9)


def test_failures_of_both_workers_open_one_circuit_and_one_of_them_probes_it(pair, gpt):
    """At most one request in a cool-down finds out, whoever gets it; everybody else is answered by the other target."""
    dead, well = gpt(answer(SERVER, 500)), gpt(answer(GPT))
    config = both(dead.target(), well.target(), cb_config={"failure_threshold": 5, "cooldown_interval": int(COOL_S * 1000)})
    before, talking = pair.sockets(), set()

    def enough():
        talking.update(worker for worker, count in pair.sockets().items() if count > before[worker] + 1)
        return len(probes(dead)) >= 3

    answers = crowd(pair, config, at_once=AT_ONCE, done=enough)
    assert len(talking) == 2
    assert share(answers) == 1, [(each.status, each.body[:300]) for each in answers if each.status != 200][:3]
    assert len(dead.asked) - len(probes(dead)) <= MOST
    assert min(later - sooner for sooner, later in pairwise(probes(dead))) >= COOL_S


#: Long enough that what was on its way when the circuit opened has arrived, also where many tests run at once.
COOL_S = 2.0


def probes(provider):
    """When a provider was asked after its circuit had opened, which was at the fifth failure or later, for `COOL_S`."""
    moments = [each.at for each in provider.asked]
    return [at for at in moments[5:] if at >= moments[4] + COOL_S]


def test_the_circuit_of_one_model_is_not_that_of_another(gateway, gpt):
    one, well = gpt(answer(SERVER, 500)), gpt(answer(GPT))
    crowd(gateway, both(one.target("a"), well.target()), count=6, at_once=1)
    one.plays(answer(GPT))
    assert ask(gateway, both(one.target("a"), well.target())).target == "config.targets[1]"
    assert ask(gateway, both(one.target("b"), well.target())).target == "config.targets[0]"


def test_who_is_well_again_is_asked_again(gateway, gpt):
    dead, well = gpt(answer(SERVER, 500)), gpt(answer(GPT))
    config = both(dead.target(), well.target(), cb_config={"failure_threshold": 3, "cooldown_interval": 1000})
    crowd(gateway, config, count=4, at_once=1)
    assert len(dead.asked) == 3
    dead.plays(answer(GPT))
    until(lambda: ask(gateway, config).target == "config.targets[0]")
    assert {each.target for each in crowd(gateway, config, count=20)} == {"config.targets[0]"}


def test_when_all_are_down_all_are_tried_and_the_last_error_is_the_answer(gateway, gpt):
    first, second = gpt(answer(SERVER, 500)), gpt(answer(BUSY, 503))
    config = both(first.target(), second.target())
    answers = crowd(gateway, config, count=8, at_once=1)
    assert [each.status for each in answers] == [503] * 8
    assert answers[-1].json["error"]["code"] == "server_is_overloaded"
    assert (len(first.asked), len(second.asked)) == (8, 8)


def test_retries_do_not_make_an_outage_worse(gateway, gpt):
    dead = gpt(answer(SERVER, 500))
    retry = {"attempts": 5, "base_ms": 1, "cap_ms": 4}
    answers = crowd(gateway, dead.target(retry=retry), count=600, at_once=AT_ONCE)
    assert share(answers, 500) == 1
    assert 1.0 < len(dead.asked) / 600 <= 1.20


def test_nor_do_retries_and_fallbacks_together(gateway, gpt):
    dead, other = gpt(answer(SERVER, 500)), gpt(answer(OVERLOADED, 529))
    config = {**both(dead.target(), other.target(), cb_config=False), "retry": {"attempts": 5, "base_ms": 1, "cap_ms": 4}}
    answers = crowd(gateway, config, count=400, at_once=AT_ONCE)
    assert share(answers, 529) == 1
    assert len(dead.asked) / 400 <= 1.20
    assert len(other.asked) / 400 <= 1.20


def test_a_rate_limited_primary_is_left_alone_as_long_as_it_says(gateway, gpt):
    limited, well = gpt(answer(LIMITED, 429, retry_after=60)), gpt(answer(GPT))
    answers = crowd(gateway, both(limited.target(), well.target()), count=200, at_once=AT_ONCE)
    assert share(answers) == 1, [(each.status, each.body[:300]) for each in answers if each.status != 200][:3]
    assert len(limited.asked) <= AT_ONCE


def test_the_load_of_one_that_is_down_goes_to_the_others(gateway, gpt):
    dead, one, other = gpt(answer(SERVER, 500)), gpt(answer(GPT)), gpt(answer(GPT))
    targets = [dead.target(weight=0.5), one.target(weight=0.25), other.target(weight=0.25)]
    config = {"strategy": {"mode": "loadbalance", "on_status_codes": [500]}, "targets": targets}
    answers = crowd(gateway, config, count=400, at_once=AT_ONCE)
    assert share(answers) == 1, [(each.status, each.body[:300]) for each in answers if each.status != 200][:3]
    assert 5 <= len(dead.asked) <= MOST
    assert len(one.asked) + len(other.asked) == 400
    assert min(len(one.asked), len(other.asked)) > 120
