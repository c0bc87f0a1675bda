"""Fills ASGI's `tls` extension from a TLS connection (rule H-14).

Runs once a connection. Knows the standard library's ssl objects and what QUIC has instead, nothing of HTTP.
"""

import ssl
import sys
from collections.abc import Sequence
from typing import Any

_VERSIONS = {"TLSv1": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303, "TLSv1.3": 0x0304}


def _cipher_numbers(context: ssl.SSLContext) -> dict[str, int]:
    return {cipher["name"]: cipher["id"] & 0xFFFF for cipher in context.get_ciphers()}


def _name(certificate: dict[str, Any]) -> str | None:
    """The subject as RFC 4514 writes it: most specific first."""
    parts = [f"{_SHORT.get(key, key)}={value}" for rdn in certificate.get("subject", ()) for key, value in rdn]
    return ",".join(reversed(parts)) or None


_SHORT = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "stateOrProvinceName": "ST",
    "localityName": "L",
}


def _chain(connection: ssl.SSLObject) -> Sequence[bytes]:
    """What the client has presented, its own certificate first.

    Only that one is available in a session that was resumed, and before Python 3.13.
    """
    own = connection.getpeercert(binary_form=True)
    if not own:
        return []
    return (sys.version_info >= (3, 13) and connection.get_unverified_chain()) or [own]


def tls_extension(connection: ssl.SSLObject) -> dict[str, Any]:
    """The value of `scope["extensions"]["tls"]` for a connection."""
    decoded = connection.getpeercert() or {}
    cipher = connection.cipher()
    return {
        "server_cert": None,
        "client_cert_chain": [ssl.DER_cert_to_PEM_cert(one) for one in _chain(connection)],
        "client_cert_name": _name(decoded),
        "client_cert_error": None,
        "tls_version": _VERSIONS.get(connection.version() or ""),
        "cipher_suite": _cipher_numbers(connection.context).get(cipher[0]) if cipher else None,
    }


_CIPHERS_OF_QUIC = {
    "TLS_AES_128_GCM_SHA256": 0x1301,
    "TLS_AES_256_GCM_SHA384": 0x1302,
    "TLS_CHACHA20_POLY1305_SHA256": 0x1303,
}
"""The suites of TLS 1.3 that QUIC has (RFC 9001 section 5.3)."""


def quic_tls_extension(cipher: tuple[str, str, int] | None) -> dict[str, Any]:
    """The value of `scope["extensions"]["tls"]` for QUIC, from a transport's `cipher`; clients show no certificate."""
    return {
        "server_cert": None,
        "client_cert_chain": [],
        "client_cert_name": None,
        "client_cert_error": None,
        "tls_version": _VERSIONS["TLSv1.3"],
        "cipher_suite": _CIPHERS_OF_QUIC.get(cipher[0]) if cipher else None,
    }
