"""Encrypted connections, against a server with a certificate of its own."""

import shutil
import ssl
import subprocess

import pytest

from tests.fake_registry import FakeRegistry, Reply
from tests.net.conftest import LIMITS

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that nobody has signed, and its key, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    both = folder / "both.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    where = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    names = ["-days", "2", "-subj", "/CN=fake", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, *where, *names], check=True, capture_output=True, timeout=60)
    both.write_bytes((folder / "key.pem").read_bytes() + (folder / "cert.pem").read_bytes())
    return both


@pytest.fixture
def secure(certificate):
    """A registry that speaks https."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with FakeRegistry(context) as running:
        yield running


def test_a_certificate_that_the_system_trusts(make, secure, certificate, monkeypatch):
    """The system's trust store is used, and `SSL_CERT_FILE` names another."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert make().get(secure.add("/x", b"secret")).content == b"secret"


def test_a_certificate_that_nobody_knows(kit, secure):
    """It is refused, named, and not tried again: the next try would be shown the same."""
    failure = kit.get(secure.add("/x", b"secret"))
    assert (failure.subcategory, failure.transient) == ("tls_error", True)
    assert "certificate verify failed" in failure.message
    assert len(kit.limiter.asked) == 1
    assert secure.seen() == []


def test_a_redirect_to_plain_text_is_not_followed(make, secure, registry, certificate, monkeypatch):
    """From https nothing leads to http, not even on the same machine."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    kit = make()
    target = registry.add("/y", b"y")
    failure = kit.get(secure.reply("/x", Reply(status=302, headers={"Location": target})))
    assert (failure.subcategory, failure.transient) == ("upstream_refused", False)
    assert "not encrypted" in failure.message
    assert registry.seen() == []


def test_trouble_under_tls_is_tried_again(make, secure, certificate, monkeypatch):
    """A body that breaks off is trouble of the connection, with TLS too, and not of the certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    failure = make().get(secure.reply("/x", Reply(body=b"0123456789", cut_after=4)))
    assert failure.subcategory == "connection_error"
    assert len(secure.seen()) == LIMITS.attempts
