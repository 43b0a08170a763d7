"""Explaining a request from the command line: the question as people write it, answered here from the configuration, or by a
gateway that runs, which knows its circuits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import msgspec
import yaml

from lockgate import __version__
from lockgate.control.config import Config, read_text
from lockgate.control.offline import idle
from lockgate.core.call import Call, Principal
from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import encode, raw, readable
from lockgate.core.record import new_id
from lockgate.pipeline.explain import Fail, Question, World, explained
from lockgate.pipeline.explanation import Explanation
from lockgate.pipeline.ports import Address
from lockgate.pipeline.route import RouteConfig
from lockgate.pipeline.snapshot import Snapshot
from lockgate.transport.destination import Destination
from lockgate.transport.exchange import Client, Deadlines, Outgoing

_CONFIG = "x-lockgate-config"
_DEADLINES = Deadlines(connect=5.0, first_byte=15.0, idle=15.0, total=30.0)
#: Bytes of an answer that is read.
_LIMIT = 16 * 1024 * 1024
_PING = b'{"messages": [{"role": "user", "content": "ping"}]}'
#: The end of a path → the smallest body that can be asked there. "" is the usual path.
_SMALLEST = {"": _PING, "completions": _PING, "messages": _PING, "chat": _PING, "count_tokens": _PING}
#: Members that tell a lockgate.yaml from a config of a route.
_OF_A_HOUSE = frozenset(Config.__struct_fields__) - frozenset(RouteConfig.__struct_fields__)


class NoAnswer(Exception):
    """The gateway did not explain; the message says why."""


def read_question(text: bytes, path: str, model: str, headers: Mapping[str, str], fail: list[Fail]) -> Question:
    """The question that a file holds: a whole one, or the body of a request (b"" for the smallest one). What is said beside it
    comes first. Raises `Refusal` for what is no JSON object."""
    text = text or _SMALLEST.get(path.rpartition("/")[2], b'{"input": "ping"}')
    tree = readable(text, dict[str, msgspec.Raw])
    whole = "body" in tree and not tree.keys() - set(Question.__struct_fields__)
    question = readable(text, Question) if whole else Question(msgspec.Raw(text))
    if path:
        question.path = path
    if model:
        body = readable(question.body, dict[str, msgspec.Raw], "body")
        body["model"] = raw(model)
        question.body = raw(body)
    question.headers = {**question.headers, **headers}
    if fail:
        question.fail = fail
    return question


def read_config(text: str, environment: Mapping[str, str]) -> tuple[str, Path | None]:
    """What a person means by a config: (what the config header says, None) for a slug, inline JSON or the file of a route;
    ("", file) for a lockgate.yaml. Raises `BadConfig`."""
    if text.lstrip().startswith("{"):
        return text, None
    path = Path(text)
    if not path.is_file():
        return text, None
    try:
        tree: Any = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError):
        return "", path  # whoever reads it next says what is wrong
    if not isinstance(tree, dict) or _OF_A_HOUSE.intersection(cast("dict[Any, Any]", tree)):
        return "", path
    written = read_text(yaml.safe_dump({"configs": {path.stem: tree}}), environment)
    return encode(written.configs[path.stem]).decode(), None


def question_of(question: Question, config: str) -> Question:
    """The question with a config (a slug, or inline JSON) for its request."""
    if config:
        question.headers = {**question.headers, _CONFIG: config}
    return question


def explain_here(
    question: Question, principal: Principal, snapshot: Snapshot, address: Callable[[str], Address | None], time_us: int
) -> Explanation:
    """The explanation without a gateway: whether circuits are open is not known. Raises `Refusal`."""
    id = new_id(time_us, 0)
    asking = Call(id, id, time_us, 0.0, "POST", "/v1/explain", b"", {}, "explain", "")
    return explained(question, asking, principal, "", World(snapshot, idle(), address, live=False))


async def explain_there(question: Question, url: str, key: str, client: Client) -> Explanation:
    """The explanation of the gateway at `url`. Raises `NoAnswer`."""
    headers = [
        (b"user-agent", f"lockgate/{__version__}".encode()),
        (b"content-type", b"application/json"),
        (b"authorization", f"Bearer {key}".encode("latin-1", "replace")),
    ]
    try:
        destination, base = Destination.parse(url, trusted=True)
        target = base.rstrip("/").removesuffix("/v1").encode("ascii") + b"/v1/explain"
        exchange = await client.send(destination, Outgoing("POST", target, headers, encode(question)), _DEADLINES)
    except Refusal as refusal:
        raise NoAnswer(f"{url} cannot be asked: {refusal.message}") from None
    if isinstance(exchange, Failure):
        raise NoAnswer(f"{url} cannot be asked: {exchange.message}")
    try:
        body = await exchange.read(_LIMIT)
    finally:
        exchange.close()
    if isinstance(body, Failure):
        raise NoAnswer(f"{url} did not answer: {body.message}")
    try:
        if exchange.status == 200:
            return msgspec.json.decode(body, type=Explanation)
        message = msgspec.json.decode(body, type=_Error).error.message
    except msgspec.DecodeError:
        message = "it is no Lockgate of this version"
    raise NoAnswer(f"{url} did not explain it (status {exchange.status}): {message}")


class _Message(msgspec.Struct):
    message: str = ""


class _Error(msgspec.Struct):
    error: _Message
