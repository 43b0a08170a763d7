"""Run the public conformance suites against this checkout and hold them to the floors of `.ci/floors.json`.

Usage: .ci/conformance.py [--write]   (--write: take what was reached as the new floors)
"""

from __future__ import annotations

import collections
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
FLOORS = Path(__file__).with_name("floors.json")
TOOLS = ROOT / ".bench" / "conformance"
KEY = "conformance-run-key-7f3a9c21"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def judge() -> Path:
    """The Python that has what the judge needs."""
    python = TOOLS / "bin" / "python"
    if not python.exists():
        uv = ROOT / ".venv" / "bin" / "uv"
        subprocess.run([uv, "venv", "--quiet", TOOLS], check=True)
        requirements = SHARED / "conformance" / "requirements.txt"
        subprocess.run([uv, "pip", "install", "--quiet", "--python", python, "-r", requirements], check=True)
    return python


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        if process.poll() is not None:
            sys.exit("the gateway did not start")
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit("the gateway did not answer within 10 s")


def main() -> int:
    python = judge()
    port, replay = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "lockgate.yaml")
        config.write_text("egress:\n  allow: [127.0.0.0/8]\n")
        gateway = subprocess.Popen(
            [ROOT / ".venv/bin/lockgate", "serve", "--port", str(port), "--config", config, "--data", Path(folder, "data")],
            env={**os.environ, "LOCKGATE_ADMIN_KEY": KEY},
            stdout=subprocess.DEVNULL,
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/readyz", gateway)
            out = Path(folder, "verdicts.json")
            command = [python, "-m", "conformance", "--gateway", f"http://127.0.0.1:{port}", "--gateway-key", KEY]
            command += ["--port", str(replay), "--json", out, "--top", "6", "--timeout", "60", "--concurrency", "8"]
            subprocess.run(command, cwd=SHARED, check=False)
            counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
            for verdict in json.loads(out.read_text()):
                counts[verdict["suite"]][verdict["outcome"]] += 1
        finally:
            gateway.terminate()
            gateway.wait(40)
    reached = {suite: round(100 * c["pass"] / max(1, c["pass"] + c["fail"]), 2) for suite, c in sorted(counts.items())}
    print(json.dumps(reached, indent=2))
    if "--write" in sys.argv:
        FLOORS.write_text(json.dumps(reached, indent=2) + "\n")
        return 0
    floors = json.loads(FLOORS.read_text())
    low = {suite: (reached.get(suite, 0), floor) for suite, floor in floors.items() if reached.get(suite, 0) < floor}
    for suite, (got, floor) in low.items():
        print(f"suite {suite}: {got}% is below its floor of {floor}%", file=sys.stderr)
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
