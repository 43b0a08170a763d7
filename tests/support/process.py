"""A real gateway: `lockgate serve` as a process, on a free port, in a temporary directory."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from functools import cache
from pathlib import Path

from support.house import KEY

PATIENCE = 20.0


def until(what, patience=PATIENCE):
    """Wait for a claim about another process to become true."""
    end = time.monotonic() + patience
    while not (found := what()):
        assert time.monotonic() < end, f"still not true after {patience} s"
        time.sleep(0.02)
    return found


#: Puts on a shelf what a first start puts there.
_STOCK = """
import sys
from pathlib import Path
from lockgate.providers.shelf import Shelf
from lockgate.providers.stock import missing
for job in missing(Shelf(Path(sys.argv[1], "shelf"))):
    job()
"""


@cache
def _books() -> dict[str, bytes]:
    """What a first start puts on the shelf: half a second of work, which dozens of gateways need not each do again."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-c", _STOCK, folder], check=True, timeout=60)
        books = {path.name: path.read_bytes() for path in Path(folder, "shelf").glob("*.json")}
    assert books
    return books


def _stock(shelf: Path) -> None:
    if not shelf.exists():
        shelf.parent.mkdir(mode=0o700, exist_ok=True)
        shelf.mkdir(mode=0o700)
        for name, data in _books().items():
            (shelf / name).write_bytes(data)


class Gateway:
    def __init__(
        self,
        folder: Path,
        config: str = "",
        *arguments: str,
        admin_key: str | None = KEY,
        within=(),
        stocked: bool = True,
        **environment: str,
    ):
        """`within`: what a command begins with to be run where the gateway is to run. `stocked`: it finds on its shelf what it
        would otherwise put there at its first start."""
        self.folder = folder
        self.data = folder / "data"
        self.config = folder / "lockgate.yaml"
        self.config.write_text(config)
        if stocked and not within:
            _stock(self.data / "shelf")
        env = {name: value for name, value in os.environ.items() if not name.endswith(("_API_KEY", "_TOKEN"))}
        env.update({"PYTHONFAULTHANDLER": "1"}, **environment)
        if admin_key is not None:
            env["LOCKGATE_ADMIN_KEY"] = admin_key
        self.env = env
        self._lockgate = [*within, sys.executable, "-m", "lockgate"]
        command = [
            *self._lockgate,
            "serve",
            "--port",
            "0",
            "--config",
            str(self.config),
            "--data",
            str(self.data),
        ]
        self.process = subprocess.Popen(
            [*command, *arguments], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder
        )
        self.out: list[str] = []
        self.err: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=(self.process.stdout, self.out), daemon=True),
            threading.Thread(target=self._read, args=(self.process.stderr, self.err), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        try:
            self.url = until(self._address, 3 * PATIENCE)  # it imports a thousand modules, perhaps beside other tests
        except AssertionError:
            self.process.kill()  # its children notice
            raise
        self.port = int(self.url.rsplit(":", 1)[1])

    def _read(self, pipe, lines):
        lines.extend(iter(pipe.readline, ""))

    def _address(self):
        assert self.process.poll() is None or self.out, self.said()
        return next(
            (m[1].replace("localhost", "127.0.0.1") for line in list(self.out) if (m := re.search(r"at (http://\S+)", line))),
            None,
        )

    def said(self):
        return "".join(self.out) + "".join(self.err)

    def ready(self):
        until(lambda: self.get("/readyz")[0] == 200)
        return self

    def get(self, path, key=KEY):
        return self.ask("GET", path, None, key)

    def ask(self, method, path, body=None, key=KEY, **headers):
        """(status, JSON); (0, None) when nobody answers."""
        return self.ask_whole(method, path, body, key, **headers)[:2]

    def ask_whole(self, method, path, body=None, key=KEY, **headers):
        """(status, JSON, headers); (0, None, {}) when nobody answers."""
        request = urllib.request.Request(
            self.url + path, method=method, data=None if body is None else json.dumps(body).encode()
        )
        request.add_header("content-type", "application/json")
        if key:
            request.add_header("authorization", f"Bearer {key}")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, json.load(answer), answer.headers
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error), error.headers
        except (OSError, http.client.HTTPException):
            return 0, None, {}

    def chat(self, model="@sim/chat", text="Say pong.", **more):
        return self.chat_whole(model, text, **more)[:2]

    def chat_whole(self, model="@sim/chat", text="Say pong.", **more):
        body = {"model": model, "messages": [{"role": "user", "content": text}]}
        return self.ask_whole("POST", "/v1/chat/completions", body, **more)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def lockgate(self, *arguments, given=None):
        """Another command in the same house, with this on its stdin."""
        done = subprocess.run(
            [*self._lockgate, *arguments, "--data", str(self.data)],
            env=self.env, input=given, capture_output=True, text=True, cwd=self.folder, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def records(self):
        """Every record, from the log and from what is still in the spool."""
        return [json.loads(line) for line in self.lockgate("logs", "--json", "--limit", "100000").splitlines()]

    def children(self):
        """pid → name of the processes that the supervisor keeps."""
        found = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text().rsplit(") ", 1)[1].split()
            except (OSError, http.client.HTTPException):
                continue
            if int(fields[1]) == self.process.pid and fields[0] != "Z":
                found[int(path.parent.name)] = fields[0]
        return found

    def sockets(self):
        """pid → how many sockets it has open, of the workers that have begun to work."""
        counts = {}
        for pid in self.children():
            if not (self.data / "workers" / f"{pid}.life").exists():
                continue  # the scribe; or it has just been born, with all that its parent has open
            try:
                files = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
            except OSError:
                continue
            if count := sum(file.startswith("socket:") for file in files):
                counts[pid] = count
        return counts

    def tell(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        """The exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            for pid in (*self.children(), self.process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGABRT)  # each says where it is (faulthandler)
            self.process.wait(PATIENCE)
            self._let_go()
            raise AssertionError(f"the gateway does not end:\n{self.said()}") from None
        self._let_go()
        return status

    def _let_go(self):
        for reader in self._readers:
            reader.join(PATIENCE)
        self.process.stdout.close()
        self.process.stderr.close()
