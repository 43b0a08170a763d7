import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.policy.sameness.reading import read
from lockgate.policy.sameness.veto import veto
from support.pairs import read_pairs


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ("How do I reset my password?", "what are the steps to reset my password", ""),
        ("Who wrote Hamlet?", "Who is the author of Hamlet?", ""),
        ("Is 5 km far?", "Is 5 kilometres far?", ""),
        ("How do I turn on dark mode?", "How do I enable dark mode?", ""),
        ("Wie ist das Wetter?", "What is the weather?", "language"),
        ("What does f(x) do?", "What does g(x) do?", "code"),
        ("Как войти?", "Как выйти?", "code"),
        ('What does "Foo" print?', 'What does "foo" print?', "quoted"),
        ("How do I read config.yaml?", "How do I read config.json?", "quoted"),
        ("Is it for 2 people?", "Is it for two guests or three?", "numbers"),
        ("Can I carry 5 kg?", "Can I carry 5 lbs?", "units"),
        ("Is it open on Monday?", "Is it open on Friday?", "dates"),
        ("Is it on 5 March 2025?", "Is it on March 6, 2025?", "dates"),
        ("Which are acidic?", "Which aren't acidic?", "negation"),
        ("Can I go with a visa?", "Can I go without a visa?", "negation"),
        ("What is the capital of Peru?", "What is the capital of Chile?", "names"),
        ("How do I clean windows?", "How do I clean Windows?", "names"),
        ("When is the sale?", "Where is the sale?", "question"),
        ("How do I cancel?", "Why do I cancel?", "question"),
        ("How much water does it need?", "How often does it need water?", "question"),
        ("You can return it", "Can you return it?", "question"),
        ("Where is my order?", "Where is your order?", "owner"),
        ("Does he own it?", "Does she own it?", "person"),
        ("Can I edit the file?", "Can you edit the file?", "person"),
        ("Can I buy a used car?", "Should I buy a used car?", "modal"),
        ("Did I sign the form?", "Do I sign the form?", "modal"),
        ("What is time?", "What is the time?", "article"),
        ("How do I say please in French?", "How do I say thanks in French?", "words"),
        ("Pandas eat shoots and leaves", "Pandas eat, shoots and leaves", "words"),
        ("Do all birds fly?", "Do some birds fly?", "extent"),
        ("How do I lock it?", "How do I unlock it?", "polarity"),
        ("Is the drug safe for me?", "Is the drug unsafe for me?", "polarity"),
        ("How do I turn on the light?", "How do I turn off the light?", "polarity"),
        ("Wie aktiviere ich die Kamera?", "Wie deaktiviere ich die Kamera?", "polarity"),
        ("How do I go from Rome to Oslo?", "How do I go from Oslo to Rome?", "direction"),
        ("Does stress cause insomnia?", "Does insomnia cause stress?", "direction"),
        ("Kann der Hund die Katze sehen?", "Kann die Katze den Hund sehen?", "direction"),
    ],
)
def test_the_reason_is_told(one, other, reason):
    assert veto(one, other) == reason
    assert veto(other, one) == reason


def test_a_reading_is_as_good_as_the_text():
    one, other = "When is the sale?", "Where is the sale?"
    assert veto(read(one), read(other)) == veto(one, other) == "question"


def test_few_traps_pass_and_few_paraphrases_do_not():
    pairs = read_pairs()
    passed = [not veto(pair.one, pair.other) for pair in pairs]
    traps = [ok for pair, ok in zip(pairs, passed, strict=True) if not pair.same]
    same = [ok for pair, ok in zip(pairs, passed, strict=True) if pair.same]
    assert sum(traps) <= 0.12 * len(traps)
    assert sum(same) >= 0.8 * len(same)


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_two_texts_can_be_compared_either_way_round(one, other):
    assert bool(veto(one, other)) == bool(veto(other, one))
    assert veto(one, one) == ""
