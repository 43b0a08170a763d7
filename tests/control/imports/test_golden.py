"""Whole sources and what becomes of them: the file with its report, to the letter, good by `lockgate check`, and without secrets.

To renew an expected file: lockgate import litellm tests/golden/imports/X.yaml --output tests/golden/imports/X.expected.yaml --force
"""

import pytest

from lockgate.control.imports import litellm, portkey
from lockgate.control.imports.draft import write
from lockgate.control.imports.findings import Findings
from lockgate.control.imports.source import read
from support.imports import GOLDEN, checked

SOURCES = sorted(path for path in GOLDEN.iterdir() if ".expected" not in path.suffixes)


def imported(path):
    findings = Findings()
    whose, convert = ("LiteLLM", litellm.convert) if path.stem.startswith("litellm") else ("Portkey", portkey.convert)
    draft = convert(read(path), False, findings)
    return write(draft, f"Imported from {whose}'s {path.name}. `lockgate check` tells what is still missing.", findings.all())


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_a_source_becomes_what_is_expected(path):
    assert imported(path) == (GOLDEN / f"{path.stem}.expected.yaml").read_text("utf-8")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_secret_of_a_source_is_in_the_file(path):
    assert "in-the-clear" in path.read_text("utf-8") or path.stem in ("litellm-plain", "portkey-config")
    text = imported(path)
    assert "in-the-clear" not in text
    assert "INTHECLEAR" not in text


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_what_is_written_is_a_good_configuration(path):
    text = imported(path)
    if path.stem == "portkey-config":  # a key that nothing tells of is to be set up
        text = text.replace("providers:\n", "providers:\n  mystery: {provider: openai, api_key: key}\n")
    assert checked(text).providers
