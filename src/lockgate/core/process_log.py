"""What the processes say of themselves: on stderr, a line each, as text or as JSON (one object, RFC 8259), without secrets.

    {"time": "2026-11-26T09:15:02.114Z", "level": "warning", "logger": "lockgate", "process": 4711, "message": "…"}

`exception` is the traceback, where there is one.

Whatever speaks through Python's `logging` goes this way: ourselves, uvicorn, asyncio, libraries' warnings, and exceptions that
nobody caught, also of threads. Requests are not told here: they are on record.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Literal, TextIO

from lockgate.core.json import encode
from lockgate.core.redact import Redactor

Format = Literal["text", "json"]
#: The variables that say how, for all processes of a gateway.
FORMAT, LEVEL = "LOCKGATE_LOG_FORMAT", "LOCKGATE_LOG_LEVEL"
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
#: How the names of variables end whose values are secrets.
_SECRET = ("_KEY", "_TOKEN", "_SECRET", "_PASSWORD")
#: Characters that would begin another line, or move a terminal's cursor.
_CONTROLS = {
    **{code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160), 0x2028, 0x2029)},
    9: "\t",
    10: "\\n",
    13: "\\r",
}

log = logging.getLogger("lockgate")


class _Clean(logging.Formatter):
    """Takes secrets out: `secrets`, and what `redactor` finds, which may be another one later, when more is known."""

    def __init__(self, secrets: Iterable[bytes] = ()) -> None:
        super().__init__("%(message)s")
        self._own = Redactor(secrets)
        self.redactor = Redactor()

    def said(self, record: logging.LogRecord) -> str:
        """The sentence."""
        return self._clean(record.getMessage())

    def trouble(self, record: logging.LogRecord) -> str:
        """The exception with its traceback; "": there was none."""
        parts = [self.formatException(record.exc_info)] if record.exc_info and record.exc_info[0] else []
        return self._clean("\n".join(parts + ([record.stack_info] if record.stack_info else [])))

    def _clean(self, text: str) -> str:
        return self.redactor.text(self._own.text(text))


class Text(_Clean):
    """`2026-11-26 09:15:02,114 WARNING …`, in local time; a traceback follows on lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        said = f"{self.formatTime(record)} {record.levelname} {self.said(record).translate(_CONTROLS)}"
        trouble = self.trouble(record)
        return f"{said}\n{trouble}" if trouble else said


class JsonLines(_Clean):
    """One object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        at, ms = divmod(int(record.created * 1000), 1000)
        tree: dict[str, object] = {
            "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at))}.{ms:03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "message": _printable(self.said(record)),
        }
        if trouble := self.trouble(record):
            tree["exception"] = _printable(trouble)
        return encode(tree).decode()


def speak(environment: Mapping[str, str] = os.environ, stream: TextIO | None = None) -> None:
    """Set it up for this process and those that are forked from it, as its environment says. Called again, anew."""
    root = logging.getLogger()
    for former in [each for each in root.handlers if isinstance(each.formatter, _Clean)]:
        root.removeHandler(former)
    if root.handlers:
        return  # whoever runs us has arranged it
    secrets = [os.fsencode(value) for name, value in environment.items() if name.endswith(_SECRET)]
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter((JsonLines if environment.get(FORMAT) == "json" else Text)(secrets))
    level = environment.get(LEVEL, "INFO").upper()
    root.addHandler(handler)
    root.setLevel(level if level in _LEVELS else "INFO")
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    if level not in _LEVELS:
        log.warning("%s is '%s', and none of %s", LEVEL, level, ", ".join(_LEVELS))


def hide(redactor: Redactor) -> None:
    """Take out what this one finds too, from now on."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, _Clean):
            handler.formatter.redactor = redactor


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        log.critical("an exception that nobody caught", exc_info=(kind, error, trace))


def _uncaught_in_thread(told: threading.ExceptHookArgs) -> None:
    if told.exc_value is not None and not issubclass(told.exc_type, SystemExit):
        name = told.thread.name if told.thread is not None else "?"
        log.critical("an exception that nobody caught, in the thread '%s'", name, exc_info=told.exc_value)


def _printable(text: str) -> str:
    """The text with lone surrogates, as a file's name may have them, made encodable."""
    return text.encode("utf-8", "backslashreplace").decode()
