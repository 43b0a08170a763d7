"""docs/routing.md tells all that a condition can say, and nothing else."""

import json
import re
from pathlib import Path

from lockgate.policy.comparison import OPERATORS
from lockgate.policy.condition import CLAUSES, DEPTH, PATTERNS, compile_query
from lockgate.policy.facts import known, read_path
from lockgate.policy.pattern import LONGEST

TEXT = (Path(__file__).parents[2] / "docs/routing.md").read_text("utf-8")


def section(title):
    return re.search(rf"^### {title}\n(.*?)(?=^#|\Z)", TEXT, re.S | re.M)[1]


def firsts(table):
    return [name for cell in re.findall(r"^\| (.*?) \|", table, re.M) for name in re.findall(r"`([^`]+)`", cell)]


def test_every_fact_is_told():
    named = firsts(section("What can be asked"))
    paths = [name for name in named if name.startswith("params.m")]
    assert [name for name in named if name not in paths] == known()
    assert len(paths) == 5
    for path in paths:
        read_path(path, "docs")


def test_every_operator_is_told():
    assert set(firsts(section("Operators"))) == {*OPERATORS, "$regex", "$size", "$not", "$and", "$or", "$nor"}


def test_the_bounds_are_told():
    assert f"at most {CLAUSES} operators, {PATTERNS} of them\npatterns of {LONGEST} characters, nested {DEPTH} deep" in TEXT


def test_the_examples_compile():
    (example, *_) = re.findall(r"```json\n(.*?)```", TEXT[TEXT.index("## Conditions") :], re.S)
    for condition in json.loads(example)["strategy"]["conditions"]:
        compile_query(condition["query"], "docs")
