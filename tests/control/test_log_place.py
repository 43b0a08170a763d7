"""Where the log is: said by the environment or the file, the same for all processes of a house, and shown to nobody."""

import pytest

from lockgate.control.compile import compile_snapshot
from lockgate.control.config import BadConfig, LogEntry, log_url, read_log, read_text
from lockgate.control.house import House
from lockgate.http.routes import SCOPES
from lockgate.stores.ports import StoreError

URL = "postgresql://log:geheim@db/log"


@pytest.fixture
def file(tmp_path):
    def file(text):
        path = tmp_path / "lockgate.yaml"
        path.write_text(text)
        return path

    return file


def test_the_environment_comes_before_the_file():
    said = LogEntry(store=URL)
    assert log_url(said, {}) == URL
    assert log_url(said, {"LOCKGATE_LOG_URL": "clickhouse://c"}) == "clickhouse://c"
    assert log_url(LogEntry(), {}) == ""


def test_what_the_log_needs_is_read_though_the_gateways_secrets_are_not_there(file):
    path = file("providers: {x: {provider: openai, api_key: '${NOPE}'}}\nlog: {store: '${LOG}', text: false}\n")
    assert read_log(path, {"LOG": URL}) == LogEntry(store=URL, text=False)
    assert read_log(file("keys: []"), {}) == LogEntry()
    assert read_log(file(""), {}) == LogEntry()


@pytest.mark.parametrize("text", ["log: {store: '${NOPE}'}", "log: {stoer: x}", "log: [", "log: {text: maybe}"])
def test_what_is_wrong_with_it_is_a_mistake(file, text):
    with pytest.raises(BadConfig):
        read_log(file(text), {})


def test_a_url_that_names_no_store_is_a_mistake_that_does_not_show_it():
    with pytest.raises(BadConfig) as bad:
        compile_snapshot(read_text("log: {store: 'mysql://u:geheim@h/d'}", {}), environment={}, pepper=b"p", scopes=SCOPES)
    assert [mistake.path for mistake in bad.value.mistakes] == ["log.store"]
    assert "geheim" not in str(bad.value) + repr(LogEntry(store=URL))


def test_a_house_means_the_same_log_as_long_as_it_lives(tmp_path, file):
    house = House(tmp_path / "data", file("log: {retention_days: 3}"), SCOPES, {})
    assert (house.log.retention_days, house.log_url) == (3, "")
    file(f"log: {{store: '{URL}'}}")
    assert house.log_url == ""
    assert House(tmp_path / "data", house.config_path, SCOPES, {}).log_url == URL


def test_a_house_opens_the_log_that_is_meant(tmp_path):
    house = House(tmp_path / "data", None, SCOPES, {"LOCKGATE_LOG_URL": "mysql://u:geheim@h/d"})
    with pytest.raises(StoreError) as refused:
        house.open_log(print)
    assert "geheim" not in str(refused.value)
