"""`lockgate explain`."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import click
import msgspec

from lockgate.cli.desk import CONFIG, Stop, data_option
from lockgate.cli.explain_view import lines
from lockgate.control.config import BadConfig, Config, read_file
from lockgate.control.explain import NoAnswer, explain_here, explain_there, question_of, read_config, read_question
from lockgate.control.logs_view import printable
from lockgate.control.offline import principal_of, thought_of
from lockgate.core.call import Principal
from lockgate.core.failure import Refusal
from lockgate.core.json import encode
from lockgate.http.routes import SCOPES, lay_out
from lockgate.pipeline.explain import Fail, Question
from lockgate.pipeline.explanation import Explanation
from lockgate.pipeline.runtime import now_us
from lockgate.stores.ports import StoreError
from lockgate.transport.client import HttpClient
from lockgate.transport.egress import Egress

#: Whose key asks for it when none is named: one that may do everything.
_ANYBODY = Principal("", "", SCOPES)


@click.command()
@click.argument("request", metavar="[REQUEST.JSON]", required=False)
@click.option(
    "--config",
    "configs",
    multiple=True,
    help="A config by its name, as a file, or as JSON; or a lockgate.yaml  [default: lockgate.yaml]. Both may be given.",
)
@click.option("--path", default="", help="What would be asked  [default: /v1/chat/completions]")
@click.option("--model", default="", help="The model to ask for, in place of the one in the request.")
@click.option("--header", "-H", "headers", multiple=True, help="A header of the request, as NAME:VALUE; repeatable.")
@click.option("--key", default="", help="The gateway key that asks, by name or id. With --url: the key itself.")
@click.option("--fail", multiple=True, help="How targets fail: 429, rate_limit …; repeated: one target after the other.")
@click.option("--url", default="", help="Ask a gateway that runs, which knows its circuits (key: --key, or LOCKGATE_API_KEY).")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@data_option
def explain(
    request: str | None,
    configs: tuple[str, ...],
    path: str,
    model: str,
    headers: tuple[str, ...],
    key: str,
    fail: tuple[str, ...],
    url: str,
    as_json: bool,
    data: Path,
) -> None:
    """Show where a request would go, and why, without sending it.

    REQUEST.JSON is the body of the request (- for stdin), or what POST /v1/explain takes. Without --url nothing needs to run:
    the answer comes from the configuration.
    """
    fails: list[Fail] = [int(each) if each.isascii() and each.isdigit() else each for each in fail]
    try:
        said, file = _configs(configs)
        question = question_of(read_question(_read(request), path, model, _headers(headers), fails), said)
        told = asyncio.run(_there(question, url, key, file)) if url else _here(question, key, file, data)
    except BadConfig as bad:
        raise Stop(f"the configuration cannot be used:\n{bad}") from None
    except Refusal as refusal:
        raise Stop(refusal.message) from None
    except (NoAnswer, StoreError) as why:
        raise Stop(str(why)) from None
    if as_json:
        click.echo(msgspec.json.format(encode(told), indent=2))
        return
    for line in lines(told):
        click.echo(printable(line))


def _here(question: Question, key: str, file: Path | None, data: Path) -> Explanation:
    config = Config() if file is None else read_file(file)
    snapshot = thought_of(config, data, os.environ, SCOPES)
    principal = principal_of(key, snapshot) if key else _ANYBODY
    if principal is None:
        known = ", ".join(sorted({each.name for each in snapshot.keys.values()})) or "none"
        raise Stop(f"no key is called '{key}'. Keys here: {known}.")
    return explain_here(question, principal, snapshot, lay_out().address, now_us())


async def _there(question: Question, url: str, key: str, file: Path | None) -> Explanation:
    key = key or os.environ.get("LOCKGATE_API_KEY", "")
    if not key:
        raise Stop("a gateway that runs wants a key: --key, or LOCKGATE_API_KEY.")
    if file is not None and file != _default():
        raise Stop(f"the gateway at {url} has a configuration of its own: leave {file} out.")
    client = HttpClient(Egress.compile(["0.0.0.0/0", "::/0"]))  # the operator's own word where it is
    try:
        return await explain_there(question, url, key, client)
    finally:
        client.close()


def _configs(said: tuple[str, ...]) -> tuple[str, Path | None]:
    """(the config of the request, the configuration)."""
    config, file = "", _default()
    for each in said:
        inline, path = read_config(each, os.environ)
        config, file = inline or config, path or file
    return config, file


def _default() -> Path | None:
    path = Path(os.environ.get("LOCKGATE_CONFIG") or CONFIG)
    return path if path.is_file() else None


def _read(request: str | None) -> bytes:
    if request is None:
        return b""
    try:
        return sys.stdin.buffer.read() if request == "-" else Path(request).read_bytes()
    except OSError as error:
        raise Stop(f"{request} cannot be read: {error.strerror or error}") from None


def _headers(said: tuple[str, ...]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for each in said:
        name, colon, value = each.partition(":")
        if not colon or not name.strip():
            raise Stop(f"--header {each}: write NAME:VALUE.")
        headers[name.strip()] = value.strip()
    return headers
