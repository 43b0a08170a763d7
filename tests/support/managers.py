"""Secret managers on real sockets: what is asked goes over the wire to a server of ours, whatever its host is called."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import requests

from lockgate.providers.auth.port import Told


class Served:
    """A server on loopback. `answer` takes (method, host, path with query, headers, body) and gives (status, body)."""

    def __init__(self, answer):
        self.seen = []
        served = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                length = int(self.headers.get("content-length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = (self.command, headers.pop("host"), self.path, headers, self.rfile.read(length))
                served.seen.append(asked)
                status, body = answer(*asked)
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    async def ask(self, asked):
        """Asks this server in the place of the one that is meant, which it is told as the Host."""
        return await asyncio.to_thread(self._ask, asked)

    def _ask(self, asked):
        url = urlsplit(asked.url)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        path = url.path + (f"?{url.query}" if url.query else "")
        connection.request(asked.method, path, asked.body, {"host": url.netloc, **dict(asked.headers)})
        answer = connection.getresponse()
        try:
            return Told(answer.status, answer.read())
        finally:
            connection.close()


@contextmanager
def served(answer):
    """A `Served` while the block lasts."""
    server = Served(answer)
    try:
        yield server
    finally:
        server.close()


def aws(method, host, path, headers, body):
    """moto, which must be active in this process, and checks signatures when it is told to."""
    answer = requests.request(method, f"https://{host}{path}", headers=headers, data=body, timeout=10)
    return answer.status_code, answer.content


def azure(secrets, *, tenant="tenant", client="client", secret="app-secret"):
    """Entra ID and a vault "mine" with these secrets, by name."""

    def answer(method, host, path, headers, body):
        if host == "login.microsoftonline.com":
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            wanted = {
                "grant_type": "client_credentials",
                "client_id": client,
                "client_secret": secret,
                "scope": "https://vault.azure.net/.default",
            }
            if (method, path, form) != ("POST", f"/{tenant}/oauth2/v2.0/token", wanted):
                return 401, {"error": "invalid_client"}
            return 200, {"access_token": "entra-token", "token_type": "Bearer", "expires_in": 3599}
        if host != "mine.vault.azure.net" or headers.get("authorization") != "Bearer entra-token":
            return 401, {"error": {"code": "Unauthorized"}}
        url = urlsplit(path)
        name = url.path.removeprefix("/secrets/")
        if method != "GET" or url.query != "api-version=7.4" or name not in secrets:
            return 404, {"error": {"code": "SecretNotFound"}}
        return 200, {"value": secrets[name], "id": f"https://mine.vault.azure.net/secrets/{name}"}

    return answer


def vault(secrets, *, token="hvs.root", role=("role", "role-secret"), namespace=""):
    """HashiCorp Vault: the first version of its engine at kv/, the second at secret/data/, and logins by role."""
    tokens = {token}

    def answer(method, host, path, headers, body):
        if headers.get("x-vault-namespace", "") != namespace or headers.get("x-vault-request") != "true":
            return 403, {"errors": ["permission denied"]}
        if (method, path) == ("POST", "/v1/auth/approle/login"):
            said = json.loads(body)
            if (said["role_id"], said["secret_id"]) != role:
                return 400, {"errors": ["invalid role or secret ID"]}
            tokens.add("hvs.of-the-role")
            return 200, {"auth": {"client_token": "hvs.of-the-role", "lease_duration": 3600}}
        if headers.get("x-vault-token") not in tokens:
            return 403, {"errors": ["permission denied"]}
        for start, within in (("/v1/secret/data/", True), ("/v1/kv/", False)):
            if method == "GET" and path.startswith(start) and (found := secrets.get(path.removeprefix(start))) is not None:
                return 200, {"data": {"data": found, "metadata": {"version": 1}} if within else found}
        return 404, {"errors": []}

    return answer
