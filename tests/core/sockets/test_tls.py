"""The TLS context: what it offers, and one clear line for every file or option that is wrong."""

import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from esg_core.errors import ESGError, StartupError, UsageError
from esg_core.options.config import Config
from esg_core.sockets.tls import renewed_context, server_context
from tests.support.certificates import CA

PASSWORD = "secret"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tls")
    authority = CA()
    authority.cert_pem.write_to_path(directory / "ca.pem")
    for name in ("server", "other"):
        certificate = authority.issue_cert("localhost")
        certificate.private_key_pem.write_to_path(directory / f"{name}.key")
        certificate.cert_chain_pems[0].write_to_path(directory / f"{name}.pem")
        certificate.private_key_and_cert_chain_pem.write_to_path(directory / f"{name}.both")
    key = load_pem_private_key((directory / "server.key").read_bytes(), None)
    encryption = BestAvailableEncryption(PASSWORD.encode())
    (directory / "locked.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    (directory / "nonsense.pem").write_text("nonsense")
    return directory


def config(files: Path, **options: Any) -> Config:
    """A configuration with the server's certificate; a value that names one of `files` becomes its path."""
    given = {"ssl_certfile": "server.pem", "ssl_keyfile": "server.key", **options}
    paths: dict[str, Any] = {
        name: str(files / value)
        if name in ("ssl_certfile", "ssl_keyfile", "ssl_ca_certs", "ssl_crl") and value
        else value
        for name, value in given.items()
    }
    return Config("main:app", **paths)


def test_defaults_are_those_of_openssl(files: Path) -> None:
    """Except for TLS 1.0 and 1.1, which Python leaves out, but not in each build (RFC 8996)."""
    context = server_context(config(files))
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_NONE
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).get_ciphers()
    assert [cipher["name"] for cipher in context.get_ciphers()] == [cipher["name"] for cipher in own]


def test_http_1_1_is_offered_by_alpn(files: Path) -> None:
    context = server_context(config(files))
    ours, theirs = handshake(context, ["h2", "http/1.1"], files)
    assert ours.selected_alpn_protocol() == theirs.selected_alpn_protocol() == "http/1.1"


def handshake(context: ssl.SSLContext, alpn: list[str], files: Path) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Both ends of a handshake in memory."""
    client = ssl.create_default_context(cafile=str(files / "ca.pem"))
    client.set_alpn_protocols(alpn)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        context.wrap_bio(to_server, to_client, server_side=True),
        client.wrap_bio(to_client, to_server, server_hostname="localhost"),
    )
    pending = list(reversed(ends))
    while pending:
        end = pending.pop(0)
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            pending.append(end)
    return ends


def test_certificate_and_key_in_one_file(files: Path) -> None:
    server_context(config(files, ssl_certfile="server.both", ssl_keyfile=None))


def test_password(files: Path) -> None:
    server_context(config(files, ssl_keyfile="locked.key", ssl_keyfile_password=PASSWORD))


def test_client_certificates(files: Path) -> None:
    context = server_context(config(files, ssl_cert_reqs=2, ssl_ca_certs="ca.pem"))
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert len(context.get_ca_certs()) == 1


def test_ciphers(files: Path) -> None:
    context = server_context(config(files, ssl_ciphers="ECDHE-RSA-AES128-GCM-SHA256"))
    names = {cipher["name"] for cipher in context.get_ciphers() if cipher["protocol"] == "TLSv1.2"}
    assert names == {"ECDHE-RSA-AES128-GCM-SHA256"}


def fails(config: Config, default_factory: object) -> ssl.SSLContext:
    raise LookupError("no vault")


@pytest.mark.parametrize(
    ("factory", "kind", "text"),
    [
        (fails, StartupError, "ssl_context_factory raised LookupError"),
        (lambda config, default_factory: None, StartupError, "ssl_context_factory returned NoneType instead of an ssl"),
        (lambda config, default_factory: default_factory(), UsageError, "ssl_certfile: the default of ssl_context_fac"),
        (
            "tests.core.sockets.test_tls:PASSWORD",
            StartupError,
            "ssl_context_factory: .* is str, which cannot be called",
        ),
        ("tests.core.sockets.test_tls:nothing", StartupError, "cannot import ssl_context_factory .*nothing"),
    ],
)
def test_u8_a_factory_that_makes_no_context(factory: Any, kind: type[ESGError], text: str) -> None:
    with pytest.raises(kind, match=f"^{text}"):
        renewed_context(Config("main:app", ssl_context_factory=factory))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"ssl_certfile": "missing.pem"}, "^ssl_certfile='.*missing.pem': no such file or directory$"),
        ({"ssl_keyfile": "missing.key"}, "^ssl_keyfile='.*missing.key': no such file or directory$"),
        ({"ssl_keyfile": "other.key"}, "^ssl_keyfile='.*other.key': the key does not belong to the certificate .*pem$"),
        ({"ssl_certfile": "nonsense.pem"}, "^ssl_certfile='.*nonsense.pem': no certificate with its key in PEM"),
        ({"ssl_keyfile": None}, "^ssl_certfile='.*': it holds no private key; name the key with ssl_keyfile$"),
        ({"ssl_keyfile": "locked.key"}, "^ssl_keyfile='.*': the key is encrypted; set ssl_keyfile_password$"),
        (
            {"ssl_keyfile": "locked.key", "ssl_keyfile_password": "wrong"},
            "^ssl_keyfile='.*locked.key': ssl_keyfile_password does not fit the key$",
        ),
        ({"ssl_cert_reqs": 2, "ssl_ca_certs": "missing.pem"}, "^ssl_ca_certs='.*missing.pem': no such file"),
        ({"ssl_cert_reqs": 2, "ssl_ca_certs": "nonsense.pem"}, "^ssl_ca_certs='.*': no certificate in PEM was found$"),
        ({"ssl_ca_certs": "ca.pem", "ssl_crl": "missing.pem"}, "^ssl_crl='.*missing.pem': no such file or directory$"),
        ({"ssl_ca_certs": "ca.pem", "ssl_crl": "nonsense.pem"}, "^ssl_crl='.*': no revocation list .CRL. in PEM was"),
        ({"ssl_ca_certs": "ca.pem", "ssl_crl": "server.pem"}, "^ssl_crl='.*': it holds a certificate; certificates of"),
        ({"ssl_ciphers": "ROT13"}, "^ssl_ciphers='ROT13': OpenSSL knows no such cipher$"),
        ({"ssl_version": 9}, "^ssl_version=9: this Python does not know it; 17 is ssl.PROTOCOL_TLS_SERVER$"),
        ({"ssl_version": 16}, "^ssl_version=16: it is for clients; 17 is ssl.PROTOCOL_TLS_SERVER$"),
    ],
)
def test_what_does_not_fit(files: Path, options: dict[str, Any], text: str) -> None:
    """C-2: a usage error, as for every unusable file that an option names."""
    with pytest.raises(UsageError, match=text):
        server_context(config(files, **options))


@pytest.mark.filterwarnings("ignore:ssl.PROTOCOL_TLSv1_2 is deprecated")
def test_a_lowest_version_needs_a_protocol_of_several(files: Path) -> None:
    wrong = "^ssl_min_version='TLSv1.3': ssl_version=5 is one version only: leave it out$"
    with pytest.raises(UsageError, match=wrong):
        server_context(config(files, ssl_version=5, ssl_min_version="TLSv1.3"))
