"""The export process: makes the files that exports ask for (see `hand`).

`python -m lockgate.exporter --data DIR --lifeline FD`
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from lockgate.control.exports.carry_out import carry_out
from lockgate.control.exports.job import Job
from lockgate.control.exports.shelf import Exports
from lockgate.hand import begin, do_all, now_us, parser
from lockgate.stores.logs.ports import LogStore


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    asked = parser("exporter", "Carries out exports of the log.").parse_args(arguments)
    begin()
    return export_all(asked.data, asked.lifeline)


def export_all(data: Path, lifeline: int = -1) -> int:
    """Do all there is to do; see `hand.do_all`."""
    exports = Exports(data)

    def do(job: Job, store: LogStore, ending: Callable[[], bool]) -> None:
        carry_out(job, exports, store, clock=now_us, ending=ending)

    return do_all("exporter", exports, data, do, lifeline=lifeline)


if __name__ == "__main__":
    sys.exit(main())
