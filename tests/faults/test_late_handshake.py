"""Clients that have connected, and send a request when the server has begun to stop (L-2)."""

import ssl
import time
from pathlib import Path

import pytest

from tests.support.behaviour.lifecycle import get, started, wait_until_refused
from tests.support.faults.servers import certificate, client_tls
from tests.support.faults.tls import GET, rest, shake_hands
from tests.support.installed import LOOPS


@pytest.mark.parametrize("loop", LOOPS)
def test_a_handshake_that_ends_while_the_server_stops(tmp_path: Path, loop: str) -> None:
    """L-2: a client that was let in gets a moment for its request, counted from the end of the handshake."""
    with started("tests.faults.apps.answering:app", loop, "--ssl-certfile", str(certificate(tmp_path))) as server:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = client_tls().wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
        with server.connect() as connection:
            with pytest.raises(ssl.SSLWantReadError):
                tls.do_handshake()
            connection.sendall(outgoing.read())
            incoming.write(connection.recv(65536))
            server.process.terminate()
            wait_until_refused(server.port)
            time.sleep(0.2)  # idle connections are closed by now
            shake_hands(connection, tls, incoming, outgoing)
            time.sleep(0.03)  # like a client that has to build its request first
            tls.write(GET)
            connection.sendall(outgoing.read())
            incoming.write(rest(connection))
            assert tls.read().startswith(b"HTTP/1.1 200 ")
        assert server.wait() == 0


@pytest.mark.parametrize("loop", LOOPS)
def test_a_first_request_that_comes_a_round_trip_later(loop: str) -> None:
    """Connections that were in use are closed before."""
    with (
        started("tests.faults.apps.answering:app", loop) as server,
        server.connect() as used,
        server.connect() as new,
    ):
        assert get(used).status == 200
        server.process.terminate()
        assert used.recv(1) == b""
        time.sleep(0.1)
        response = get(new)
        assert (response.status, response.header("connection")) == (200, "close")
        assert server.wait() == 0
