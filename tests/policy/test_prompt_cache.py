"""Where a prompt is marked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.policy.prompt_cache import MOST, Marks, PromptCache, marks

LONG = 2000
sizes = st.integers(0, 5000)


def test_a_long_prompt_is_marked_after_each_of_its_parts():
    assert marks(LONG, LONG, [LONG, 10, 10], [0, 2], 1024) == Marks(True, True, (0, 2))


def test_what_is_not_there_is_not_marked():
    assert marks(0, 0, [LONG], [0], 1024) == Marks(False, False, (0,))


def test_a_short_part_is_marked_when_what_stands_before_it_is_long():
    assert marks(LONG, 1, [1], [0], 1024) == Marks(True, True, (0,))
    assert marks(1, LONG, [1], [0], 1024) == Marks(False, True, (0,))


def test_nothing_short_is_marked():
    assert marks(300, 300, [423], [0], 1024) == Marks()
    assert marks(300, 300, [424], [0], 1024) == Marks(turns=(0,))


def test_what_was_marked_last_is_marked_again_when_the_conversation_has_grown():
    users = [0, 2, 4, 6, 8]
    for n in range(2, 6):
        before = marks(LONG, 0, [10] * (2 * n - 3), users[: n - 1], 1024)
        after = marks(LONG, 0, [10] * (2 * n - 1), users[:n], 1024)
        assert before.turns[-1] == after.turns[0]


@given(sizes, sizes, st.lists(sizes, max_size=30), st.integers(0, 9000), st.data())
def test_there_are_never_more_than_four(tools, system, turns, least, data):
    users = sorted(data.draw(st.sets(st.integers(0, len(turns) - 1)))) if turns else []
    found = marks(tools, system, turns, users, least)
    assert found.tools + found.system + len(found.turns) <= MOST
    assert set(found.turns) <= set(users)


@pytest.mark.parametrize(
    ("needs", "said", "least"),
    [(1024, None, 1024), (1024, 512, 1024), (1024, 3000, 3000), (None, None, None), (None, 3000, 3000)],
)
def test_a_route_may_ask_for_more_than_the_model_needs(needs, said, least):
    assert PromptCache(min_tokens=said).least(needs) == least
