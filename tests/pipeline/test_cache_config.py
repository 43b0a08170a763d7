"""pipeline/cache_config: what a config says of the cache; what is wrong is told with its path."""

import json

import pytest

from lockgate.core.failure import Refusal
from lockgate.pipeline import cache_config
from lockgate.pipeline.branches import compile_inline
from lockgate.policy.caching import Semantic
from support.house import make_house

BOTH = ["canonical", "verified"]


def semantic(**cache):
    route = compile_inline(json.dumps({"provider": "openai", "cache": {"mode": "semantic", **cache}}).encode())
    return route.branches[0].cache.semantic


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({}, Semantic()),
        ({"shadow": True}, Semantic(("canonical",), ("canonical",))),
        ({"levels": ["verified", "canonical"], "level": "wide"}, Semantic(("canonical", "verified"), (), "wide")),
        ({"levels": ["judged"], "judge": "@a/m"}, Semantic(("judged",), judge="@a/m")),
        ({"levels": ["verified"]}, Semantic(("verified",))),
        ({"levels": BOTH, "shadow": True}, Semantic(("canonical", "verified"), ("canonical", "verified"))),
        ({"levels": BOTH, "shadow": ["verified"]}, Semantic(("canonical", "verified"), ("verified",))),
        ({"max_temperature": 0.2}, Semantic(most_temperature=0.2)),
    ],
    ids=str,
)
def test_what_is_said_is_meant(said, meant):
    assert semantic(**said) == meant


def test_canonical_alone_is_what_nobody_asked_otherwise():
    assert Semantic() == Semantic(("canonical",), (), "strict", "", 1.0)


@pytest.mark.parametrize(
    ("cache", "path", "why"),
    [
        ({"mode": "semantic", "levels": ["canonical", "guessed"]}, "config.cache.levels[1]", "'guessed' is none of canonical"),
        ({"mode": "semantic", "levels": []}, "config.cache.levels", "name one"),
        ({"mode": "semantic", "levels": BOTH, "level": "lax"}, "config.cache.level", "'lax' is none of strict"),
        ({"mode": "semantic", "shadow": ["verified"]}, "config.cache.shadow[0]", "'verified' is none of canonical"),
        ({"mode": "simple", "levels": BOTH}, "config.cache.levels", "is for mode 'semantic'"),
        ({"mode": "simple", "level": "strict"}, "config.cache.level", "is for mode 'semantic'"),
        ({"mode": "semantic", "levels": ["judged"]}, "config.cache.judge", "which model is to judge"),
        ({"mode": "semantic", "levels": BOTH, "judge": "@a/m"}, "config.cache.judge", "is for the level 'judged'"),
        ({"mode": "simple", "judge": "@a/m"}, "config.cache.judge", "is for mode 'semantic'"),
        ({"mode": "semantic", "threshold": 0.9}, "config.cache", "threshold"),
        ({"mode": "semantic", "levels": "verified"}, "config.cache.levels", "array"),
    ],
    ids=str,
)
def test_what_is_wrong_is_told_with_its_path(cache, path, why):
    with pytest.raises(Refusal) as refusal:
        compile_inline(json.dumps({"provider": "openai", "cache": cache}).encode())
    assert path in refusal.value.message
    assert why in refusal.value.message


def test_without_the_packages_verified_is_refused_with_what_to_install(monkeypatch):
    monkeypatch.setattr(cache_config, "missing_packages", lambda: "wordllama")
    with pytest.raises(Refusal, match=r"cache.levels: 'verified' needs wordllama: pip install 'lockgate\[semantic\]'"):
        semantic(levels=BOTH)
    assert semantic(levels=["canonical"])


@pytest.mark.parametrize("store", ["sqlite:", "memory:", "redis://somewhere", "postgresql://somewhere/db"])
def test_every_store_does_for_every_level(tmp_path, store):
    config = f"cache: {{store: '{store}'}}\nconfigs: {{faq: {{provider: openai, cache: {{mode: semantic, levels: {BOTH}}}}}}}"
    assert make_house(tmp_path, config).snapshot().likens
    assert not make_house(tmp_path, config.replace(str(BOTH), "[canonical]")).snapshot().likens
