"""Whose request it is, behind proxies and behind those who pretend to be."""

import pytest

from lockgate.wire.forwarded import MOST, caller_address, networks_of

TRUSTED = networks_of(("10.0.0.0/8", "192.0.2.7", "2001:db8::/32"))


def address(peer, *lines, trusted=TRUSTED):
    headers = [(b"host", b"x"), *((b"x-forwarded-for", line.encode("latin-1")) for line in lines)]
    return caller_address(peer, headers, trusted)


@pytest.mark.parametrize("peer", ["203.0.113.9", "2001:db9::1", "", "unix", "10.0.0.1.evil.example"])
def test_nobody_else_is_believed(peer):
    assert address(peer, "198.51.100.1") == peer


def test_without_a_setting_nobody_is():
    assert address("10.0.0.1", "198.51.100.1", trusted=()) == "10.0.0.1"


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (["198.51.100.1"], "198.51.100.1"),
        (["198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        (["6.6.6.6, 198.51.100.1, 10.0.0.2, 192.0.2.7"], "198.51.100.1"),  # the first one was made up
        (["10.9.9.9, 198.51.100.1"], "198.51.100.1"),  # and so was a proxy of ours
        (["198.51.100.1", "10.0.0.2"], "198.51.100.1"),  # two lines are one list, in their order
        (["198.51.100.1", "6.6.6.6"], "6.6.6.6"),
        (["10.0.0.3, 10.0.0.2"], "10.0.0.3"),  # from within: the left-most
        (["198.51.100.1:4711"], "198.51.100.1"),
        (["2001:db9::5"], "2001:db9::5"),
        (["[2001:db9::5]:4711"], "2001:db9::5"),
        (["2001:DB9:0::5, 2001:db8::1"], "2001:db9::5"),
        (["::ffff:198.51.100.1"], "198.51.100.1"),
        (["198.51.100.1, ::ffff:10.0.0.9"], "198.51.100.1"),
        (["  198.51.100.1\t,\t10.0.0.2  "], "198.51.100.1"),
        ([], "10.0.0.1"),
        ([""], "10.0.0.1"),
        (["unknown"], "10.0.0.1"),
        (["198.51.100.1, unknown"], "10.0.0.1"),
        (["198.51.100.1, , 10.0.0.2"], "10.0.0.2"),
        (["198.51.100.1, <script>, 10.0.0.2"], "10.0.0.2"),
        (["fe80::1%<script>"], "10.0.0.1"),
        (["_hidden"], "10.0.0.1"),
        (["1.2.3"], "10.0.0.1"),
        (["0300.0.0.1"], "10.0.0.1"),
        (["198.51.100.1\x00"], "10.0.0.1"),
        (["198.51.100.\xb2"], "10.0.0.1"),
        (['"198.51.100.1"'], "10.0.0.1"),
    ],
)
def test_the_right_most_that_is_no_proxy_of_ours_is_the_caller(said, found):
    assert address("10.0.0.1", *said) == found


def test_a_list_without_end_is_not_followed_without_end():
    said = ", ".join(["198.51.100.1", *["10.0.0.2"] * 100_000])
    assert address("10.0.0.1", said) == "10.0.0.2"
    assert address("10.0.0.1", ", ".join(["198.51.100.1", *["10.0.0.2"] * (MOST - 1)])) == "198.51.100.1"


def test_a_proxy_that_came_by_a_mapped_address_is_known():
    assert address("::ffff:10.0.0.1", "198.51.100.1") == "198.51.100.1"


@pytest.mark.parametrize("said", ["0.0.0.0/0", "::/0", "10.0.0.1/8", "proxy.example", "10.0.0.0/33", ""])
def test_networks_that_are_none_or_all_are_refused(said):
    with pytest.raises(ValueError):
        networks_of((said,))
