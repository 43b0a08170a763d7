"""What the documents show is true."""

import re
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
import yaml
from click.testing import CliRunner

from lockgate.cli import cli
from lockgate.control.config import read_text
from lockgate.control.identity.compiled import check_identity
from lockgate.control.identity.settings import IdentityEntry, JwtEntry, OidcEntry
from lockgate.control.sinks.settings import JsonlEntry, KafkaEntry, Out, TelemetryEntry, WebhookEntry, WhereEntry
from lockgate.core.failure import FailureKind
from lockgate.http.routes import SCOPES
from lockgate.pipeline.branches import compile_inline
from lockgate.pipeline.route import BreakerConfig, RetryConfig, Strategy
from lockgate.policy.balance import Method
from lockgate.policy.breaker import FAULTS
from lockgate.policy.retry import LASTING, NETWORK
from lockgate.providers.table import TABLE
from support.house import KEY
from support.imports import checked
from support.process import Gateway

ROOT = Path(__file__).parents[2]
DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(path, language):
    return re.findall(rf"```{language}\n(.*?)```", path.read_text("utf-8"), re.S)


def test_the_configuration_that_is_shown_is_good():
    (shown,) = blocks(ROOT / "docs/configuration.md", "yaml")
    shown = shown.replace("sha256:…", "sha256:" + "00" * 32)
    config = read_text(shown, {"OPENAI_API_KEY": "k", "SLACK_URL": "https://hooks.example", "OIDC_SECRET": "s"})
    assert set(yaml.safe_load(shown)) == set(config.__struct_fields__), "every section is shown"


@pytest.mark.parametrize("page", ["docs/exports.md", "docs/opentelemetry.md"])
def test_the_sinks_that_are_shown_are_good(page):
    shown = blocks(ROOT / page, "yaml")
    assert shown
    for text in shown:
        read_text(text, {})
    text = (ROOT / page).read_text("utf-8")
    shows = {"docs/exports.md": (JsonlEntry, KafkaEntry, WebhookEntry, WhereEntry), "docs/opentelemetry.md": (TelemetryEntry,)}
    shared = () if page == "docs/exports.md" else Out.__struct_fields__
    for part in shows[page]:
        assert not [name for name in part.__struct_fields__ if name not in text and name not in shared], part


@pytest.mark.parametrize("text", blocks(ROOT / "docs/identity.md", "yaml"))
def test_the_identities_that_are_shown_are_good(text):
    config = read_text(text, {"OIDC_SECRET": "s"})
    mistakes = []
    check_identity(config.identity, SCOPES, mistakes)
    assert mistakes == []


def test_every_member_of_an_identity_is_documented():
    text = (ROOT / "docs/identity.md").read_text("utf-8")
    for part in (IdentityEntry, OidcEntry, JwtEntry):
        assert not [name for name in part.__struct_fields__ if name not in text], part


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    gateway = Gateway(tmp_path_factory.mktemp("docs")).ready()
    yield gateway
    gateway.stop()


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("code", blocks(ROOT / "README.md", "python"), ids=lambda code: code.split()[1])
def test_the_examples_of_the_readme_run(gateway, capsys, code):
    code = code.replace("http://localhost:8787", gateway.url).replace("lg_…", KEY)
    exec(compile(code, "README.md", "exec"), {})
    assert "pong" in capsys.readouterr().out


ROUTING = ROOT / "docs/routing.md"


@pytest.mark.parametrize("text", blocks(ROUTING, "json"))
def test_the_configs_that_are_shown_are_good(text):
    assert compile_inline(text.encode()).branches


def test_the_routes_that_are_shown_are_good():
    shown = "".join(blocks(ROUTING, "yaml")).replace("sha256:…", "sha256:" + "00" * 32)
    snapshot = checked("providers: {openai: {api_key: k}, anthropic: {api_key: k}}\n" + shown)
    assert "pc-chat" in snapshot.routes


def test_the_failures_are_told_as_they_are_dealt_with():
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\| ([^|]*)\| ([^|]*)\|[^|]*\|$", ROUTING.read_text("utf-8"), re.M)
    assert {kind for kind, _, _ in rows} == set(get_args(FailureKind))
    assert {kind for kind, again, _ in rows if again.startswith("no")} == LASTING
    assert {kind for kind, again, _ in rows if again.strip() == "yes"} == NETWORK
    assert {kind for kind, _, opens in rows if opens.startswith("yes")} == FAULTS


def test_every_strategy_and_method_is_documented():
    text = ROUTING.read_text("utf-8")
    modes = get_args(get_type_hints(Strategy)["mode"])
    assert all(f"| `{name}`" in text for name in (*modes, *get_args(Method)))
    for part in (RetryConfig, BreakerConfig):
        assert all(f"`{name}`" in text for name in part.__struct_fields__)


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text("utf-8")):
        assert (path.parent / target).exists(), target


def test_every_command_is_documented_and_has_help():
    text = (ROOT / "docs/configuration.md").read_text("utf-8")
    for name in cli.list_commands(None):
        command = cli.get_command(None, name)
        assert f"`{name}" in text or f"lockgate {name}" in text, name
        assert command.help
        assert CliRunner().invoke(cli, [name, "--help"]).exit_code == 0


def test_the_vocabulary_names_every_dialect_and_operation():
    text = (ROOT / "docs/vocabulary.md").read_text("utf-8")
    from lockgate.dialects.registry import CODECS
    from lockgate.http.routes import ROUTES

    assert all(f"`{name}`" in text for name in CODECS)
    assert all(route.operation in text for route in ROUTES)


def test_every_route_is_documented():
    text = (ROOT / "docs/api.md").read_text("utf-8")
    from lockgate.http.routes import ROUTES

    for route in ROUTES:
        path = route.path.replace("/v1/models/{model}:", "/v1beta/models/{model}:")
        assert f"`{path}`" in text or f"`{route.method} {path}`" in text, route.path


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md"])
def test_as_many_providers_are_promised_as_there_are(page):
    assert f"{len(TABLE)} providers" in (ROOT / page).read_text("utf-8")
