"""The sinks that a house declares, followed while it runs: the file is read again when it has changed."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Mapping
from pathlib import Path

from lockgate.control.config import BadConfig, Config
from lockgate.control.house import House
from lockgate.control.sinks.environment import read_environment
from lockgate.control.sinks.outlets import Means, outlets_by_name
from lockgate.control.sinks.secrets import Secrets
from lockgate.stores.sinks.outlets import Outlet, Outlets
from lockgate.stores.sinks.state import FOLDER
from lockgate.transport.egress import Egress

log = logging.getLogger("lockgate")

_INSTANCE = "instance"


class Declared:
    """Called again and again, gives the outlets when they may have changed."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._stamp: object = None
        self._egress = Egress.compile(())
        self._means = Means(
            lambda: self._egress,
            instance_of(house.data),
            house.environment,
            lambda mappings: Secrets(house, mappings, lambda: self._egress),
        )
        self._config: Config | None = house.in_force
        for flaw in read_environment(house.environment).flaws:
            log.warning("telemetry: %s; nothing is sent there", flaw)

    def __repr__(self) -> str:
        return f"Declared({self._house})"

    def __call__(self) -> Mapping[str, Outlet] | None:
        """The outlets; None: as before, also while the file cannot be used."""
        stamp = self._house.stamps()[0]
        config, self._config = self._config, None
        if config is None:
            if stamp == self._stamp:
                return None
            try:
                config = self._house.config()
            except BadConfig:
                config = None  # the workers tell what is wrong with it
        self._stamp = stamp
        if config is None:
            return None
        outlets, wrong = outlets_by_name(config.telemetry, config.sinks, self._means)
        if wrong:
            return None
        try:
            self._egress = Egress.compile(config.egress.allow)
        except ValueError:
            return None
        return outlets


def outlets_of(house: House) -> Outlets:
    """To be made in the scribe."""
    return Outlets(house.data, Declared(house))


def instance_of(data: Path) -> str:
    """What tells this data directory from all others: a UUID, made once; another each time where it cannot be written down."""
    path = data / FOLDER / _INSTANCE
    made = str(uuid.uuid4())
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:
            file.write(made)
        return made
    except FileExistsError:
        try:
            return str(uuid.UUID(path.read_text()))
        except (OSError, ValueError):
            return made
    except OSError:
        return made
