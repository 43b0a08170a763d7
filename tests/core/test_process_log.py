"""What processes say of themselves: a line each, as text or JSON, without secrets."""

import json
import logging
import subprocess
import sys

import pytest

from lockgate.core.process_log import JsonLines, Text
from lockgate.core.redact import Redactor

KEY = "sk-live-0123456789abcdefghij"


def record(message, *arguments, error=None, level=logging.WARNING):
    made = logging.LogRecord("lockgate", level, "here.py", 1, message, arguments, error and (type(error), error, None))
    made.created, made.msecs, made.process = 1_790_000_000.25, 250.0, 4711
    return made


def test_json_is_one_object_a_line():
    text = JsonLines().format(record("sink %s: it is\ndown", "é", error=ValueError("no\nuse")))
    assert "\n" not in text
    assert json.loads(text) == {
        "time": "2026-09-21T14:13:20.250Z",
        "level": "warning",
        "logger": "lockgate",
        "process": 4711,
        "message": "sink é: it is\ndown",
        "exception": "ValueError: no\nuse",
    }


def test_what_callers_say_begins_no_line_of_its_own():
    text = Text().format(record("no route to %s", "x\n2026-09-21 ERROR forged\x1b[2J\x85\u2028"))
    assert text.endswith("WARNING no route to x\\n2026-09-21 ERROR forged\\x1b[2J\\x85\\x2028")


@pytest.mark.parametrize("kind", [Text, JsonLines])
def test_secrets_are_nowhere(kind):
    formatter = kind([b"an-exact-secret"])
    formatter.redactor = Redactor([b"another-exact-one"])
    said = "%s an-exact-secret another-exact-one"
    text = formatter.format(record(said, KEY, error=ValueError(f"{KEY} an-exact-secret another-exact-one")))
    assert text.count("[redacted]") == 6
    assert not any(secret in text for secret in (KEY, "an-exact-secret", "another-exact-one"))


@pytest.mark.parametrize("kind", [Text, JsonLines])
def test_a_name_that_is_no_unicode_is_said_all_the_same(kind):
    kind().format(record("cannot read %s", "\udcff")).encode("utf-8", "backslashreplace")


TALK = """
import logging, sys, threading, warnings
from lockgate.core.process_log import hide, speak
from lockgate.core.redact import Redactor
speak(); speak()
logging.getLogger("uvicorn.error").error("of uvicorn")
logging.getLogger("asyncio").warning("of asyncio")
logging.getLogger("lockgate").info("the-value-of-it and what-is-found-later")
hide(Redactor([b"what-is-found-later"]))
logging.getLogger("lockgate").info("the-value-of-it and what-is-found-later")
warnings.warn("of a library")
thread = threading.Thread(target=lambda: 1 / 0, name="t")
thread.start(); thread.join()
raise KeyError("nobody")
"""


def talk(**environment):
    done = subprocess.run([sys.executable, "-c", TALK], capture_output=True, text=True, env={**environment, **PATHS})
    assert done.returncode == 1 and done.stdout == ""
    return done.stderr.splitlines()


PATHS = {"PYTHONPATH": ":".join(filter(None, sys.path))}


def test_all_who_speak_are_read_alike():
    lines = [json.loads(line) for line in talk(LOCKGATE_LOG_FORMAT="json", X_API_KEY="the-value-of-it")]
    assert [(each["level"], each["logger"]) for each in lines] == [
        ("error", "uvicorn.error"),
        ("warning", "asyncio"),
        ("info", "lockgate"),
        ("info", "lockgate"),
        ("warning", "py.warnings"),
        ("critical", "lockgate"),
        ("critical", "lockgate"),
    ]
    assert [each["message"] for each in lines[2:4]] == ["[redacted] and what-is-found-later", "[redacted] and [redacted]"]
    assert "ZeroDivisionError" in lines[5]["exception"] and "'t'" in lines[5]["message"]
    assert "KeyError: 'nobody'" in lines[6]["exception"]


def test_only_so_much_is_said_as_is_asked_for():
    lines = [json.loads(line) for line in talk(LOCKGATE_LOG_FORMAT="json", LOCKGATE_LOG_LEVEL="error")]
    assert {each["level"] for each in lines} == {"error", "critical"}
    first = json.loads(talk(LOCKGATE_LOG_FORMAT="json", LOCKGATE_LOG_LEVEL="loud")[0])
    assert "LOCKGATE_LOG_LEVEL is 'LOUD'" in first["message"]
