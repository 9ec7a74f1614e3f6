"""What safe HTTP asks of certificates, and of servers that leave or speak no TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from helpninja_app.errors import FetchFailed
from helpninja_app.kernel.safe_http import SafeHttp
from tests.loopback_site import LoopbackSite, answer, redirect


def _certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's TLS context for ``name`` and 127.0.0.1, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    chain = folder / "chain.pem"
    chain.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + pem
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain)
    return server, ssl.create_default_context(cadata=pem.decode())


async def _to_loopback(host: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"]


async def test_the_certificate_is_checked_against_the_name_and_not_the_address(tmp_path: Path) -> None:
    server, client = _certificate(tmp_path, "shop.example.com")
    named: list[str | None] = []
    server.sni_callback = lambda _socket, name, _context: named.append(name)
    async with LoopbackSite({"/": answer("secure")}, ssl_context=server) as site:
        allowed = frozenset({f"shop.example.com:{site.port}", f"other.example.com:{site.port}"})
        async with SafeHttp(
            user_agent="test", allowed_private_hosts=allowed, resolver=_to_loopback, ssl_context=client
        ) as http:
            url = f"https://shop.example.com:{site.port}/"
            assert (await http.fetch(url, max_bytes=100)).body == b"secure"
            with pytest.raises(
                FetchFailed, match=r"other\.example\.com:\d+ has no valid certificate"
            ) as failed:
                await http.fetch(f"https://other.example.com:{site.port}/", max_bytes=100)
    assert named == ["shop.example.com", "other.example.com"]
    assert not failed.value.retryable


async def test_an_untrusted_certificate_is_a_failure(tmp_path: Path) -> None:
    server, _ = _certificate(tmp_path, "shop.example.com")
    async with (
        LoopbackSite(ssl_context=server) as site,
        SafeHttp(user_agent="test", allowed_private_hosts=frozenset({site.host})) as http,
    ):
        with pytest.raises(FetchFailed, match="no valid certificate"):
            await http.fetch(f"https://{site.host}/", max_bytes=100)


async def test_a_server_that_speaks_no_tls_is_a_failure() -> None:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.com ESMTP ready\r\n")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with SafeHttp(user_agent="test", allowed_private_hosts=frozenset({host})) as http:
            with pytest.raises(FetchFailed, match="No secure connection"):
                await http.fetch(f"https://{host}/", max_bytes=100)


async def test_a_redirect_from_https_down_to_http_is_followed_only_to_an_allowed_host(tmp_path: Path) -> None:
    server, client = _certificate(tmp_path, "shop.example.com")
    async with LoopbackSite(ssl_context=server) as secure, LoopbackSite({"/": answer("plain")}) as plain:
        secure.routes |= {"/out": redirect("http://public.example.com/"), "/in": redirect(plain.url)}
        allowed = frozenset({secure.host, plain.host})
        async with SafeHttp(user_agent="test", allowed_private_hosts=allowed, ssl_context=client) as http:
            with pytest.raises(FetchFailed, match="from https to http"):
                await http.fetch(f"https://{secure.host}/out", max_bytes=100)
            assert (await http.fetch(f"https://{secure.host}/in", max_bytes=100)).body == b"plain"
