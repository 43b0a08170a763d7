"""A real HTTP server on loopback that takes webhooks: it keeps what came, and answers with the statuses of a script."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hooks:
    """`script`: a status, or (status, headers, body), for each request; the last one goes on for ever."""

    def __init__(self, *script):
        self.script = list(script) or [200]
        self.requests = []  # (path, headers, body)

    def __enter__(self):
        hooks = self

        class Taker(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                hooks.requests.append((self.path, self.headers, body))
                answer = hooks.script.pop(0) if len(hooks.script) > 1 else hooks.script[0]
                status, headers, body = answer if isinstance(answer, tuple) else (answer, {}, b"ok")
                self.send_response(status)
                for name, value in {"content-length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
