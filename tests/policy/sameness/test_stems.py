import pytest

from lockgate.policy.sameness.stems import stemmer


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["dog", "dogs", "dog's"]),
        ("en", ["install", "installs", "installing", "installed"]),
        ("de", ["hund", "hunde", "hunden"]),
        ("fr", ["l'abonnement", "abonnements"]),
    ],
)
def test_forms_of_a_word_have_one_stem(language, words):
    assert len({stemmer(language)(word) for word in words}) == 1


def test_words_of_a_language_without_a_stemmer_stay_as_they_are():
    assert stemmer("fi")("taloissa") == "taloissa"
