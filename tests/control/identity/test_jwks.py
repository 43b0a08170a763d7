import asyncio
import json
import logging

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from lockgate.control.identity.jwks import FRESH_S, MOST, RETRY_S, TICK_S, UNKNOWN_S, Jwks, KeySet, KeySets, read_keys
from lockgate.control.identity.web import place_of
from lockgate.core.failure import Failure
from support.tokens import Answers, ec_key, jwk, rsa_key

URL = "https://issuer.example/jwks"
PLACE = place_of(URL)


def keys_of(*written):
    return read_keys(msgspec.json.decode(json.dumps({"keys": written}), type=Jwks))


def test_keys_for_the_two_algorithms_are_read():
    one, two = keys_of(jwk(rsa_key(), "a", alg="RS256"), jwk(ec_key(), "b"))
    assert (one.kid, one.algorithm, two.kid, two.algorithm) == ("a", "RS256", "b", "ES256")
    assert one.key == rsa_key().public_key()
    assert repr(one) == "VerifyKey('a', RS256)"
    assert keys_of(jwk(rsa_key(), key_ops=["verify"], x5c=["..."], unknown={}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"kty": "oct", "k": "c2VjcmV0"},
        jwk(rsa_key("small", 1024)),
        jwk(rsa_key(), alg="RS512"),
        jwk(rsa_key(), alg="HS256"),
        jwk(rsa_key(), use="enc"),
        jwk(rsa_key(), key_ops=["encrypt"]),
        jwk(ec_key("p384", ec.SECP384R1)),
        jwk(ec_key(), alg="ES384"),
        jwk(ec_key(), x="AAAA"),
        jwk(rsa_key(), e="AQ"),
        jwk(rsa_key(), e="AA"),
        jwk(rsa_key(), n="!!"),
        jwk(rsa_key(), n="é"),
        jwk(rsa_key(), n="f" * 100_000),
        jwk(rsa_key(), n=7),
        jwk(rsa_key(), kid=7),
        {"kid": "x"},
        "text",
        7,
    ],
)
def test_what_is_no_key_for_us_is_left_out(wrong):
    (good,) = keys_of(wrong, jwk(ec_key(), "good"))
    assert good.kid == "good"


def test_a_private_key_that_was_published_is_not_used_and_told(caplog):
    (good,) = keys_of(jwk(rsa_key(), "leaked", d="c2VjcmV0"), jwk(ec_key(), "good"))
    assert good.kid == "good"
    assert "holds the private key 'leaked'" in caplog.text


def test_a_set_of_very_many_is_no_set():
    with pytest.raises(ValueError, match="more than"):
        keys_of(*[{}] * (MOST + 1))


# --- kept


class Place:
    """A key set with a clock that is turned by hand, and an issuer that can be changed."""

    def __init__(self, *written):
        self.now_s = 1000.0
        self.set = KeySet(PLACE, (), lambda: self.now_s)
        self.client = Answers({URL: {"keys": list(written)}})

    def say(self, *written):
        self.client.said[URL] = {"keys": list(written)}

    def fetch(self):
        asyncio.run(self.set.fetch(self.client))
        return [key.kid for key in self.set.keys]


ONE, TWO = jwk(rsa_key(), "one"), jwk(ec_key(), "two")


def test_a_set_is_fetched_and_again_after_five_minutes():
    place = Place(ONE)
    assert place.set.due
    assert not place.set.known
    assert place.fetch() == ["one"]
    assert place.set.known
    place.now_s += FRESH_S - 0.001
    assert not place.set.due
    place.now_s += 0.001
    assert place.set.due
    assert place.client.open == 0


def test_a_key_that_is_gone_verifies_nothing_any_more():
    place = Place(ONE, TWO)
    place.fetch()
    generation = place.set.generation
    place.fetch()
    assert place.set.generation == generation
    place.say(TWO)
    assert place.fetch() == ["two"]
    assert place.set.generation == generation + 1
    place.say()
    assert place.fetch() == []


