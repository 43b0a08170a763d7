"""A gateway whose log is at a server: it is written there, read from there, and no command line shows where that is."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from lockgate.stores.logs.open import open_log
from lockgate.stores.logs.ports import Filter
from support import postgres
from support.process import until


def command_lines():
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            pass  # it has just ended


@pytest.mark.parametrize("said_by", ["environment", "file"])
def test_the_log_is_kept_where_it_is_said_to_be(start, said_by):
    url = postgres.new_database()
    shown = url.replace("postgres:@", "postgres:geheim@")  # this server asks for no password
    where = {"LOCKGATE_LOG_URL": shown} if said_by == "environment" else {"LOG_PLACE": shown}
    gateway = start("" if said_by == "environment" else "log: {store: '${LOG_PLACE}'}", **where)
    assert gateway.chat("@sim/chat")[0] == 200

    with closing(open_log(url, gateway.data, report=pytest.fail)) as store:
        (kept,) = until(lambda: store.page(Filter()).records)
    assert json.loads(gateway.lockgate("logs", kept.id))["model_asked"] == "@sim/chat"
    assert kept.id in gateway.lockgate("logs", "--json", "--user", kept.user)
    assert not (gateway.data / "log").exists()
    assert not [line for line in command_lines() if "geheim" in line]
