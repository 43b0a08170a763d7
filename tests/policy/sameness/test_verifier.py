import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.policy.sameness.features import FEATURES, features
from lockgate.policy.sameness.reading import read
from lockgate.policy.sameness.verifier import Verifier
from lockgate.policy.sameness.veto import veto
from support.pairs import read_pairs

VERIFIER = Verifier.load()
PAIRS = read_pairs()
TEXTS = st.sampled_from([pair.one for pair in PAIRS])


def test_one_trap_of_a_hundred_is_let_through_at_most_however_near_its_vectors_are():
    traps = [pair for pair in PAIRS if not pair.same]
    wrong = [pair for pair in traps if VERIFIER.score(pair.one, pair.other, 1.0) >= VERIFIER.threshold]
    assert len(wrong) <= 0.01 * len(traps), wrong


def test_most_paraphrases_are_found():
    same = [pair for pair in PAIRS if pair.same]
    found = [pair for pair in same if VERIFIER.score(pair.one, pair.other, 0.85) >= VERIFIER.threshold]
    assert len(found) >= 0.6 * len(same)


def test_the_data_file_says_what_each_level_was_found_to_be_worth():
    strict, standard, wide = (VERIFIER.levels[name] for name in ("strict", "standard", "wide"))
    assert strict.threshold > standard.threshold > wide.threshold
    assert all(worth.wrong <= 0.01 for worth in standard.cross_validated.values())
    assert all(worth.hits >= 0.35 for worth in standard.cross_validated.values())
    assert VERIFIER.embedder.startswith("wordllama-")


def test_a_veto_is_a_score_of_nothing():
    assert veto("Can I buy it?", "Can't I buy it?") == "negation"
    assert VERIFIER.score("Can I buy it?", "Can't I buy it?", 1.0) == 0.0


def test_a_model_of_other_features_is_refused():
    document = msgspec.json.decode(
        b'{"version":1,"canonical":1,"embedder":"x","features":["cosine"],"levels":{},"pairs":{},"base":0.0,"trees":[]}'
    )
    with pytest.raises(ValueError, match="other features"):
        Verifier(msgspec.json.encode(document))
    with pytest.raises(ValueError, match="version"):
        Verifier(b"{}")


def test_trees_are_followed_to_their_leaves():
    document = {
        "version": 1,
        "canonical": 1,
        "embedder": "x",
        "features": list(FEATURES),
        "levels": {"standard": {"threshold": 0.9, "cross_validated": {}}},
        "pairs": {},
        "base": -1.0,
        "trees": [[0, 0.5, -2.0, [1, 3, 1.0, 4.0]], 0.5],
    }
    verifier = Verifier(msgspec.json.encode(document))
    rest = [0.0] * (len(FEATURES) - 2)
    assert verifier.weigh([0.5, 9.0, *rest]) == pytest.approx(0.0759, abs=1e-4)  # -1 - 2 + 0.5
    assert verifier.weigh([0.6, 3.0, *rest]) == pytest.approx(0.6225, abs=1e-4)  # -1 + 1 + 0.5
    assert verifier.weigh([0.6, 4.0, *rest]) == pytest.approx(0.9707, abs=1e-4)  # -1 + 4 + 0.5


@given(TEXTS, TEXTS, st.floats(0, 1), st.floats(0, 1))
def test_nearer_vectors_never_make_a_pair_less_the_same(one, other, near, nearer):
    left, right = read(one), read(other)
    low, high = sorted((near, nearer))
    assert VERIFIER.weigh(features(left, right, low)) <= VERIFIER.weigh(features(left, right, high)) + 1e-9


@given(TEXTS, TEXTS, st.floats(0, 1))
def test_the_score_does_not_depend_on_who_comes_first(one, other, cosine):
    forth, back = VERIFIER.score(one, other, cosine), VERIFIER.score(other, one, cosine)
    assert forth == pytest.approx(back, abs=0.02)


def test_features_of_a_pair_are_what_they_are_called():
    vector = dict(
        zip(
            FEATURES,
            features(read("How do I delete a file in Linux?"), read("how can I remove old files in linux"), 0.8),
            strict=True,
        )
    )
    assert vector["cosine"] == 0.8
    assert vector["carriers_shared"] == 3  # delete, file, Linux
    assert (vector["carriers_alone_least"], vector["carriers_alone_most"]) == (0, 1)  # old
    assert vector["turns"] == 0
