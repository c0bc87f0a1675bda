"""Certificates of a temporary authority: trustme's, or the same by the command `openssl`.

trustme needs the package cryptography, of which there is no build for PyPy.
"""

import ssl
import subprocess
import tempfile
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING or find_spec("trustme"):
    from trustme import CA, LeafCert
else:

    class Blob:
        """Bytes that can be written to a file."""

        def __init__(self, data: bytes) -> None:
            self._data = data

        def bytes(self) -> bytes:
            return self._data

        def write_to_path(self, path: Path) -> None:
            Path(path).write_bytes(self._data)

    class LeafCert:
        """A certificate with its key."""

        def __init__(self, key: bytes, certificate: bytes) -> None:
            self.private_key_pem = Blob(key)
            self.cert_chain_pems = [Blob(certificate)]
            self.private_key_and_cert_chain_pem = Blob(key + certificate)

        def configure_cert(self, context: ssl.SSLContext) -> None:
            with tempfile.TemporaryDirectory() as directory:
                path = Path(directory) / "both.pem"
                self.private_key_and_cert_chain_pem.write_to_path(path)
                context.load_cert_chain(path)

    class CA:
        """An authority that issues certificates for a year."""

        def __init__(self) -> None:
            self._key, self._certificate = _issue("/O=authority", "CA:TRUE", "")
            self.cert_pem = Blob(self._certificate)

        def issue_cert(self, *names: str, common_name: str | None = None) -> LeafCert:
            """A certificate for host names, addresses of hosts and of mail."""
            kinds = ",".join(f"{_kind(name)}:{name}" for name in names)
            subject = f"/O=server/CN={common_name}" if common_name else "/O=server"
            return LeafCert(*_issue(subject, "CA:FALSE", kinds, self._key + self._certificate))

        def configure_trust(self, context: ssl.SSLContext) -> None:
            context.load_verify_locations(cadata=self._certificate.decode())

    def _kind(name: str) -> str:
        if "@" in name:
            return "email"
        try:
            ip_address(name)
        except ValueError:
            return "DNS"
        return "IP"

    def _issue(subject: str, basic: str, names: str, issuer: bytes = b"") -> tuple[bytes, bytes]:
        """A new key, and its certificate by the issuer (key and certificate), or by itself."""
        with tempfile.TemporaryDirectory() as directory:
            key, certificate, authority = (Path(directory) / name for name in ("key.pem", "certificate.pem", "ca.pem"))
            authority.write_bytes(issuer)
            command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
            command += ["-days", "365", "-subj", subject, "-keyout", str(key), "-out", str(certificate)]
            command += ["-addext", f"basicConstraints=critical,{basic}"]
            command += ["-addext", f"subjectAltName={names}"] if names else []
            command += ["-CA", str(authority), "-CAkey", str(authority)] if issuer else []
            subprocess.run(command, check=True, capture_output=True, timeout=60)
            return key.read_bytes(), certificate.read_bytes()


__all__ = ["CA", "LeafCert"]
