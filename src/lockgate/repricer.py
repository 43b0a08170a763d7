"""The repricing process: prices history again for those who have asked for it (see `hand`).

`python -m lockgate.repricer --data DIR [--config FILE] --lifeline FD`
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from lockgate.control.config import BadConfig, Config, read_file
from lockgate.control.costs.carry_out import carry_out
from lockgate.control.costs.repricings import Job, Repricings
from lockgate.control.offline import thought_of
from lockgate.hand import begin, do_all, now_us, parser
from lockgate.http.routes import SCOPES
from lockgate.pipeline.snapshot import Snapshot
from lockgate.stores.logs.ports import LogStore


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    takes = parser("repricer", "Prices recorded requests again.")
    takes.add_argument("--config", type=Path, help="the configuration file, for its prices")
    asked = takes.parse_args(arguments)
    begin()
    return reprice_all(asked.data, asked.config, asked.lifeline)


def reprice_all(data: Path, config: Path | None, lifeline: int = -1) -> int:
    """Do all there is to do; see `hand.do_all`."""
    shelf = Repricings(data)

    def world() -> Snapshot:
        try:
            return thought_of(Config() if config is None else read_file(config), data, os.environ, SCOPES)
        except BadConfig as bad:
            raise ValueError(f"The configuration cannot be used: {bad}") from None

    def do(job: Job, store: LogStore, ending: Callable[[], bool]) -> None:
        carry_out(job, shelf, store, world, clock=now_us, ending=ending)

    return do_all("repricer", shelf, data, do, lifeline=lifeline)


if __name__ == "__main__":
    sys.exit(main())
