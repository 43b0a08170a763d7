"""The rivals: how each is found or installed, started, and asked. One that is not here is reported as missing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

KEY = "bench-key-0123456789abcdef0123456789abcdef"
MODEL = "gpt-4o"


class Missing(Exception):
    """A rival that cannot take part; the message says why."""


@dataclass(frozen=True)
class Site:
    """Where a run takes place: the upstream's port, the rival's own, a directory for its files, where to look for programs."""

    upstream: int
    port: int
    directory: Path
    cache: Path
    portkey: Path | None
    litellm: Path | None


@dataclass(frozen=True)
class Launch:
    """How to start a rival that is ready to be started, and what is sent with each request (and with a foreign one)."""

    command: list[str]
    version: str
    headers: list[str] = field(default_factory=list)
    foreign_headers: list[str] = field(default_factory=list)
    model: str = MODEL
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Rival:
    """One contestant.

    `does` says what it has switched on. `connections` are for JSON and for streams (a slow one gets fewer, or a round would
    never end); `translates`: it can also be asked in another dialect than its upstream speaks. `warm_s` is how long it is
    loaded before anything counts (V8 needs thousands of requests); `start_patience_s` is how long its start may take.
    """

    name: str
    does: str
    prepare: Callable[[Site], Launch]
    connections: int = 64
    streams: int = 100
    translates: bool = False
    warm_s: float = 2.0
    start_patience_s: float = 30.0
    starts: int = 3


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return (done.stdout or done.stderr).strip()


def direct(site: Site) -> Launch:
    """No gateway: the upstream itself. (There is nothing to start; the upstream is measured elsewhere.)"""
    return Launch([], "")


def nginx(site: Site) -> Launch:
    """nginx with one worker, kept connections to the upstream, no buffering of answers, no access log."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if not program:
        raise Missing("nginx is not installed (Debian: apt-get install nginx-light)")
    config = site.directory / "nginx.conf"
    config.write_text(f"""
daemon off; worker_processes 1; pid {site.directory}/nginx.pid; error_log {site.directory}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; client_body_temp_path {site.directory}/body; proxy_temp_path {site.directory}/proxy;
  fastcgi_temp_path {site.directory}/fastcgi; uwsgi_temp_path {site.directory}/uwsgi; scgi_temp_path {site.directory}/scgi;
  client_body_buffer_size 64k; keepalive_requests 1000000; tcp_nodelay on;
  upstream model {{ server 127.0.0.1:{site.upstream}; keepalive 256; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{site.port} backlog=4096;
    location / {{
      proxy_pass http://model; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
    }}
  }}
}}
""")
    version = _output([program, "-v"]).rpartition("/")[2]
    return Launch([program, "-p", str(site.directory), "-c", str(config), "-e", str(site.directory / "error.log")], version)


def lockgate(site: Site) -> Launch:
    """This project: one worker, a key with a hard budget and rate limits, every request priced and logged with its bodies."""
    config = site.directory / "lockgate.yaml"
    config.write_text(
        f"providers:\n  up: {{provider: openai, base_url: 'http://127.0.0.1:{site.upstream}/v1', api_key: upstream-key}}\n"
        "configs:\n  chat: {provider: '@up', upstream_api: chat}\n"
        f"keys:\n  - name: bench\n    key: {KEY}\n    usage_limits: {{credit_limit: 1000000, periodic_reset: monthly}}\n"
        "    rate_limits: [{type: requests, unit: rpm, value: 100000000}, {type: tokens, unit: rpm, value: 10000000000}]\n"
        "egress:\n  allow: [127.0.0.0/8]\n"
    )
    program = [sys.executable, "-m", "lockgate"]
    version = _output([*program, "--version"]).split()[-1:]
    if not version or not version[0][:1].isdigit():
        raise Missing("the lockgate command does not answer to --version")
    serve = ["serve", "--port", str(site.port), "--workers", "1"]
    serve += ["--data", str(site.directory / "data"), "--config", str(config)]
    chat = ["x-lockgate-config: chat"]  # of the provider's two APIs, the one that the upstream has
    return Launch([*program, *serve], version[0], _bearer(KEY), chat, f"@up/{MODEL}", {})


def portkey(site: Site) -> Launch:
    """Portkey's open gateway, as npm gives it; it has neither authentication nor a log to switch on."""
    node = shutil.which("node")
    if not node:
        raise Missing("node is not installed")
    package = _portkey_package(site)
    version = json.loads((package / "package.json").read_text())["version"]
    headers = [
        *_bearer("upstream-key"),
        "x-portkey-provider: openai",
        f"x-portkey-custom-host: http://127.0.0.1:{site.upstream}/v1",
    ]
    command = [node, str(package / "build" / "start-server.js"), f"--port={site.port}", "--headless"]
    env = {"NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost"}
    return Launch(command, f"{version} (node {_output([node, '--version']).lstrip('v')})", headers, env=env)


def _portkey_package(site: Site) -> Path:
    place = Path("node_modules", "@portkey-ai", "gateway")
    for root in (site.portkey, site.cache / "portkey"):
        for package in (root / place, root) if root else ():
            if (package / "build" / "start-server.js").exists():
                return package
    npm = shutil.which("npm")
    if not npm:
        raise Missing("npm is not installed")
    root = site.cache / "portkey"
    root.mkdir(parents=True, exist_ok=True)
    _install([npm, "install", "--no-audit", "--no-fund", "--prefix", str(root), "@portkey-ai/gateway"])
    return root / place


def litellm(site: Site) -> Launch:
    """LiteLLM's proxy: one worker, a master key, no database."""
    environment = site.litellm or site.cache / "litellm"
    python = environment / "bin" / "python"
    if not (environment / "bin" / "litellm").exists():
        uv = shutil.which("uv")
        if not uv:
            raise Missing("uv is not installed")
        _install([uv, "venv", "-q", "--allow-existing", str(environment)])
        _install([uv, "pip", "install", "-q", "--compile-bytecode", "--python", str(python), "litellm[proxy]"])
    version = _output([str(python), "-c", "import importlib.metadata as m; print(m.version('litellm'))"])
    config = site.directory / "litellm.yaml"
    config.write_text(
        f"model_list:\n  - model_name: {MODEL}\n    litellm_params:\n      model: openai/{MODEL}\n"
        f"      api_base: http://127.0.0.1:{site.upstream}/v1\n      api_key: upstream-key\n"
        f"general_settings:\n  master_key: sk-{KEY}\n"
    )
    command = [str(environment / "bin" / "litellm"), "--config", str(config), "--host", "127.0.0.1", "--port", str(site.port)]
    env = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False", "LITELLM_LOG": "ERROR"}
    return Launch([*command, "--num_workers", "1"], version, _bearer(f"sk-{KEY}"), env=env)


def _install(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise Missing(f"it could not be installed: {lines[-1][:200]}")


def _bearer(key: str) -> list[str]:
    return [f"authorization: Bearer {key}"]


RIVALS = {
    rival.name: rival
    for rival in (
        Rival("direct", "no gateway", direct),
        Rival("nginx", "`proxy_pass`: no authentication, no log", nginx),
        Rival("lockgate", "key authentication, prices, every request logged with its bodies", lockgate, translates=True),
        Rival("portkey", "no authentication, no log: the open gateway has neither", portkey, warm_s=20.0),
        Rival("litellm", "a master key, no database", litellm, connections=8, streams=8, start_patience_s=180.0, starts=1),
    )
}
