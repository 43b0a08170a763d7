"""Many callers at once: each with a connection of its own, asking until enough have been answered."""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter

from support.house import KEY
from support.process import PATIENCE

ASK = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "ping"}]}


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def target(self):
        """Where the one stands who answered, or was tried last."""
        return self.headers["x-portkey-last-used-option-index"]


def ask(gateway, config, path="/v1/chat/completions", **members):
    """One answer."""
    return crowd(gateway, config, count=1, at_once=1, path=path, body={**ASK, **members})[0]


def crowd(gateway, config, *, count=0, at_once=16, done=None, path="/v1/chat/completions", body=None):
    """The answers to `count` chats, or to as many as are asked until `done()`; a call that broke has status 0."""
    answers: list[Answer] = []
    left = iter(range(count)) if count else iter(int, 1)
    lock = threading.Lock()
    body = json.dumps(body or ASK)
    headers = {"content-type": "application/json", "authorization": f"Bearer {KEY}", "x-portkey-config": json.dumps(config)}

    def caller():
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE)
        try:
            while done is None or not done():
                with lock:
                    if next(left, None) is None:
                        return
                try:
                    connection.request("POST", path, body, headers)
                    with connection.getresponse() as got:
                        answers.append(Answer(got.status, got.headers, got.read()))
                except (OSError, http.client.HTTPException):
                    connection.close()
                    answers.append(Answer(0, {}, b""))
        finally:
            connection.close()

    threads = [threading.Thread(target=caller) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def share(answers, status=200):
    """The part of the answers with a status."""
    return Counter(each.status for each in answers)[status] / len(answers)
