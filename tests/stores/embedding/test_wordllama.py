import importlib
import struct
import sys

import pytest

from lockgate.stores.embedding.ports import NoEmbedder
from lockgate.stores.embedding.wordllama import open_wordllama


@pytest.fixture(scope="module")
def embedder():
    pytest.importorskip("wordllama")
    return open_wordllama()


def vector(embedder, text):
    (data,) = embedder.embed([text])
    return struct.unpack(f"<{embedder.width}f", data)


def cosine(embedder, one, other):
    return sum(a * b for a, b in zip(vector(embedder, one), vector(embedder, other), strict=True))


def test_vectors_have_length_one(embedder):
    assert sum(number * number for number in vector(embedder, "How do I reset my password?")) == pytest.approx(1, abs=1e-5)


def test_a_text_of_nothing_has_the_vector_of_nothing(embedder):
    assert set(vector(embedder, "")) == {0.0}


def test_what_is_alike_is_nearer(embedder):
    question = "How do I reset my password?"
    assert cosine(embedder, question, "How can I change my password?") > cosine(embedder, question, "What do pandas eat?") + 0.3


def test_texts_have_the_same_vectors_together_as_alone(embedder):
    one, other = embedder.embed(["What do pandas eat?", "Where is my order, which I have been waiting for since Monday?"])
    assert [one] == embedder.embed(["What do pandas eat?"])
    assert other != one
    assert embedder.embed([]) == []


def test_the_name_says_whose_vectors_these_are(embedder):
    assert embedder.name.startswith("wordllama-")
    assert embedder.name.endswith("-256")


def test_without_the_package_it_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "wordllama", None)
    with pytest.raises(NoEmbedder, match=r"lockgate\[semantic\]"):
        open_wordllama()


def test_without_its_weights_it_is_told_so(monkeypatch):
    package = pytest.importorskip("wordllama")

    def load(**_):
        raise FileNotFoundError("no weights")

    monkeypatch.setattr(importlib.import_module("wordllama").WordLlama, "load", load)
    assert package
    with pytest.raises(NoEmbedder, match="no weights"):
        open_wordllama()
