"""docs/admin.md: what it shows works, and nothing is missing."""

import gc
import json
import re
from pathlib import Path

import pytest

from lockgate.control.workspaces import unknown_workspace
from lockgate.http.admin.answers import refuse
from lockgate.http.admin.routes import ROUTES
from support.house import KEY
from support.process import Gateway

PAGE = (Path(__file__).parents[2] / "docs/admin.md").read_text("utf-8")


def block(language):
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)
    return found


def operations():
    """What the page's tables name: "`GET`, `PUT /v1/things/{id}`" are two."""
    for methods, last, path in re.findall(r"((?:`[A-Z]+`, )*)`([A-Z]+) (/v1/[^`\s]+)`", PAGE):
        yield from ((method, path) for method in (*re.findall("[A-Z]+", methods), last))


def test_every_operation_is_on_the_page_and_no_other():
    assert set(operations()) == {(route.method, route.path) for route in ROUTES}


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_example_runs(tmp_path, capsys):
    gateway = Gateway(tmp_path).ready()
    try:
        code = block("python").replace("http://localhost:8787", gateway.url).replace("lg_…", KEY)
        exec(compile(code, "docs/admin.md", "exec"), {})
    finally:
        gateway.stop()
        gc.collect()  # the SDK leaves its connections open
    assert f"{gateway.url}/invite#" in capsys.readouterr().out


def test_the_error_that_is_shown_is_one():
    assert json.loads(block("json")) == json.loads(bytes(refuse(unknown_workspace("x"), "id").body))
