"""usage: python -m bench.governed [--quick] [--write docs/benchmark.md] [--rivals nginx,portkey,litellm] [--portkey DIR]"""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path

from bench.governed.contest import FULL, QUICK, Contest
from bench.governed.machine import described
from bench.governed.report import page
from bench.governed.rivals import RIVALS, Site

#: What stands behind this on the page was measured by others, and stays.
_APART = "<!-- measured apart -->"
_ALWAYS = ("direct", "lockgate")


def main() -> None:
    others = [name for name in RIVALS if name not in _ALWAYS]
    parser = argparse.ArgumentParser(prog="python -m bench.governed", description="The governed benchmark; it needs Linux.")
    parser.add_argument("--quick", action="store_true", help="short rounds: to see that it works, not for figures")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page there, instead of printing it")
    parser.add_argument("--rivals", default=",".join(others), help=f"which rivals, of {', '.join(others)}")
    parser.add_argument("--without-lockgate", action="store_true", help="measure the others only")
    parser.add_argument("--portkey", type=Path, metavar="DIR", help="where npm has installed @portkey-ai/gateway")
    parser.add_argument("--litellm", type=Path, metavar="DIR", help="a virtual environment that has litellm[proxy]")
    parser.add_argument("--cache", type=Path, default=Path(".bench"), help="where rivals are installed that are not here yet")
    a = parser.parse_args()
    wanted = [name for name in a.rivals.split(",") if name]
    if unknown := [name for name in wanted if name not in RIVALS]:
        parser.error(f"no such rival: {', '.join(unknown)}")
    wanted += [name for name in _ALWAYS if name != "lockgate" or not a.without_lockgate]

    def site(upstream: int, port: int, directory: Path) -> Site:
        return Site(upstream, port, directory, a.cache.absolute(), _absolute(a.portkey), _absolute(a.litellm))

    contest = Contest(QUICK if a.quick else FULL, site, lambda line: print(line, file=sys.stderr, flush=True))
    outcome = contest.run([rival for name, rival in RIVALS.items() if name in wanted])
    text = page(outcome, described(), datetime.datetime.now(datetime.UTC).date().isoformat())
    if a.write:
        _, apart, rest = (a.write.read_text() if a.write.exists() else "").partition(_APART)
        a.write.write_text(f"{text.rstrip()}\n\n{apart}{rest}" if apart else text)
    else:
        print(text)


def _absolute(path: Path | None) -> Path | None:
    return None if path is None else path.absolute()


main()
