import pytest

from lockgate.control.keys import sha256
from lockgate.core.call import Principal
from lockgate.core.failure import Refusal
from lockgate.pipeline.admit import admit, digest, permit
from lockgate.pipeline.keys import OWN, SHARED, keys_of

PEPPER = b"p" * 32
KEY = b"lg_key"


class World:
    pepper = PEPPER
    seen = {}
    stale = False
    tokens = None
    keys = {digest(PEPPER, sha256("lg_key")): Principal("1", "app", frozenset({"completions.write"}))}


def refusal(headers, scope="completions.write"):
    with pytest.raises(Refusal) as caught:
        permit(admit(headers, World)[0], scope)
    return caught.value


@pytest.mark.parametrize("header", [*OWN, *SHARED])
@pytest.mark.parametrize("value", [KEY, b"Bearer " + KEY, b"bearer  " + KEY])
def test_the_key_comes_as_each_sdk_sends_it(header, value):
    principal, provider_key = admit({header: value}, World)
    assert principal.name == "app"
    assert provider_key == ""


@pytest.mark.parametrize("own", OWN)
def test_beside_our_own_header_another_key_is_the_provider_s(own):
    assert admit({own: KEY, b"authorization": b"Bearer sk-theirs"}, World)[1] == "sk-theirs"


def test_the_same_key_twice_is_one_key():
    assert keys_of({b"x-portkey-api-key": KEY, b"authorization": b"Bearer " + KEY}) == (KEY, "")
    assert keys_of({b"x-api-key": KEY, b"authorization": b"Bearer " + KEY}) == (KEY, "")


def test_two_keys_of_which_neither_is_named_ours_are_refused():
    assert refusal({b"x-api-key": KEY, b"authorization": b"Bearer other"}).code == "several_keys"


def test_no_key_is_401_and_says_how_to_send_one():
    assert refusal({}).status == 401
    assert "x-api-key" in refusal({}).message


@pytest.mark.parametrize("value", [b"wrong", b"", b"lg_ke", b"lg_key ", b"LG_KEY", b"' OR 1=1 --"])
def test_an_unknown_key_is_401_and_is_not_repeated(value):
    if value.strip() == KEY:
        return
    caught = refusal({b"x-lockgate-api-key": value})
    assert caught.status == 401
    assert not value or value.decode() not in caught.message


def test_a_key_without_the_scope_is_403_and_names_both():
    caught = refusal({b"authorization": b"Bearer lg_key"}, "models.list")
    assert (caught.status, caught.rule) == (403, "1")
    assert "models.list" in caught.message


def test_a_key_is_known_again_and_what_is_kept_of_it_is_bounded(monkeypatch):
    monkeypatch.setattr("lockgate.pipeline.admit.MEMO", 1)
    World.seen.clear()
    first, second = {b"authorization": b"Bearer lg_key"}, {b"authorization": b"bearer lg_key"}
    assert admit(first, World)[0] is admit(second, World)[0] is admit(second, World)[0]
    assert len(World.seen) == 1
    assert not any(b"lg_key" in seen for seen in World.seen)


def test_while_the_stored_keys_cannot_be_read_an_unknown_key_may_be_a_good_one():
    class Stale(World):
        stale = True

    with pytest.raises(Refusal) as caught:
        admit({b"authorization": b"Bearer lg_new"}, Stale)
    assert caught.value.status == 503
    assert admit({b"authorization": b"Bearer lg_key"}, Stale)[0].name == "app"
