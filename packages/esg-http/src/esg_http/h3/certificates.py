"""The certificates of QUIC's TLS, by the name that the client asks for, from the options `ssl_*` (rules Q-13, W-7).

QUIC has no use for an `ssl.SSLContext`: its library needs certificate, chain and key themselves. The options have been
checked for TLS over TCP before; what is checked here is the kind of the key.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from esg_core.errors import UsageError
from esg_core.options.named_certificates import ByName, parse_named_certificate
from esg_core.sockets.certificate_reload import ReloadedOnChange

if TYPE_CHECKING:
    from esg_core.options.config import Config

_KEY = re.compile(rb"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)

_CURVES = (ec.SECP256R1, ec.SECP384R1)


class Credentials(NamedTuple):
    """What a server proves its name with."""

    certificate: x509.Certificate
    chain: list[x509.Certificate]
    key: Any
    """A private key of cryptography's."""


class Certificates:
    """The credentials of one server; raises `UsageError` for a key of a kind that cannot be used."""

    def __init__(self, config: "Config") -> None:
        self._config = config
        files: list[Any] = [config.ssl_certfile, config.ssl_keyfile]
        for one in map(parse_named_certificate, config.ssl_sni):
            files += one.certificate, one.key
        paths = [str(one) for one in files if one is not None]
        self._current = ReloadedOnChange(self._load, paths, "certificates of HTTP/3")

    def find(self, name: str | None) -> Credentials:
        """Those for a client that asks for `name`, from the newest files."""
        default, named = self._current()
        return named[name] or default

    def _load(self) -> tuple[Credentials, ByName[Credentials]]:
        config = self._config
        default = self._read("ssl_certfile", str(config.ssl_certfile), config.ssl_keyfile)
        named = (
            (one.host, self._read("ssl_sni", one.certificate, one.key))
            for one in map(parse_named_certificate, config.ssl_sni)
        )
        return default, ByName(named)

    def _read(self, option: str, certificate: str, key: Any) -> Credentials:
        where = self._config.with_value(option, certificate)
        try:
            text = Path(certificate).read_bytes()
            chain = x509.load_pem_x509_certificates(text)
            found = self._read_key(Path(key).read_bytes() if key is not None else text)
        except (OSError, ValueError, TypeError) as error:
            raise UsageError(f"{where}: HTTP/3 cannot use it: {error}") from None
        if not _is_usable(found):
            raise UsageError(f"{where}: HTTP/3 needs a key of RSA, P-256, P-384, Ed25519 or Ed448")
        return Credentials(chain[0], chain[1:], found)

    def _read_key(self, text: bytes) -> Any:
        block = _KEY.search(text)
        if block is None:
            raise ValueError("no private key in PEM was found")
        is_encrypted = b"ENCRYPTED" in block[0]
        password = self._config.ssl_keyfile_password
        return load_pem_private_key(block[0], password.encode() if password is not None and is_encrypted else None)


def _is_usable(key: object) -> bool:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return isinstance(key.curve, _CURVES)
    return isinstance(key, (rsa.RSAPrivateKey, ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey))
