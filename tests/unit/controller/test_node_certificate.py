"""What is wrong with certificates, against a real TLS server with each of them."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from ccp_jupyter.hub_service.controller.nodes.certificate import BadCertificate, look
from ccp_jupyter.model.infrastructure import Node, Tls
from tests.stack.certificates import make_certificates


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """Files of server and client, valid for a year."""
    return make_certificates(tmp_path_factory.mktemp("good"), days=365)


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """Files of server and client of another authority, valid for a day."""
    return make_certificates(tmp_path_factory.mktemp("short"), days=1)


@contextlib.contextmanager
def served(files):
    """Serve TLS with the certificate of a server; yields the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.cert, files.key)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), context.wrap_socket(plain, server_side=True) as tls:
                tls.recv(1)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def now():
    # Not once for the module: certificates are made when the first test needs them.
    return datetime.now(UTC)


def looked(server, client, *, later=timedelta(), host="127.0.0.1", **changes):
    """Look at a server, now or some time later; returns what was said, good or bad."""
    tls = client.model_copy(update=changes)
    with served(server) as port:
        node = Node(id="n1", base_url=f"tcp://{host}:{port}", tls=tls)
        try:
            return look(node, tls, now() + later)
        except BadCertificate as error:
            return f"BAD {error}"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_all_is_well(good, host):
    said = looked(*good, host=host)
    end = x509.load_pem_x509_certificate(good[0].cert.read_bytes()).not_valid_after_utc
    assert said == f"valid until {end:%Y-%m-%d}"


def test_ours_has_expired(good):
    said = looked(*good, later=timedelta(days=366))
    assert said.startswith(f"BAD the certificate in {good[1].cert} has expired on ")


def test_the_engines_has_expired(good, short):
    said = looked(short[0], good[1], later=timedelta(days=2))
    assert said.startswith("BAD the engine's certificate has expired on ")
    assert said.endswith("make a new one")


def test_it_expires_soon(good, short):
    said = looked(short[0], good[1])
    assert said.startswith("BAD the engine's certificate expires on ")
    assert "in 0 days" in said
    assert looked(*good, later=timedelta(days=345)).startswith("valid until")
    said = looked(*good, later=timedelta(days=355))
    assert f"{good[1].cert} expires on " in said
    assert "in 9 days" in said


def test_it_is_not_valid_yet(good):
    assert "UTC only; look at the clocks" in looked(*good, later=timedelta(days=-2))


def test_another_authority_signed_it(good, tmp_path):
    other, _ = make_certificates(tmp_path / "other", days=365)
    said = looked(other, good[1])
    assert "issued by 'CN=ccp test authority', is not signed by the CA in" in said
    assert str(good[1].ca) in said


def test_it_is_for_another_name(tmp_path):
    server, client = make_certificates(tmp_path / "tls", address="10.9.8.7", days=365)
    said = looked(server, client)
    assert "is for localhost, 10.9.8.7, not for 127.0.0.1" in said
    assert looked(server, client, hostname="localhost").startswith("valid until")
    assert looked(server, client, hostname=False).startswith("valid until")
    assert "not for elsewhere;" in looked(server, client, hostname="elsewhere")


@pytest.mark.parametrize(
    ("member", "content", "said"),
    [
        ("cert", None, "cannot be read: No such file or directory"),
        ("cert", b"", "holds no certificate in PEM form"),
        ("cert", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "PEM form"),
        ("key", b"\xff\x00", "do not fit"),
        ("key", None, "do not fit"),
        ("ca", b"nonsense", "cannot be used as CA"),
        ("ca", None, "cannot be used as CA"),
    ],
)
def test_files_that_are_none(good, tmp_path, member, content, said):
    path = tmp_path / "file.pem"
    if content is not None:
        path.write_bytes(content)
    found = looked(*good, **{member: path})
    assert found.startswith("BAD")
    assert said in found


def test_a_key_of_another_certificate(good, short):
    assert "do not fit" in looked(*good, key=short[1].key)


def test_a_server_that_speaks_no_tls(good):
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        plain, _ = listener.accept()
        with plain:
            plain.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    node = Node(id="n1", base_url=f"tcp://127.0.0.1:{listener.getsockname()[1]}", tls=good[1])
    assert node.tls is not None
    with pytest.raises(BadCertificate, match="does not speak TLS there"):
        look(node, node.tls, now())
    thread.join()
    listener.close()


def test_nobody_listens(good):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    node = Node(id="n1", base_url=f"tcp://127.0.0.1:{port}", tls=good[1])
    with pytest.raises(ConnectionRefusedError):
        look(node, Tls(**dict(good[1])), now())
