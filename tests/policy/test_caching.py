"""policy/caching and policy/cache_key: what is kept, for whom, and by what it is found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.core.failure import Failure
from lockgate.core.outcome import Outcome
from lockgate.core.reply import Finish
from lockgate.policy.cache_key import cache_key, canonical
from lockgate.policy.caching import CachePolicy, Wish, age_s, is_keepable, read_wish


def wish(control="", **headers):
    return read_wish(lambda name: headers.get(name.replace("-", "_"), ""), control)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (wish(), Wish()),
        (wish("no-store"), Wish(off=True)),
        (wish("No-Cache, max-age=90"), Wish(refresh=True, max_age_s=90)),
        (wish('max-age = "5"'), Wish(max_age_s=5)),
        (wish(debug="False"), Wish(off=True)),
        (wish(cache_force_refresh="True", cache_namespace="n"), Wish(refresh=True, namespace="n")),
        (wish(cache_force_refresh="false"), Wish()),
    ],
)
def test_what_a_caller_says_is_read(said, meant):
    assert said == meant


def test_the_shorter_time_holds():
    assert age_s(CachePolicy(100), Wish()) == 100
    assert age_s(CachePolicy(100), Wish(max_age_s=5)) == 5
    assert age_s(CachePolicy(100), Wish(max_age_s=500)) == 100


@pytest.mark.parametrize(
    ("outcome", "body", "kept"),
    [
        (None, b"", False),
        (Outcome(), b"", False),
        (Outcome(complete=True), b"", True),
        (Outcome(complete=True, failure=Failure("server", 500, "no")), b"", False),
        (Outcome(complete=True, finish=Finish("stop")), b'{"refusal": null}', True),
        (Outcome(complete=True, finish=Finish("tool_calls")), b"", True),
        (Outcome(complete=True, finish=Finish("length")), b"", False),
        (Outcome(complete=True, finish=Finish("unknown")), b"", False),
        (Outcome(complete=True, finish=Finish("stop")), b'{"refusal": "I cannot."}', False),
        (Outcome(complete=True, finish=Finish("stop")), b'{"content": "say \\"refusal\\": \\"no\\""}', True),
    ],
)
def test_only_what_is_complete_and_said_to_its_end_is_kept(outcome, body, kept):
    assert is_keepable(outcome, body) is kept


def test_order_and_space_do_not_count_and_everything_else_does():
    assert canonical(b'{"a": 1, "b": [1, 2]}') == canonical(b'{"b":[1,2],\n"a":1}')
    assert canonical(b'{"a": [1, 2]}') != canonical(b'{"a": [2, 1]}')
    assert canonical(b'{"a": 1') is None
    assert canonical(b"[" * 100_000) is None


@given(st.lists(st.binary(max_size=5), max_size=4), st.lists(st.binary(max_size=5), max_size=4))
def test_each_part_stands_for_itself(one, other):
    assert (cache_key(b"k", one) == cache_key(b"k", other)) == (one == other)


def test_without_the_secret_nobody_finds_it():
    assert cache_key(b"k", [b"a"]) != cache_key(b"l", [b"a"])
    assert len(cache_key(b"k" * 100, [])) == 32
