"""Addresses as they may be shown: nobody's password is in them, however it is written."""

import pytest

from lockgate.control.addresses import host_of, kind_of, shown


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://user:secret@db.example.com:5432/log?password=secret", "postgresql://db.example.com:5432/log"),
        ("postgresql://u:secret@a:1,b:2/log", "postgresql://a:1,b:2/log"),
        ("redis://:secret@[::1]:6379/2", "redis://[::1]:6379/2"),
        ("redis://x:secret@[::1]:6379/2", "redis://[::1]:6379/2"),
        ("https://secret@example.com/x#secret", "https://example.com/x"),
        ("unix:///run/redis.sock?password=secret", "unix:///run/redis.sock"),
        ("sqlite:/data/control.db", "sqlite:/data/control.db"),
        ("memory:", "memory:"),
    ],
)
def test_what_is_secret_is_left_out(url, said):
    assert shown(url) == said


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:sec/ret@db/log",
        "postgresql://u:sec?ret@db/log",
        "postgresql://u:sec#ret@db/log",
        "postgresql://db/log?password=sec@ret",
        "postgresql://u:secret",
        "postgresql://u:se cret/x",
        "u:secret@db",
    ],
)
def test_of_what_is_written_amiss_there_is_nothing_but_its_kind(url):
    assert shown(url) in ("postgresql://", "")


def test_of_a_webhook_there_is_its_host():
    assert host_of("https://hooks.example.com/services/T0/B0/secret") == "hooks.example.com"
    assert (host_of(""), kind_of("postgresql://x")) == ("", "postgresql")
