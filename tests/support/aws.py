"""AWS in tests: transcripts of event streams, and botocore's own reading of requests and answers, which is the judge."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import botocore.session
from botocore.eventstream import EventStreamBuffer
from botocore.parsers import create_parser
from botocore.validate import ParamValidator

from lockgate.wire import eventstream


def frames(transcript: str) -> bytes:
    """The stream of a transcript: a line for each frame, its kind and its payload; "!" after the kind of an exception."""
    out = b""
    for line in transcript.splitlines():
        kind, payload = line.split(" ", 1)
        name = ":exception-type" if kind.endswith("!") else ":event-type"
        message = "exception" if kind.endswith("!") else "event"
        headers = {name: kind.rstrip("!"), ":content-type": "application/json", ":message-type": message}
        out += eventstream.write(headers, payload.encode())
    return out


def transcripts(folder: Path) -> dict[str, bytes]:
    """The streams of a folder by name."""
    return {path.stem: frames(path.read_text("utf-8")) for path in sorted(folder.glob("*.events"))}


@functools.cache
def _operation(name: str) -> Any:
    return botocore.session.get_session().get_service_model("bedrock-runtime").operation_model(name)


def request_errors(body: dict[str, Any], operation: str = "Converse") -> str:
    """What botocore finds wrong with a request; "" when nothing is."""
    report = ParamValidator().validate({"modelId": "m", **body}, _operation(operation).input_shape)
    return report.generate_report() if report.has_errors() else ""


def parsed_answer(body: bytes, operation: str = "Converse") -> dict[str, Any]:
    """A whole answer as botocore gives it to its user."""
    response = {"status_code": 200, "headers": {"content-type": "application/json"}, "body": body}
    return create_parser("rest-json").parse(response, _operation(operation).output_shape)


def parsed_stream(data: bytes) -> list[dict[str, Any]]:
    """The events of a stream as botocore gives them to its user; an exception is its name with its message."""
    shape = _operation("ConverseStream").output_shape.members["stream"]
    parser = create_parser("rest-json")._event_stream_parser
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [parser.parse(message.to_response_dict(), shape) for message in buffer]
