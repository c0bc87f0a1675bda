"""H-14: what ASGI's `tls` extension tells of a client, also in a session that was resumed."""

import ssl
from contextlib import suppress

import pytest

from esg_http.call.tls_extension import tls_extension
from tests.support.http.sockets import authority, server_tls


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_resumed_session_has_the_certificate_of_its_client(version: ssl.TLSVersion) -> None:
    context = ssl.create_default_context()
    context.maximum_version = version
    authority().configure_trust(context)
    authority().issue_cert("client@example.org", common_name="client").configure_cert(context)
    ours = server_tls()
    session: ssl.SSLSession | None = None
    told = []
    for _ in range(2):
        there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = ours.wrap_bio(there, back, server_side=True)
        client = context.wrap_bio(back, there, server_hostname="127.0.0.1", session=session)
        for end in (client, server, client, server):
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
        with suppress(ssl.SSLWantReadError):
            client.read()  # TLS 1.3 sends tickets after the handshake
        session = client.session
        told.append(tls_extension(server))
    assert client.session_reused
    first, resumed = told
    assert resumed == {**first, "client_cert_chain": first["client_cert_chain"][:1]}
