"""Every text of the set with a word less, or two words in another order: no such change may keep the key, but for manners."""

from itertools import chain

from lockgate.policy.sameness.canonical import canonical
from support.pairs import read_pairs

TEXTS = sorted(set(chain.from_iterable((pair.one, pair.other) for pair in read_pairs())))
#: What is said to be polite, or to nobody, may go; so may "of" in a date, and "one" before "hundred".
IDLE = frozenset(
    [
        "please",
        "kindly",
        "hi",
        "hey",
        "hello",
        "hiya",
        "thanks",
        "thank",
        "you",
        "cheers",
        "team",
        "there",
        "many",
        "quick",
        "question",
        "sorry",
        "so",
        "okay",
        "ok",
        "um",
        "uh",
        "siri",
        "in",
        "advance",
        "bitte",
        "hallo",
        "danke",
        "guten",
        "tag",
        "bonjour",
        "merci",
        "d'avance",
        "s'il",
        "vous",
        "plaît",
        "hola",
        "buenas",
        "tardes",
        "gracias",
        "por",
        "favor",
        "de",
        "of",
        "uhr",
        "me",
        "a",
        "one",
    ]
)


def key(text: str) -> bytes | None:
    found = canonical(text)
    return found and found.key


def test_a_word_less_is_another_key():
    kept = []
    for text in TEXTS:
        words = text.split(" ")
        for at, word in enumerate(words):
            bare = word.lower().strip("?!.,:")
            if bare and bare not in IDLE and key(text) and key(" ".join(words[:at] + words[at + 1 :])) == key(text):
                kept.append((word, text))
    assert kept == []


def test_words_in_another_order_are_another_key():
    kept = set()
    for text in TEXTS:
        words = text.split(" ")
        for at in range(len(words) - 1):
            turned = [*words[:at], words[at + 1], words[at], *words[at + 2 :]]
            if words[at].lower() != words[at + 1].lower() and key(text) and key(" ".join(turned)) == key(text):
                kept.add(f"{words[at]} {words[at + 1]}")
    assert kept == {"I not", "4 July", "5 March", "5 mars"}  # can I not, can not I; a day before its month, or after
