"""Lists of revoked certificates (CRL, RFC 5280 section 5), as an authority of trustme issues them."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from tests.support.certificates import CA, LeafCert


def revocation_list(authority: CA, *revoked: LeafCert, expired: bool = False) -> bytes:
    """A list in PEM that is valid for a day, or was until yesterday."""
    issuer = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    key = load_pem_private_key(authority.private_key_pem.bytes(), None)
    assert isinstance(key, EllipticCurvePrivateKey)
    now = datetime.now(UTC)
    ends = now + timedelta(days=-1 if expired else 1)
    builder = x509.CertificateRevocationListBuilder(issuer.subject, ends - timedelta(days=2), ends)
    for one in revoked:
        serial = x509.load_pem_x509_certificate(one.cert_chain_pems[0].bytes()).serial_number
        builder = builder.add_revoked_certificate(x509.RevokedCertificateBuilder(serial, now).build())
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)
