from pathlib import Path

import pytest

from lockgate.control.config import BadConfig, Config, read_file, read_text, schema

WHOLE = """
providers:
  fast: {provider: groq, api_key: "${GROQ_KEY}", models: ["llama-*"], timeouts: {first_byte: 30}}
keys:
  - {name: app, hash: "sha256:00"}
configs:
  pc-cheap: {provider: "@fast", override_params: {model: llama, temperature: 0}}
egress: {allow: [127.0.0.0/8]}
prices: {"fast/llama-*": {input: 0.59, output: "0.79"}}
log: {capture: metadata}
"""


def mistakes(text, **environment):
    with pytest.raises(BadConfig) as caught:
        read_text(text, environment)
    return {mistake.path: mistake.message for mistake in caught.value.mistakes}


def test_an_empty_file_is_a_configuration():
    assert read_text("", {}) == Config()


def test_every_section_is_read():
    config = read_text(WHOLE, {"GROQ_KEY": "gsk-1"})
    assert config.providers["fast"].api_key == "gsk-1"
    assert config.providers["fast"].timeouts.first_byte == 30
    assert bytes(config.configs["pc-cheap"].override_params["model"]) == b'"llama"'
    assert str(config.prices["fast/llama-*"].output) == "0.79"
    assert config.log.capture == "metadata"


def test_a_variable_with_a_default_needs_no_environment():
    assert read_text("providers: {x: {api_key: '${NOPE:-fallback}'}}", {}).providers["x"].api_key == "fallback"


def test_a_variable_that_is_not_set_is_a_mistake_with_its_path():
    assert mistakes("providers: {x: {api_key: '${NOPE}'}}") == {
        "providers.x.api_key": "the environment variable NOPE is not set"
    }


def test_all_mistakes_come_at_once_with_their_paths():
    found = mistakes("providers: {x: {api_kye: a, models: 3}}\nlog: {capture: some}\nkeys: [{hash: 1}]\nsurprise: true")
    assert {"providers.x", "providers.x.models", "log.capture", "keys[0]", ""} <= set(found)
    assert "surprise" in found[""]
    assert "api_kye" in found["providers.x"]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a: 1\na: 2", "line 2"),
        ("log: {capture: full, capture: full}", "line 1"),
        ("\t", "line 1"),
        ("? [a, b]\n: c", "line 1"),
    ],
)
def test_a_text_that_is_no_yaml_says_where(text, where):
    assert next(iter(mistakes(text))).startswith(where)


def test_off_is_a_word_though_yaml_reads_a_boolean():
    config = read_text(
        "log: {capture: off}\nworkspace: {capture: no}\nkeys: [{name: a, capture: off}, {name: b, capture: 'off'}]"
    )
    assert (config.log.capture, config.workspace.capture) == ("off", "off")
    assert [key.capture for key in config.keys] == ["off", "off"]


def test_on_is_refused_with_what_to_say_instead():
    found = mistakes("log: {capture: on}\nworkspace: {capture: true}\nkeys: [{name: a, capture: yes}]")
    assert found.keys() == {"log.capture", "workspace.capture", "keys[0].capture"}
    assert all("say full (all of it), metadata (no bodies) or off (nothing)" in message for message in found.values())


@pytest.mark.parametrize("text", ["log: 3", "keys: {capture: off}", "keys: [3]", "workspace: [off]"])
def test_what_is_no_such_place_is_a_mistake_as_ever(text):
    assert mistakes(text)


@pytest.mark.parametrize("text", ["[1, 2]", "just words", "3"])
def test_a_document_that_is_no_mapping_is_a_mistake(text):
    assert mistakes(text)


def test_yaml_that_would_make_objects_is_refused():
    assert mistakes("a: !!python/object/apply:os.system ['true']")


def test_a_file_that_is_not_there_is_a_mistake():
    with pytest.raises(BadConfig, match=r"nowhere\.yaml cannot be read: No such file"):
        read_file(Path("nowhere.yaml"), {})


def test_secrets_do_not_show_in_reprs():
    config = read_text("providers: {x: {api_key: very-secret}}\nkeys: [{name: a, key: very-secret}]", {})
    assert "very-secret" not in repr(config)


def test_the_schema_admits_prices_as_numbers_and_texts():
    assert '"number", "string"' in __import__("json").dumps(schema())
