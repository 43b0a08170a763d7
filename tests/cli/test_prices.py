import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from click.testing import CliRunner

from lockgate.cli import cli
from support.price_list import repriced


@pytest.fixture
def run(tmp_path):
    config = tmp_path / "lockgate.yaml"
    config.write_text('providers: {mine: {provider: openai, api_key: k}}\nprices: {"mine/own": {page: 0.5}}\n')

    def run(*args):
        return CliRunner().invoke(cli, ["prices", *args, "--config", str(config), "--data", str(tmp_path / "data")])

    return run


def shown(run, name):
    return json.loads(run("show", name, "--json").stdout)


def test_a_file_is_taken_and_used(run, tmp_path):
    assert shown(run, "openai/gpt-4.1")["input"] == 2
    (tmp_path / "new.json").write_bytes(repriced(7))
    result = run("refresh", "--file", str(tmp_path / "new.json"))
    assert result.exit_code == 0, result.output
    assert "The price list is genai-prices 20" in result.stdout
    assert shown(run, "openai/gpt-4.1")["input"] == 7
    assert shown(run, "@mine/gpt-4.1")["source"] in result.stdout
    listed = CliRunner().invoke(cli, ["models", "--provider", "openai", "--data", str(tmp_path / "data")])
    assert shown(run, "openai/gpt-4.1")["source"] in listed.stderr


def test_a_list_is_fetched_over_the_wire(run):
    class Publisher(BaseHTTPRequestHandler):
        def do_GET(self):
            body = repriced(5) if self.path == "/v2/data.json" else b"{}"
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Publisher)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        base = f"http://127.0.0.1:{server.server_port}"
        bad = run("refresh", "--url", f"{base}/other")
        assert bad.exit_code == 1
        assert "it is no JSON array of providers" in bad.stderr
        assert run("refresh", "--url", f"{base}/v2/data.json").exit_code == 0
    finally:
        server.shutdown()
        server.server_close()
    assert shown(run, "openai/gpt-4.1")["input"] == 5


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (("--url", "http://prices.example/data.json"), "with https"),
        (("--url", "https://127.0.0.1:1/data.json"), ""),
        (("--url", "https://prices.example", "--file", __file__), "either --url or --file"),
        (("--file", __file__), "it is no JSON"),
    ],
)
def test_what_cannot_be_taken_is_said_so(run, args, why):
    result = run("refresh", *args)
    assert result.exit_code == 1
    assert result.stderr.startswith("lockgate: ")
    assert why in result.stderr


def test_a_price_is_shown_by_what_it_is_for(run):
    assert shown(run, "mine/own") == {
        "input": None,
        "output": None,
        "cached": None,
        "cache_write": None,
        "page": 0.5,
        "source": shown(run, "mine/own")["source"],
    }
    lines = run("show", "openai/whisper-1").stdout.splitlines()
    assert lines[0].split() == ["audio_hour", "0.36"]
    assert lines[-1].split()[:2] == ["source", "genai-prices"]


@pytest.mark.parametrize("name", ["gpt-4.1", "klingon/x", "openai/", "openai/nobody-knows"])
def test_an_unknown_price_or_name_is_said_so(run, name):
    result = run("show", name)
    assert result.exit_code == 1
    assert name in result.stderr
