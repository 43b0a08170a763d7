"""The trap set: no two texts that ask for different things may have one canonical key, and enough that ask the same should."""

from collections import Counter, defaultdict

from lockgate.policy.sameness.canonical import canonical
from support.pairs import read_pairs

PAIRS = read_pairs()


def key(text: str) -> bytes | None:
    found = canonical(text)
    return found and found.key


def test_the_set_is_as_large_as_it_is_meant_to_be():
    assert Counter(pair.same for pair in PAIRS)[False] >= 300
    assert Counter(pair.same for pair in PAIRS)[True] >= 300
    assert len({pair.kind for pair in PAIRS}) >= 12


def test_no_trap_has_one_key():
    assert [pair for pair in PAIRS if not pair.same and key(pair.one) and key(pair.one) == key(pair.other)] == []


def test_no_two_texts_of_the_set_meet_unless_they_are_said_to_ask_the_same():
    group: dict[str, str] = {}

    def leader(text: str) -> str:
        while group.setdefault(text, text) != text:
            text = group[text]
        return text

    for pair in PAIRS:
        if pair.same:
            group[leader(pair.one)] = leader(pair.other)
    meeting = defaultdict(set)
    for pair in PAIRS:
        for text in (pair.one, pair.other):
            if found := key(text):
                meeting[found].add(text)
    assert [texts for texts in meeting.values() if len({leader(text) for text in texts}) > 1] == []


def test_a_third_of_the_paraphrases_have_one_key():
    same = [pair for pair in PAIRS if pair.same]
    hits = [pair for pair in same if key(pair.one) and key(pair.one) == key(pair.other)]
    assert len(hits) >= len(same) / 3
