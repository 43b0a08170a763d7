"""core/cache_cap: what may be asked of the cache is the least of what is said."""

import msgspec
import pytest

from lockgate.core.cache_cap import LEAST_S, MOST_S, UNCAPPED, CacheCap, cap_of


def test_what_two_let_be_asked_for_is_the_least_of_both():
    assert CacheCap(3600).within(CacheCap(600)) == CacheCap(600)
    assert CacheCap(3600).within(UNCAPPED) == UNCAPPED.within(CacheCap(3600)) == CacheCap(3600)
    assert CacheCap(3600).within(CacheCap(off=True)) == CacheCap(3600, off=True)


@pytest.mark.parametrize(
    ("said", "meant"),
    [(None, UNCAPPED), (True, UNCAPPED), (False, CacheCap(off=True)), (CacheCap(60), CacheCap(60))],
)
def test_false_is_nothing_and_true_is_whatever_is_asked_for(said, meant):
    assert cap_of(said) == meant


@pytest.mark.parametrize("age", [LEAST_S - 1, MOST_S + 1])
def test_an_age_that_no_config_could_ask_for_is_no_cap(age):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"max_age": age}, CacheCap)
