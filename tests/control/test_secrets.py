import os

import pytest

from lockgate.control.secrets import WeakSecret, check_strength, derive, new_key


@pytest.mark.parametrize("text", ["sk-1234", "changeme", "short", "aaaaaaaaaaaaaaaaaaaaaaaa", "abababababababababab"])
def test_a_secret_that_can_be_guessed_is_refused(text):
    with pytest.raises(WeakSecret):
        check_strength(text, "the key")


def test_a_random_secret_is_strong():
    check_strength(os.urandom(16).hex(), "the key")


def test_each_purpose_has_a_key_of_its_own():
    root = bytes(32)
    assert derive(root, "a") != derive(root, "b")
    assert derive(root, "a") == derive(root, "a")


def test_new_keys_differ_and_say_their_id():
    id, key = new_key()
    assert key.startswith(f"lg_{id}_")
    assert len(key) > 50
    assert new_key()[1] != key
    again = new_key(id)
    assert again[0] == id
    assert again[1] != key
