"""`lockgate serve --log-format json`: every line on stderr is an object, whichever process says it."""

import json
import os
import re
import signal

from lockgate.control.state import read_state
from support.process import Gateway, until

SECRET = "a-secret-of-the-operator"
#: A provider that answers nothing, and a sink that does not work: both are spoken of.
CONFIG = f"""
providers: {{down: {{provider: openai, api_key: {SECRET}, base_url: "http://127.0.0.1:1/v1"}}}}
sinks: {{files: {{type: jsonl, directory: "/proc/{SECRET}", linger: 0}}}}
"""


class Quiet(Gateway):
    """It greets in its log."""

    def _address(self):
        assert self.process.poll() is None, self.said()
        found = re.search(r"at (http://localhost:\d+)", "".join(self.err))
        return found and found[1].replace("localhost", "127.0.0.1")


def test_every_line_is_json_and_shows_no_secret(tmp_path):
    gateway = Quiet(tmp_path, CONFIG, "--workers", "2", "--log-format", "json").ready()
    try:
        assert gateway.chat()[0] == 200
        until(lambda: len(read_state(gateway.data).workers) == 2)
        os.kill(read_state(gateway.data).workers[0].pid, signal.SIGKILL)
        until(lambda: any("ended with signal 9" in line for line in gateway.err))
        until(lambda: any("sink files" in line for line in gateway.err))
        gateway.config.write_text("providers: [")
        until(lambda: any("lockgate.yaml" in line or "not reloaded" in line or "line 1" in line for line in gateway.err))
    finally:
        gateway.stop()
    lines = [json.loads(line) for line in gateway.err]
    assert len({each["process"] for each in lines}) >= 2, "the supervisor, the scribe, a worker"
    assert {each["level"] for each in lines} >= {"info", "error"}
    assert all(set(each) >= {"time", "level", "logger", "process", "message"} for each in lines)
    assert SECRET not in gateway.said() and any("/proc/[redacted]" in each["message"] for each in lines)
    assert gateway.out == []