def test_another_key_under_the_same_kid_is_another_generation():
    place = Place(jwk(rsa_key(), "one"))
    place.fetch()
    place.say(jwk(rsa_key("other"), "one"))
    generation = place.set.generation
    place.fetch()
    assert place.set.generation == generation + 1


@pytest.mark.parametrize(
    "trouble",
    [Failure("connect", 502, "refused"), (500, b"x"), (302, b""), (200, b"<html>"), (200, b"{}"), (200, b'{"keys": 5}'),
     (200, json.dumps({"keys": [{}] * 101}).encode()), (200, Failure("cut", 502, "cut"))],
)  # fmt: skip
def test_an_outage_of_the_issuer_is_none_here(trouble, caplog):
    place = Place(ONE)
    place.fetch()
    place.client.said[URL] = trouble
    assert place.fetch() == ["one"]
    assert not place.set.due
    place.now_s += RETRY_S
    assert place.set.due
    assert place.fetch() == ["one"]
    assert caplog.text.count("those that are known stay") == 1  # said once
    place.say(TWO)
    assert place.fetch() == ["two"]


def test_an_unknown_key_has_the_set_fetched_and_not_too_often():
    place = Place(ONE)
    assert place.set.miss()  # nothing was read yet
    place.fetch()
    place.now_s += UNKNOWN_S - 1
    assert not place.set.miss()
    assert not place.set.due
    place.now_s += 1
    assert place.set.miss()
    assert place.set.due
    place.fetch()
    assert not place.set.miss()


def test_while_the_issuer_is_out_nobody_can_say_that_a_key_is_wrong():
    place = Place()
    place.client.said[URL] = (500, b"")
    place.fetch()
    assert place.set.miss()
    assert not place.set.due
    place.say(ONE)
    place.now_s += RETRY_S
    place.fetch()
    place.client.said[URL] = (500, b"")
    place.now_s += FRESH_S
    place.fetch()
    assert place.set.miss()


def test_those_who_come_together_ask_once():
    place = Place(ONE)

    async def crowd():
        await asyncio.gather(*(place.set.fetch(place.client) for _ in range(10)))

    asyncio.run(crowd())
    assert len(place.client.asked) == 1


def test_who_stops_waiting_does_not_stop_the_others():
    place = Place(ONE)

    async def crowd():
        one = asyncio.ensure_future(place.set.fetch(place.client))
        two = asyncio.ensure_future(place.set.fetch(place.client))
        await asyncio.sleep(0)
        one.cancel()
        await two

    asyncio.run(crowd())
    assert place.set.known


def test_a_set_that_was_written_down_is_known_and_never_due():
    sets = KeySets(lambda: 0.0)
    written = sets.written(keys_of(ONE))
    assert written.known
    assert not written.due
    assert not written.miss()
    assert repr(written) == "KeySet(None, 1 keys)"


def test_what_no_configuration_names_is_forgotten_and_the_rest_stays():
    sets = KeySets(lambda: 0.0)
    other = place_of("https://other.example/jwks")
    first = sets.at([PLACE, other])[PLACE]
    assert sets.at([PLACE]) == {PLACE: first}
    assert repr(sets) == "KeySets(1 places)"


def test_what_is_due_is_fetched_before_anyone_asks(monkeypatch):
    now = [0.0]
    sets = KeySets(lambda: now[0])
    found = sets.at([PLACE])[PLACE]
    client = Answers({URL: {"keys": [ONE]}})
    rounds = []

    async def sleep(seconds):
        assert seconds == TICK_S
        rounds.append(len(client.asked))
        await real(0)
        now[0] += 100
        if len(rounds) == 6:
            raise asyncio.CancelledError

    real = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(sets.keep_fresh({"https": client}.__getitem__))
    assert found.known
    assert len(client.asked) == 2  # at the start and after five minutes


def test_a_key_set_says_where_it_is_and_how_much_it_holds(caplog):
    caplog.set_level(logging.CRITICAL)
    assert repr(KeySet(PLACE, (), lambda: 0.0)) == f"KeySet(Place({URL}), 0 keys)"
