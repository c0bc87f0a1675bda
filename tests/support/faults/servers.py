"""Servers in separate processes, and what a fault may leave in them: nothing."""

import json
import socket
import ssl
import struct
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.behaviour.lifecycle import get
from tests.support.certificates import CA
from tests.support.e2e.server import PATIENCE, Server

LOOPS_AND_WIRES = [(loop, wire) for loop in ("uvloop", "asyncio") for wire in ("tcp", "tls")]


@cache
def authority() -> CA:
    return CA()


@cache
def client_tls(alpn: str = "http/1.1") -> ssl.SSLContext:
    """The client's side of TLS, offering one protocol."""
    context = ssl.create_default_context()
    context.set_alpn_protocols([alpn])
    authority().configure_trust(context)
    return context


def certificate(directory: Path) -> Path:
    """A file with a key and a certificate for the loopback."""
    path = directory / "server.pem"
    authority().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(path)
    return path


def reset(connection: socket.socket) -> None:
    """Break the connection: TCP sends RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@dataclass
class Watched:
    """A running server, in cleartext or with TLS, whose state can be compared with that before a fault."""

    server: Server
    is_tls: bool
    seen: int = 0
    """How many log lines have been checked."""

    def connect(self, alpn: str = "http/1.1") -> socket.socket:
        """A connection ready for HTTP, over TLS for the version that `alpn` names."""
        connection = self.server.connect()
        return client_tls(alpn).wrap_socket(connection, server_hostname="127.0.0.1") if self.is_tls else connection

    def state(self) -> dict[str, Any]:
        """Counts of tasks, connection objects and descriptors, while one client asks for them."""
        with self.connect() as connection:
            found: dict[str, Any] = json.loads(get(connection, "/state").body)
            found["descriptors"] = len(list(Path(f"/proc/{self.server.pid}/fd").iterdir()))
        return found

    def settles_at(self, before: dict[str, Any]) -> None:
        """Wait until nothing is left of what happened since `before`; the log must have no error."""
        end = time.monotonic() + PATIENCE
        while (now := self.state()) != before:
            assert time.monotonic() < end, f"{now} is left instead of {before}"
            time.sleep(0.05)
        said, self.seen = self.server.lines[self.seen :], len(self.server.lines)
        assert not [line for line in said if line.startswith(("ERROR", "Traceback"))], "\n".join(said)
