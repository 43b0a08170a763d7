"""Where the root keys are."""

import secrets

import pytest

from lockgate.control.kms.roots import keep_roots, new_root, root_secrets
from lockgate.control.secrets import WeakSecret


def test_the_root_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path):
    first = root_secrets(tmp_path, {})
    assert [len(each) for each in first] == [32]
    assert root_secrets(tmp_path, {}) == first
    assert (tmp_path / "root.secret").stat().st_mode & 0o777 == 0o600


def test_a_root_secret_that_others_may_read_is_closed_to_them(tmp_path):
    root_secrets(tmp_path, {})
    (tmp_path / "root.secret").chmod(0o644)
    root_secrets(tmp_path, {})
    assert (tmp_path / "root.secret").stat().st_mode & 0o777 == 0o600


def test_a_start_that_is_killed_while_it_makes_the_secret_leaves_none_that_is_half(tmp_path, monkeypatch):
    def killed(size):
        raise KeyboardInterrupt

    monkeypatch.setattr(secrets, "token_hex", killed)
    with pytest.raises(KeyboardInterrupt):
        root_secrets(tmp_path, {})
    monkeypatch.undo()
    assert len(root_secrets(tmp_path, {})[0]) == 32
    assert [path.name for path in tmp_path.iterdir()] == ["root.secret"]


@pytest.mark.parametrize("text", ["", "00" * 32, "ab"])
def test_a_weak_root_secret_is_refused(tmp_path, text):
    (tmp_path / "root.secret").write_text(text)
    with pytest.raises(WeakSecret, match=r"root\.secret"):
        root_secrets(tmp_path, {})


def test_the_environment_comes_first_and_no_file_is_made(tmp_path):
    one, two = new_root(), new_root()
    assert root_secrets(tmp_path, {"LOCKGATE_ROOT_KEY": f"{two.hex()},{one.hex()}"}) == [two, one]
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(WeakSecret, match="LOCKGATE_ROOT_KEY"):
        root_secrets(tmp_path, {"LOCKGATE_ROOT_KEY": "changeme"})


def test_kept_roots_are_found_again_in_their_order_and_stay_private(tmp_path):
    (old,) = root_secrets(tmp_path, {})
    new = new_root()
    keep_roots(tmp_path, [new, old])
    assert root_secrets(tmp_path, {}) == [new, old]
    assert (tmp_path / "root.secret").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["root.secret"]
