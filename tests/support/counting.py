"""A counting upstream: OpenAI's chat and Anthropic's messages over real connections; each answer says which one it is, so that
one that was given before is told from a new one. It can be made to wait with its answers."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Counting:
    """`asked` are the bodies that came, in order. While `gate` is not set, nobody is answered."""

    def __init__(self):
        self.asked: list[dict] = []
        self.gate = threading.Event()
        self.gate.set()
        self._turn = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def take(self, body):
        """The number of a request that has come."""
        with self._turn:
            self.asked.append(body)
            return len(self.asked)

    def close(self):
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


def _handler(upstream):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            number = upstream.take(body)
            upstream.gate.wait(30)
            write = _claude if self.path.endswith("/messages") else _chat
            stream = bool(body.get("stream"))
            said = write(f"answer {number}", number, stream=stream)
            self.send_response(200)
            self.send_header("content-type", "text/event-stream" if stream else "application/json")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for piece in said:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_):
            pass

    return Handler


def _chat(text, number, *, stream):
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    base = {"id": f"chatcmpl-{number}", "created": number, "model": "gpt-x"}
    if not stream:
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return [json.dumps({**base, "object": "chat.completion", "choices": [choice], "usage": usage}).encode()]
    chunk = {**base, "object": "chat.completion.chunk"}
    deltas = [{"role": "assistant", "content": ""}, *({"content": word + " "} for word in text.split()), {}]
    pieces = [
        {**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None if delta else "stop"}]} for delta in deltas
    ]
    pieces.append({**chunk, "choices": [], "usage": usage})
    return [*(b"data: %b\n\n" % json.dumps(piece).encode() for piece in pieces), b"data: [DONE]\n\n"]


def _claude(text, number, *, stream):
    message = {
        "id": f"msg_{number}", "type": "message", "role": "assistant", "model": "claude-x", "stop_sequence": None,
    }  # fmt: skip
    usage = {"input_tokens": 100, "output_tokens": 10}
    if not stream:
        content = [{"type": "text", "text": text}]
        return [json.dumps({**message, "content": content, "stop_reason": "end_turn", "usage": usage}).encode()]
    start = {**message, "content": [], "stop_reason": None, "usage": {"input_tokens": 100, "output_tokens": 1}}
    events = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word + " "}}
            for word in text.split()
        ),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 10}},
        {"type": "message_stop"},
    ]
    return [b"event: %b\ndata: %b\n\n" % (each["type"].encode(), json.dumps(each).encode()) for each in events]
