import os
import secrets

import pytest

from lockgate.control.secrets import WeakSecret, check_strength, derive, new_key, root_secret


def test_the_root_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path):
    first = root_secret(tmp_path)
    assert len(first) == 32
    assert root_secret(tmp_path) == first
    assert (tmp_path / "root.secret").stat().st_mode & 0o777 == 0o600


def test_a_root_secret_that_others_may_read_is_closed_to_them(tmp_path):
    root_secret(tmp_path)
    (tmp_path / "root.secret").chmod(0o644)
    root_secret(tmp_path)
    assert (tmp_path / "root.secret").stat().st_mode & 0o777 == 0o600


def test_a_start_that_is_killed_while_it_makes_the_secret_leaves_none_that_is_half(tmp_path, monkeypatch):
    def killed(size):
        raise KeyboardInterrupt

    monkeypatch.setattr(secrets, "token_hex", killed)
    with pytest.raises(KeyboardInterrupt):
        root_secret(tmp_path)
    monkeypatch.undo()
    assert len(root_secret(tmp_path)) == 32
    assert [path.name for path in tmp_path.iterdir()] == ["root.secret"]


@pytest.mark.parametrize("text", ["", "00" * 32, "ab"])
def test_a_weak_root_secret_is_refused(tmp_path, text):
    (tmp_path / "root.secret").write_text(text)
    with pytest.raises(WeakSecret, match=r"root\.secret"):
        root_secret(tmp_path)


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
