"""docs/caching.md: what it shows is good, and nothing is missing."""

import re
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner

from lockgate.cli import cli
from lockgate.cli.cache import cache
from lockgate.control.config import read_text
from lockgate.core.json import encode
from lockgate.core.record import Cache
from lockgate.http.admin.cache import EntryQuery
from lockgate.http.admin.cache_routes import CACHE
from lockgate.pipeline.branches import compile_inline
from lockgate.pipeline.route import CacheConfig

PAGE = (Path(__file__).parents[2] / "docs/caching.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)


@pytest.mark.parametrize("text", blocks("yaml"))
def test_the_configurations_that_are_shown_are_good(text):
    config = read_text("providers: {openai: {api_key: sk-openai-secret-1234567890}}\n" + text, {})
    for route in config.configs.values():
        compiled = compile_inline(encode(route))
        assert compiled.caches, "it shows a cache"


def test_all_that_can_be_said_is_on_the_page():
    assert not [name for name in CacheConfig.__struct_fields__ if f"`{name}`" not in PAGE and f"`{name}: " not in PAGE]
    assert not [name for name in EntryQuery.__struct_fields__ if f"`{name}`" not in PAGE]
    assert not [status for status in get_args(Cache) if status and f"`{status.upper()}`" not in PAGE]
    for route in CACHE:
        assert f"`{route.method} {route.path}`" in PAGE
    for name in cache.commands:
        assert f"`lockgate cache {name}" in PAGE
    for scope in ("cache.list", "cache.delete"):
        assert f"`{scope}`" in PAGE


@pytest.mark.parametrize("command", ["ls", "purge"])
def test_the_options_of_the_page_are_those_of_the_command(command):
    told = CliRunner().invoke(cli, ["cache", command, "--help"]).output
    for option in ("--id", "--namespace", "--provider", "--model", "--older-than", "--workspace"):
        assert option in told and f"`{option}" in PAGE
