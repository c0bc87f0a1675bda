"""The process that attacks: `python -m benchmarks.fairness.attacker PROTOCOL NAME PORT`.

It opens its connection and builds its bytes, prints `ready`, and begins when it gets a line. When everything is sent,
or the server has ended the connection, it says so, and reads from the server until its input ends. It runs at a lower
priority than the innocent client, with which it shares a core.
"""

import asyncio
import base64
import os
import select
import socket
import ssl
import sys
import time
from collections.abc import Callable

from benchmarks.fairness.attacks import ATTACKS, HTTP2, HTTP3, TLS, WEBSOCKET, WEBSOCKET_OVER_HTTP2, Attack
from benchmarks.fairness.tunnel import Tunnel
from benchmarks.fairness.wire import OPENING
from benchmarks.quic_session import Lost, Session

MOST_SECONDS = 8.0
"""Seconds within which the server must read what it is sent."""

ANSWERS_WITHIN = 5.0
"""Seconds within which the server must accept the attacker."""

REFUSED, SILENT = 3, 4
"""The exit codes that say that the server does not speak this protocol, and that it does not answer."""


def main() -> int:
    """Attack once."""
    protocol, name, port = sys.argv[1:]
    os.nice(10)
    try:
        attack, leave = prepare(ATTACKS[protocol, name], int(port))
    except (OSError, ValueError, Lost) as error:
        print(error, file=sys.stderr)
        return SILENT if isinstance(error, TimeoutError) else REFUSED
    print("ready", flush=True)
    sys.stdin.readline()
    attack()
    print("sent", flush=True)
    leave()
    return 0


def prepare(attack: Attack, port: int) -> tuple[Callable[[], None], Callable[[], None]]:
    """The attack, and what follows it; raises if the server does not speak the protocol."""
    if attack.flood is not None:
        return attack.flood(port), lambda: None
    if attack.protocol.startswith(HTTP3):
        with Session(port, ANSWERS_WITHIN):
            return lambda: None, lambda: None
    data = attack.data()
    if attack.protocol == TLS:
        return lambda: asyncio.run(_shake(attack.handshakes, port)), lambda: None
    client = socket.create_connection(("127.0.0.1", port), timeout=ANSWERS_WITHIN)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if attack.protocol == WEBSOCKET_OVER_HTTP2:
        tunnel = Tunnel(client)
        return lambda: tunnel.pour(data, MOST_SECONDS), lambda: _listen(client)
    if attack.protocol == HTTP2:
        client.sendall(OPENING)
        if not client.recv(65536):
            raise ValueError("no HTTP/2")
    elif attack.protocol == WEBSOCKET:
        _open_websocket(client)
    return lambda: _pour(client, data), lambda: _listen(client)


def _open_websocket(client: socket.socket) -> None:
    key = base64.b64encode(os.urandom(16)).decode()
    client.sendall(
        "GET / HTTP/1.1\r\nhost: t\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
        f"sec-websocket-key: {key}\r\nsec-websocket-extensions: permessage-deflate\r\n\r\n".encode()
    )
    head = b""
    while b"\r\n\r\n" not in head:
        part = client.recv(4096)
        if not part:
            break
        head += part
    if b" 101 " not in head[:20]:
        raise ValueError("no WebSocket")


def _pour(client: socket.socket, data: bytes) -> None:
    """Send as fast as the server reads, and read its output meanwhile."""
    client.setblocking(False)
    left = memoryview(data)
    end = time.monotonic() + MOST_SECONDS
    while left and time.monotonic() < end:
        readable, writable, _ = select.select([client], [client], [], 0.5)
        try:
            if readable and not client.recv(262144):
                return
            if writable:
                left = left[client.send(left[:262144]) :]
        except BlockingIOError:
            continue
        except OSError:
            return


def _listen(client: socket.socket) -> None:
    """Read until this process is told to end."""
    client.setblocking(True)
    while True:
        readable, _, _ = select.select([client, sys.stdin], [], [])
        if sys.stdin in readable:
            return
        try:
            if not client.recv(262144):
                break
        except OSError:
            break
    sys.stdin.readline()


async def _shake(count: int, port: int) -> None:
    """Open that many connections at once."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE

    async def one() -> None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        except OSError:
            return
        writer.transport.abort()

    async with asyncio.timeout(MOST_SECONDS):
        await asyncio.gather(*(one() for _ in range(count)))


if __name__ == "__main__":
    sys.exit(main())
