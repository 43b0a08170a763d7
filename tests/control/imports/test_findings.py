"""The report of an import."""

import yaml

from lockgate.control.imports.draft import Draft, Variables, slugged, unused, write
from lockgate.control.imports.findings import Findings, plain, report


def test_findings_come_by_kind_and_those_that_say_the_same_in_one():
    findings = Findings()
    for n in range(6):
        findings.left(f"model_list[{n}]", "limits are not carried over")
    findings.carried("a", "fine")
    findings.todo("b", "set B")
    findings.todo("b", "set B")
    assert report(findings.all()) == [
        "To do before it works (1)",
        "  - b: set B",
        "",
        "Not carried over (1)",
        "  - model_list[0], model_list[1], model_list[2], model_list[3] and 2 more: limits are not carried over",
        "",
        "Carried over (1)",
        "  - a: fine",
    ]


def test_no_findings_make_no_report():
    assert report([]) == []


def test_what_a_source_says_cannot_leave_its_line():
    assert plain("a\nb\r\x1b[31mred\u2028c\x00") == "a b  [31mred c "
    findings = Findings()
    findings.left("evil\nkeys: [{name: x}]\n#", "no\nproviders: {}")
    text = write(Draft(aliases={"a": "@b/c"}), "head", findings.all())
    assert yaml.safe_load(text) == {"aliases": {"a": "@b/c"}}


def test_variables_are_those_that_have_no_default():
    draft = Draft(providers={"a": {"api_key": "${B}", "base_url": "${C:-x}/y"}}, keys=[{"key": "${A}"}, {"key": "${B}"}])
    assert draft.variables() == ["B", "A"]


def test_each_secret_has_a_variable_of_its_own():
    variables = Variables(keep=False)
    variables.reserve({"x": ["Bearer ${OPENAI_API_KEY}"]})
    assert variables.name("openai_api-key", "one") == "OPENAI_API_KEY_2"
    assert variables.name("openai_api-key", "one") == "OPENAI_API_KEY_2"
    assert variables.name("openai_api-key", "two") == "OPENAI_API_KEY_3"
    assert variables.name("302ai_api_key", "three") == "_302AI_API_KEY"


def test_slugs_have_only_what_a_slug_may_have():
    assert slugged("GPT 4o (Europe)/v2") == "gpt-4o-europe-v2"
    assert slugged("日本") == ""
    assert len(slugged("x" * 200)) == 64


def test_a_name_that_is_taken_gets_a_number():
    assert unused("a", ["b"]) == "a"
    assert unused("a", ["a", "a-2"]) == "a-3"
    assert len(unused("x" * 64, ["x" * 64])) <= 64
