"""TLS to the upstream: verified, never downgraded, its own end needed where a body has no length."""

from __future__ import annotations

import asyncio
import datetime
import gc
import os
import ssl
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from lockgate.core.failure import Failure
from lockgate.transport.client import HttpClient
from lockgate.transport.destination import Destination, TlsIdentity
from lockgate.transport.egress import Egress
from lockgate.transport.exchange import Deadlines, Outgoing
from lockgate.transport.tls import Contexts, TlsFilesError
from lockgate.transport.wheel import Wheel
from transport.upstream import Upstream, Wire, repeat, response

OK = repeat(response(b"ok"))
CA = trustme.CA()
CERT = CA.issue_cert("localhost")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ca.pem, client.pem, client.key, other.key"""
    folder = tmp_path_factory.mktemp("tls")
    CA.cert_pem.write_to_path(str(folder / "ca.pem"))
    client = CA.issue_cert("client@example.com")
    client.cert_chain_pems[0].write_to_path(str(folder / "client.pem"))
    client.private_key_pem.write_to_path(str(folder / "client.key"))
    CA.issue_cert("other@example.com").private_key_pem.write_to_path(str(folder / "other.key"))
    return folder


@pytest.fixture
def identity(files: Path) -> TlsIdentity:
    return TlsIdentity(ca_file=str(files / "ca.pem"))


def serving(cert: trustme.LeafCert = CERT) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    cert.configure_cert(context)
    return context


async def ask(
    upstream: Upstream,
    identity: TlsIdentity | None,
    *,
    times: int = 1,
    name: str = "localhost",
    deadlines: Deadlines | None = None,
) -> bytes | Failure:
    """What comes of a GET, by a client of its own; `localhost` goes to 127.0.0.1, whatever the machine says of it."""

    class Names:
        async def resolve(self, host: str) -> tuple[str, ...]:
            return ("127.0.0.1",)

    client = HttpClient(Egress.compile(["127.0.0.0/8"]), resolver=Names(), wheel=Wheel(asyncio.get_running_loop(), tick=0.002))
    destination = Destination("https", name, upstream.port, identity, trusted=True)
    got: bytes | Failure = b""
    try:
        for _ in range(times):
            answer = await client.send(destination, Outgoing("GET", b"/"), deadlines or Deadlines())
            if isinstance(answer, Failure):
                return answer
            got = await answer.read(10_000_000)
            answer.close()
        return got
    finally:
        client.close()
        await asyncio.sleep(0)


def test_a_trusted_certificate_is_accepted_and_the_connection_reused(run, identity):
    async def main():
        async with Upstream(OK, tls=serving()) as upstream:
            assert await ask(upstream, identity, times=3) == b"ok"
            assert len(upstream.wires) == 1
            tls = upstream.wires[0].writer.get_extra_info("ssl_object")
            assert tls.version() == "TLSv1.3"

    run(main())


def test_http_1_1_is_asked_for_by_alpn(run, identity):
    async def main():
        context = serving()
        context.set_alpn_protocols(["h2", "http/1.1"])
        async with Upstream(OK, tls=context) as upstream:
            assert await ask(upstream, identity) == b"ok"
            assert upstream.wires[0].writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"

    run(main())


def test_a_large_request_and_answer_pass(run, identity):
    async def main():
        body = bytes(range(256)) * 10_000
        async with Upstream(repeat(response(body)), tls=serving()) as upstream:
            assert await ask(upstream, identity, times=2) == body

    run(main())


EXPIRED = CA.issue_cert("localhost", not_after=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))


@pytest.mark.parametrize(
    ("cert", "name", "why"),
    [
        (EXPIRED, "localhost", "certificate has expired"),
        (CERT, "elsewhere.example", "Hostname mismatch"),
        (trustme.CA().issue_cert("localhost"), "localhost", "unable to get local issuer certificate"),
    ],
    ids=["expired", "other host", "other authority"],
)
def test_a_certificate_that_is_not_right_is_refused(run, identity, cert, name, why):
    async def main():
        async with Upstream(OK, tls=serving(cert)) as upstream:
            got = await ask(upstream, identity, name=name)
            assert isinstance(got, Failure)
            assert (got.kind, got.status) == ("connect", 502)
            assert got.message.startswith(f"No connection to {name}:{upstream.port}: its certificate was not accepted ({why}")
            assert upstream.requests == []

    run(main())


def test_without_a_ca_file_the_systems_authorities_decide(run):
    async def main():
        async with Upstream(OK, tls=serving()) as upstream:
            got = await ask(upstream, None)
            assert isinstance(got, Failure)
            assert "not accepted" in got.message

    run(main())


def test_an_old_protocol_is_refused(run, identity):
    async def main():
        context = serving()
        with pytest.warns(DeprecationWarning):
            context.minimum_version = ssl.TLSVersion.TLSv1
        with pytest.warns(DeprecationWarning):
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        async with Upstream(OK, tls=context) as upstream:
            got = await ask(upstream, identity)
            assert isinstance(got, Failure)
            assert (got.kind, got.status) == ("connect", 502)
            assert "TLS handshake" in got.message

    run(main())


def test_the_server_name_of_an_identity_is_asked_for_and_verified(run, files):
    async def main():
        names: list[str | None] = []
        context = serving(CA.issue_cert("inner.example"))
        context.sni_callback = lambda _socket, name, _context: names.append(name)
        async with Upstream(OK, tls=context) as upstream:
            renamed = TlsIdentity(ca_file=str(files / "ca.pem"), server_name="inner.example")
            assert await ask(upstream, renamed, name="outer.example") == b"ok"
            assert names == ["inner.example"]

    run(main())


def test_an_address_is_verified_as_one(run, identity):
    async def main():
        async with Upstream(OK, tls=serving(CA.issue_cert("127.0.0.1"))) as upstream:
            assert await ask(upstream, identity, name="127.0.0.1") == b"ok"

    run(main())


def test_a_client_certificate_is_shown_where_there_is_one(run, files, identity):
    async def main():
        context = serving()
        context.verify_mode = ssl.CERT_REQUIRED
        CA.configure_trust(context)
        ours = TlsIdentity(str(files / "ca.pem"), str(files / "client.pem"), str(files / "client.key"))
        async with Upstream(OK, tls=context) as upstream:
            assert await ask(upstream, ours) == b"ok"
            got = await ask(upstream, identity)  # in TLS 1.3 the server's no may come after the handshake
            assert isinstance(got, Failure)
            assert got.kind in ("connect", "cut")

    run(main())


async def says_nothing(wire: Wire) -> None:
    await wire.gone()


async def says_rubbish(wire: Wire) -> None:
    await wire.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await wire.gone()


async def hangs_up(wire: Wire) -> None:
    await wire.reader.read(1)


async def resets(wire: Wire) -> None:
    await wire.reader.read(1)
    wire.reset()


@pytest.mark.parametrize(
    ("script", "kind", "why"),
    [
        (says_nothing, "timeout", "within 0.05 s"),
        (says_rubbish, "connect", "the TLS handshake failed"),
        (hangs_up, "connect", ""),
        (resets, "connect", ""),
    ],
)
def test_a_handshake_that_fails_or_stalls_is_a_failure(run, identity, script, kind, why):
    async def main():
        async with Upstream(script) as upstream:
            deadlines = Deadlines(connect=0.05) if kind == "timeout" else None
            got = await ask(upstream, identity, deadlines=deadlines)
            assert isinstance(got, Failure)
            assert got.kind == kind
            assert why in got.message

    run(main())


def test_no_file_is_left_open_by_failed_handshakes(run, identity):
    async def main():
        async with Upstream(resets, says_rubbish, hangs_up, says_nothing) as upstream:
            await ask(upstream, identity)
            before = len(os.listdir("/proc/self/fd"))
            for _ in range(10):
                await ask(upstream, identity, deadlines=Deadlines(connect=0.01))
            while len(os.listdir("/proc/self/fd")) > before + len(upstream.wires):
                await asyncio.sleep(0.001)
                gc.collect()

    run(main())


@pytest.mark.parametrize("proper", [True, False])
def test_a_body_without_a_length_needs_the_end_of_tls(run, identity, proper):
    async def main():
        async def script(wire: Wire) -> None:
            await wire.request()
            await wire.send(b"HTTP/1.1 200 OK\r\n\r\nall of it")
            if not proper:
                wire.fin()  # as anyone on the way could
                await wire.gone()

        async with Upstream(script, tls=serving()) as upstream:
            got = await ask(upstream, identity)
            if proper:
                assert got == b"all of it"
            else:
                assert isinstance(got, Failure)
                assert got.kind == "cut"

    run(main())


# --- the contexts


def test_contexts_verify_always_and_are_made_once(files):
    contexts = Contexts()
    for identity in (None, TlsIdentity(ca_file=str(files / "ca.pem"))):
        context = contexts.of(identity)
        assert context is contexts.of(identity)
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert contexts.of(None) is contexts.of(TlsIdentity())


def test_a_context_is_made_anew_when_its_files_change(files, tmp_path):
    ca = tmp_path / "ca.pem"
    ca.write_bytes((files / "ca.pem").read_bytes())
    contexts = Contexts()
    identity = TlsIdentity(ca_file=str(ca))
    before = contexts.of(identity)
    os.utime(ca, ns=(1, 1))
    assert contexts.of(identity) is not before
    ca.unlink()
    with pytest.raises(TlsFilesError, match="the CA file cannot be read"):
        contexts.of(identity)


def test_files_that_cannot_be_used_are_named_by_their_part_and_not_their_place(run, files, tmp_path):
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("rubbish")
    encrypted = tmp_path / "encrypted.key"
    key = serialization.load_pem_private_key((files / "client.key").read_bytes(), None)
    best = serialization.BestAvailableEncryption(b"password")
    encrypted.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, best))
    ca, cert, key = (str(files / name) for name in ("ca.pem", "client.pem", "client.key"))
    for identity, why in (
        (TlsIdentity("/nowhere"), "the CA file cannot be read"),
        (TlsIdentity(str(rubbish)), "the CA file cannot be used"),
        (TlsIdentity(ca, "/nowhere", key), "the client certificate cannot be read"),
        (TlsIdentity(ca, cert, "/nowhere"), "the key of the client certificate cannot be read"),
        (TlsIdentity(ca, cert, str(files / "other.key")), "cannot be used together"),
        (TlsIdentity(ca, cert), "cannot be used together"),
        (TlsIdentity(ca, cert, str(encrypted)), "cannot be used together"),
    ):
        with pytest.raises(TlsFilesError, match=why) as error:
            Contexts().of(identity)
        assert "/" not in str(error.value)

    async def main():
        async with Upstream(OK, tls=serving()) as upstream:
            got = await ask(upstream, TlsIdentity("/nowhere"))
            assert got == Failure(
                "connect",
                502,
                f"No connection to localhost:{upstream.port}: the CA file cannot be read, which the gateway's config names for it.",
            )

    run(main())
