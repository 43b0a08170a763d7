"""Where the log is: said by the environment or the file, the same for all processes of a house, and shown to nobody."""

import pytest

from lockgate.control.compile import compile_snapshot
from lockgate.control.config import BadConfig, LogEntry, log_bodies, log_url, read_log, read_text
from lockgate.control.house import House
from lockgate.http.routes import SCOPES
from lockgate.stores.logs.open import tell, told
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


BODIES = f"store: '{URL}', bodies: 's3://logs/house', aws_region: us-east-1, aws_access_key_id: a"


def mistakes_of(text, environment=None):
    environment = environment or {}
    try:
        compile_snapshot(read_text(f"log: {{{text}}}", {}), environment=environment, pepper=b"p", scopes=SCOPES)
    except BadConfig as bad:
        assert "geheim" not in str(bad)
        return [mistake.path for mistake in bad.mistakes]
    return []


@pytest.mark.parametrize(
    ("text", "environment", "wrong"),
    [
        (f"{BODIES}, aws_secret_access_key: geheim", {}, []),
        (f"{BODIES}, aws_secret_access_key: geheim, bodies_endpoint: 'http://minio:9000'", {}, []),
        (
            f"store: '{URL}', bodies: 's3://logs'",
            {"AWS_REGION": "x-y-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"},
            [],
        ),
        ("bodies: 's3://logs/house'", {}, ["log.bodies"]),  # SQLite
        (f"store: '{URL}', bodies: 'file:///geheim', aws_region: us-east-1", {}, ["log.bodies"]),
        (f"store: '{URL}', bodies: 's3://logs/../geheim', aws_region: us-east-1", {}, ["log.bodies"]),
        (f"store: '{URL}', bodies: 's3://logs'", {}, ["log.aws_region"]),
        (BODIES, {}, ["log.aws_secret_access_key"]),
        (f"{BODIES}, aws_secret_access_key: geheim, bodies_endpoint: 'ftp://x'", {}, ["log.bodies_endpoint"]),
        (f"{BODIES}, aws_secret_access_key_file: /nowhere", {}, ["log.aws_secret_access_key_file"]),
    ],
)
def test_where_bodies_are_is_checked_before_the_start(text, environment, wrong):
    assert mistakes_of(text, environment) == wrong


def test_bodies_are_said_by_the_environment_too_and_told_to_other_processes(tmp_path):
    (tmp_path / "key").write_text("geheim\n")
    said = LogEntry(aws_region="r", aws_secret_access_key_file=str(tmp_path / "key"))
    assert log_bodies(said, {}) is None and told(tell(None)) is None
    place = log_bodies(said, {"LOCKGATE_LOG_BODIES": "s3://b/p", "LOCKGATE_LOG_BODIES_ENDPOINT": "http://m"})
    assert (place.url, place.endpoint, place.settings.aws_secret_access_key) == ("s3://b/p", "http://m", "geheim")
    assert told(tell(place)) == place
    assert "geheim" not in repr((said, place))


def test_bodies_elsewhere_are_refused_for_a_log_in_the_data_directory(tmp_path):
    house = House(tmp_path / "data", None, SCOPES, {"LOCKGATE_LOG_BODIES": "s3://b/p"})
    with pytest.raises(StoreError, match="for a log at a server"):
        house.open_log(print)
