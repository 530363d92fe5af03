"""Policies, name servers and peers, all passed in: nothing of ours is patched."""

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from outbound import session
from outbound.client import Client
from outbound.guard import destination
from outbound.policy import Policy
from outbound.resolver import Resolver
from outbound.sendable import Pairs
from tests.outbound.peers import Peer, Script


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Every test here runs on both loops: the server's, and the one that the control plane drives."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


Ask = Callable[..., Awaitable[tuple[int, bytes]]]

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
NAMES = {
    "api.test": ["127.0.0.1"],
    "mixed.test": ["127.0.0.1", "10.0.0.7"],
    "private.test": ["10.0.0.7"],
    "public.test": ["93.184.216.34"],
    "metadata.test": ["169.254.169.254"],
}


def lookup(host: str) -> Iterable[str]:
    """A name server of ten lines."""
    if host not in NAMES:
        raise OSError(-2, "Name or service not known")
    return NAMES[host]


@pytest.fixture
def rules() -> Policy:
    return Policy(allow=LOOPBACK, listener=("127.0.0.1", 8000), public_origin="http://localhost:8000")


@pytest.fixture
def resolver() -> Resolver:
    return Resolver(lookup)


@pytest_asyncio.fixture
async def client(rules: Policy, resolver: Resolver) -> AsyncIterator[Client]:
    async with Client(rules=rules, resolver=resolver) as client:
        yield client


@pytest.fixture(params=["call path", "control plane"])
def ask(request: pytest.FixtureRequest, client: Client, rules: Policy, resolver: Resolver) -> Ask:
    """``status, body = await ask(url, method="POST", headers=…, body=…, within=…, rules=…, resolver=…)``.

    By one way out and by the other, to the URL's own host.
    """
    usual: dict[str, Any] = {"rules": rules, "resolver": resolver}

    async def by_client(url: str, **given: Any) -> tuple[int, bytes]:
        if not given.keys() & usual.keys():
            return await _by_client(client, url, **{"rules": rules} | given)
        ways = {name: given.pop(name, usual[name]) for name in usual}
        async with Client(**ways) as other:
            return await _by_client(other, url, rules=ways["rules"], **given)

    async def by_session(url: str, *, method: str = "GET", within: float = 5, **given: Any) -> Any:
        given = usual | {"hosts": [_host(url)], "deadline_s": within} | given
        reply = await asyncio.to_thread(session.send, method, url, **given)
        return reply.status, reply.body

    return by_client if request.param == "call path" else by_session


async def _by_client(
    client: Client,
    url: str,
    *,
    rules: Policy,
    method: str = "GET",
    headers: Pairs = (),
    body: bytes | None = None,
    within: float = 5,
) -> tuple[int, bytes]:
    async with client.open(
        method,
        url,
        headers=headers,
        body=body,
        destination=destination(url, hosts=[_host(url)], rules=rules),
        deadline=asyncio.get_running_loop().time() + within,
        max_bytes=1 << 20,
    ) as reply:
        return reply.status, b"".join([piece async for piece in reply.iter_bytes()])


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]


@pytest.fixture
def serve() -> Iterator[Callable[..., Peer]]:
    """Starts peers: ``serve(script, host="127.0.0.2", tls=…)``."""
    with ExitStack() as stack:

        def start(script: Script, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Peer:
            return stack.enter_context(Peer(script, host, tls))

        yield start


@pytest.fixture
def soon() -> float:
    """A deadline that passes while a test waits, in the loop's time."""
    return asyncio.get_running_loop().time() + 0.2


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate of its own for api.test and 127.0.0.1, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "api.test")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("api.test"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "api.test.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture(scope="session")
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
