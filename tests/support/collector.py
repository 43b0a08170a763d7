"""A collector in a thread, which answers as its script says: real sockets, and OpenTelemetry's own decoder."""

from __future__ import annotations

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


class Collector:
    """`script`: for each request a status, (status, headers), (status, headers, body), or "hang"; 200 when it is at its end."""

    def __init__(self, *script):
        self.script = list(script)
        self.asked = []  # (path, headers, body)
        self.go_on = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.asked.append((self.path, dict(self.headers.items()), body))
                answer = outer.script.pop(0) if outer.script else 200
                if answer == "hang":
                    outer.go_on.wait(20)
                    self.close_connection = True
                    return
                status, headers, body = (*(answer if isinstance(answer, tuple) else (answer,)), {}, b"")[:3]
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_PUT = do_POST

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self):
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def messages(self, kind):
        """What was asked of that kind, decoded."""
        end = "metrics" if kind is ExportMetricsServiceRequest else "traces"
        return [decode(kind, headers, body) for path, headers, body in self.asked if path.endswith(end)]

    def spans(self):
        return [
            span
            for request in self.messages(ExportTraceServiceRequest)
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


def decode(kind, headers, body):
    headers = {name.lower(): value for name, value in headers.items()}
    if headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    if headers["content-type"] == "application/json":
        # The official JSON parser wants base64 where OTLP has hexadecimal: ids are of no interest there.
        return json_format.Parse(body, kind(), ignore_unknown_fields=False)
    return kind.FromString(body)


def attributes(span):
    return {each.key: value_of(each.value) for each in span.attributes}


def value_of(value):
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [value_of(each) for each in value.array_value.values]
    return getattr(value, kind)


def partial(rejected):
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = rejected
    answer.partial_success.error_message = "too many"
    return answer.SerializeToString()


METRICS = ExportMetricsServiceRequest
TRACES = ExportTraceServiceRequest
