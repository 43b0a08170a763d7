"""The lexicon of a language, by its code."""

from __future__ import annotations

from lockgate.policy.sameness.lexicons.english import ENGLISH
from lockgate.policy.sameness.lexicons.german import GERMAN
from lockgate.policy.sameness.lexicons.lexicon import Lexicon
from lockgate.policy.sameness.lexicons.romance import FRENCH, SPANISH

_BY_LANGUAGE = {"en": ENGLISH, "": ENGLISH, "de": GERMAN, "fr": FRENCH, "es": SPANISH}


def lexicon_of(language: str) -> Lexicon:
    """The lexicon. A text in no language that is known is read as English, of which short texts say the least."""
    return _BY_LANGUAGE[language]
