"""Makes a transport in memory look like a TLS transport."""

import ssl
from contextlib import suppress
from typing import Any

from tests.support.http.sockets import client_tls, server_tls


def over_tls(*protocols: str) -> dict[str, Any]:
    """Arguments of `connect()` for the server's end of TLS, with a client that has asked for these protocols."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_tls(*protocols).wrap_bio(back, there, server_hostname="127.0.0.1")
    server = server_tls().wrap_bio(there, back, server_side=True)
    for end in (client, server, client, server):
        with suppress(ssl.SSLWantReadError):
            end.do_handshake()
    return {"extra": {"ssl_object": server}}
