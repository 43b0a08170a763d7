import threading

import argon2
import pytest
from argon2.low_level import Type

from lockgate.control.identity import passwords
from lockgate.control.identity.passwords import check, hashed, matches, outdated, rehashed
from lockgate.core.failure import Refusal

GOOD = "correct horse battery staple"


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "password_too_short"),
        ("eleven char", "password_too_short"),
        ("x" * 1025, "password_too_long"),
        ("abababababababab", "password_too_simple"),
        ("ann.miller@example.com", "password_is_email"),
        ("ANN.MILLER@example.com1", "password_is_email"),
        ("ann.miller1234", "password_is_email"),
    ],
)
def test_what_may_not_be_a_password(password, code):
    with pytest.raises(Refusal) as caught:
        check(password, "Ann.Miller@example.com")
    assert (caught.value.status, caught.value.code, caught.value.param) == (400, code, "password")
    assert not password or password not in caught.value.message


@pytest.mark.parametrize(
    "password", [GOOD, "twelve chars", "ann.miller rides her bicycle", "пароль из слов", "a" * 1020 + "bcde"]
)
def test_what_may_be_a_password(password):
    check(password, "ann.miller@example.com")
    check(password)


def test_a_password_is_known_again_by_its_hash_alone():
    kept = hashed(GOOD, "ann@example.com")
    assert matches(kept, GOOD)
    assert not matches(kept, GOOD + " ")
    assert not matches(kept, GOOD.upper())
    assert hashed(GOOD, "ann@example.com") != kept


def test_what_is_hashed_is_checked_first():
    with pytest.raises(Refusal, match="12 characters"):
        hashed("short", "ann@example.com")


def test_the_hash_itself_is_no_password():
    kept = rehashed(GOOD)
    assert not matches(kept, kept)
    assert not matches(kept, kept.rpartition("$")[2])


def test_the_parameters_are_those_that_owasp_names():
    parameters = argon2.extract_parameters(rehashed(GOOD))
    assert parameters.type is Type.ID
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (19456, 2, 1)
    assert (parameters.hash_len, parameters.salt_len) == (32, 16)


def test_a_hash_with_other_parameters_is_good_and_outdated():
    old = argon2.PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(GOOD)
    assert matches(old, GOOD)
    assert outdated(old)
    assert not outdated(rehashed(GOOD))


def test_letters_are_the_same_however_they_are_composed():
    assert matches(rehashed("caf\u00e9 au lait svp"), "cafe\u0301 au lait svp")


def test_nobody_costs_the_same_work_and_has_no_password(monkeypatch):
    class Hasher:
        def __init__(self):
            self.verified = []

        def verify(self, kept, password):
            self.verified.append(argon2.extract_parameters(kept))
            return True

    somebody = rehashed(GOOD)
    passwords._nobodys()
    hasher = Hasher()
    monkeypatch.setattr(passwords, "_hasher", lambda: hasher)
    assert matches(somebody, GOOD)
    assert not matches("", GOOD)
    assert not matches("", "nobody's password")
    assert len(set(map(str, hasher.verified))) == 1


@pytest.mark.parametrize("kept", ["plain text", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA", "$2b$12$abcdefghijklmnopqrstuv"])
def test_what_is_no_hash_matches_nothing(kept):
    assert not matches(kept, kept)
    assert not matches(kept, GOOD)


def test_a_book_is_not_hashed(monkeypatch):
    seen = []
    monkeypatch.setattr(passwords, "_hasher", type("H", (), {"verify": lambda self, kept, password: seen.append(password)}))
    assert not matches("kept", "x" * 1_000_000)
    assert seen == [""]


def test_no_more_are_hashed_at_once_than_memory_is_set_aside_for(monkeypatch):
    monkeypatch.setattr(passwords, "PATIENCE_S", 0.01)
    inside, most, done = [], [], threading.Event()

    class Hasher:
        def hash(self, password):
            inside.append(1)
            most.append(len(inside))
            done.wait(10)
            inside.pop()
            return "hash"

    monkeypatch.setattr(passwords, "_hasher", Hasher)
    threads = [threading.Thread(target=rehashed, args=(GOOD,)) for _ in range(passwords.AT_ONCE)]
    for thread in threads:
        thread.start()
    while len(most) < passwords.AT_ONCE:
        pass
    try:
        with pytest.raises(Refusal) as caught:
            rehashed(GOOD)
        assert (caught.value.status, caught.value.code) == (503, "login_busy")
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert rehashed(GOOD) == "hash"
    assert max(most) == passwords.AT_ONCE
