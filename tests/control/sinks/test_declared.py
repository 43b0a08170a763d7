import os

import pytest

from lockgate.control.sinks.declared import Declared, instance_of
from lockgate.stores.sinks.outlets import Outlets
from lockgate.stores.sinks.state import read_states
from lockgate.stores.spool import segments
from support.house import make_house
from support.sinks import fill, ids, record

ONE = "sinks: {{one: {{type: jsonl, directory: '{0}/one', compression: none, linger: 0}}}}"
TWO = "sinks: {{two: {{type: jsonl, directory: '{0}/two', compression: none, linger: 0}}}}"


@pytest.fixture
def house(tmp_path):
    house = make_house(tmp_path, ONE.format(tmp_path))
    house.snapshot()
    return house


def write(house, text, at):
    house.config_path.write_text(text)
    os.utime(house.config_path, (at, at))


def pump(outlets):
    for courier in outlets.couriers:
        while courier.step(0.0) == 0.0:
            pass


def test_what_is_declared_runs_and_what_is_no_more_is_put_off(house, tmp_path):
    fill(house.spool, 2).close()
    outlets = Outlets(house.data, Declared(house), start=False)
    outlets.step(0.0)
    (name,) = (path.name for path in segments(house.spool))
    size = segments(house.spool)[0].stat().st_size
    assert not outlets.released(name, size)
    pump(outlets)
    assert outlets.released(name, size)
    assert {name: state.sent for name, state in read_states(house.data).items()} == {"one": 2}
    write(house, TWO.format(tmp_path), 2_000_000_000)
    outlets.step(10.0)
    assert [courier.name for courier in outlets.couriers] == ["two"]
    assert set(read_states(house.data)) == {"two"}
    write(house, ONE.format(tmp_path), 2_000_000_100)
    outlets.step(20.0)
    pump(outlets)
    assert {name: state.sent for name, state in read_states(house.data).items()} == {"one": 2}, "what was sent is known still"
    outlets.close()


def test_a_file_that_cannot_be_used_changes_nothing(house, tmp_path):
    outlets = Outlets(house.data, Declared(house), start=False)
    outlets.step(0.0)
    for at, text in enumerate(("sinks: [", "sinks: {one: {type: jsonl, directory: relative}}", "egress: {allow: ['?']}")):
        write(house, text, 2_000_000_000 + at)
        outlets.step(10.0 * (at + 1))
        assert [courier.name for courier in outlets.couriers] == ["one"]
    outlets.close()


def test_a_house_is_told_from_others_by_what_stays(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert instance_of(tmp_path / "a") == instance_of(tmp_path / "a") != instance_of(tmp_path / "b")
    assert read_states(tmp_path / "a") == {}


def test_each_sink_goes_at_its_own_pace(house, tmp_path):
    write(house, f"{ONE.format(tmp_path)[:-1]}, two: {{type: jsonl, directory: /proc/no, linger: 0}}}}", 2_000_000_000)
    house.snapshot()
    fill(house.spool, 3).close()
    outlets = Outlets(house.data, Declared(house), start=False)
    outlets.step(0.0)
    pump(outlets)
    states = read_states(house.data)
    assert (states["one"].sent, states["two"].sent) == (3, 0)
    assert "/proc/no" in states["two"].trouble or outlets.couriers[1].feed.state.trouble
    outlets.close()
    assert ids(map(record, range(3)))
