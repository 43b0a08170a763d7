"""A house in a temporary directory, with an admin key, and what its spool holds."""

from __future__ import annotations

from lockgate.app import App
from lockgate.control.house import House
from lockgate.core.record import unpack
from lockgate.core.redact import Redactor
from lockgate.http.routes import SCOPES
from lockgate.pipeline.plan import plan
from lockgate.pipeline.runtime import Runtime
from lockgate.stores.spool import Segment, segments

KEY = "test-key-0123456789-abcdef"
#: The apps that were made; whoever runs the tests closes them after each.
APPS = []
AUTH = (("authorization", f"Bearer {KEY}"),)


def make_house(tmp_path, config="", **environment):
    path = tmp_path / "lockgate.yaml"
    path.write_text(config)
    house = House(tmp_path / "data", path, SCOPES, {"LOCKGATE_ADMIN_KEY": KEY, **environment})
    house.open()
    return house


def make_app(tmp_path, config="", **environment):
    house = make_house(tmp_path, config, **environment)
    APPS.append(App(house, house.snapshot()))
    return APPS[-1]


def close_apps(kept=0):
    """Let go of what they have open, but for so many that were there before. They need not have been started."""
    while len(APPS) > kept:
        app = APPS.pop()
        app._spool.close()
        app._admin.close()


def make_runtime(**more):
    """A runtime without a spool or clients, for what is decided before anything is sent."""
    return Runtime({}, None, Redactor([]), **more)


def first_target(call, ask, who, world):
    """Where a request goes first."""
    return plan(call, ask, who, world, make_runtime()).first()


def records(tmp_path):
    """Every record in the spool, oldest first."""
    found = []
    for path in segments(tmp_path / "data" / "spool"):
        segment = Segment(path)
        found += [unpack(payload) for payload in segment.read()]
        segment.close()
    return found
