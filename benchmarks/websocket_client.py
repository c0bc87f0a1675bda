"""A lean WebSocket client that loads a server: `python -m benchmarks.websocket_client URL SECONDS [OPTIONS]`.

Plain sockets and epoll, and one prepared frame for all messages, so that mostly the server is measured. Each connection
sends a message and waits for its answers before it sends the next; there is one answer, or with `--broadcast` one for
every connection. Pings are answered and do not count. Prints one line of JSON: messages received, seconds, and the
99th percentile of the waits.
"""

import argparse
import base64
import json
import os
import select
import socket
import sys
import time
import zlib
from urllib.parse import urlsplit

from benchmarks.loads import percentile
from benchmarks.processes import ServerError
from benchmarks.websocket_frames import FrameCounter, compressed, frames_of, masked_frame, pong, text_of

PATIENCE = 5.0
"""Seconds without any answer after which the server has failed."""


AT_ONCE = 64
"""Concurrent handshakes: one after the other, 10,000 take longer than a server waits for a pong."""

_IS_MESSAGE = frozenset((0x81, 0xC1))
"""The first byte of a whole text message from a server."""


class Client:
    """One connection: it sends its handshake, and `finish_handshake` waits for the answer. All raise `ServerError`."""

    def __init__(self, address: tuple[str, int], *, deflate: bool, most: int) -> None:
        self._most = most
        self._deflate = deflate
        self.socket = socket.create_connection(address, PATIENCE)
        self.counter = FrameCounter()
        self.missing = 0
        self.sent_at = 0.0
        try:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._ask()
        except BaseException:
            self.socket.close()
            raise

    def _ask(self) -> None:
        offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" if self._deflate else ""
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            "GET / HTTP/1.1\r\nHost: benchmark\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{offer}\r\n".encode()
        )

    def finish_handshake(self) -> None:
        """Wait for the answer to the handshake."""
        head, end, rest = b"", b"", b""
        while not end:
            part = self.socket.recv(self._most)
            if not part:
                raise ServerError(f"closed in the handshake: {head!r}")
            head, end, rest = (head + part).partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101") or (b"permessage-deflate" in head.lower()) is not self._deflate:
            raise ServerError(f"no handshake: {head!r}")
        self.count(rest)

    def send(self, frame: bytes, answers: int) -> None:
        """Send a message that gets that many answers."""
        self.missing += answers
        self.sent_at = time.perf_counter()
        self.socket.sendall(frame)

    def receive(self) -> int:
        """Read, and return how many answers have come."""
        data = self.read(self._most)
        is_one = len(data) == data[1] + 2 and data[0] in _IS_MESSAGE and not self.counter.has_begun
        count = 1 if is_one else self.count(data)
        self.missing -= count
        return count

    def read(self, most: int) -> bytes:
        """Some bytes, whatever they are."""
        data = self.socket.recv(most)
        if not data:
            raise ServerError("closed a connection")
        return data

    def count(self, data: bytes) -> int:
        """How many messages these bytes complete; answers the pings among them."""
        count = self.counter.feed(data)
        while self.counter.pings:
            self.socket.sendall(pong(self.counter.pings.pop()))
        return count


def open_clients(address: tuple[str, int], count: int, *, deflate: bool, most: int) -> list[Client]:
    """That many connections, after their handshakes; at most `most` bytes are read at a time. Raises `ServerError`."""
    opened: list[Client] = []
    try:
        while (finished := len(opened)) < count:
            number = min(AT_ONCE, count - finished)
            opened.extend(Client(address, deflate=deflate, most=most) for _ in range(number))
            for client in opened[finished:]:
                client.finish_handshake()
    except BaseException:
        for client in opened:
            client.socket.close()
        raise
    return opened


class Load:
    """All connections, and what they send."""

    def __init__(self, options: argparse.Namespace) -> None:
        parts = urlsplit(options.url)
        self._payload = text_of(options.size)
        content = compressed(self._payload) if options.deflate else self._payload
        self._frame = masked_frame(content, is_compressed=options.deflate)
        self._answers = options.connections if options.broadcast else 1
        address = (str(parts.hostname), int(parts.port or 80))
        most = max(4096, 2 * options.size)
        clients = open_clients(address, options.connections, deflate=options.deflate, most=most)
        self._clients = {client.socket.fileno(): client for client in clients}
        self._poll = select.epoll()
        for descriptor in self._clients:
            self._poll.register(descriptor, select.EPOLLIN)
        time.sleep(0.2)  # until the last connection receives broadcasts

    def check(self) -> None:
        """Compare the first answers on each connection with what was sent."""
        for client in self._clients.values():
            client.socket.sendall(self._frame)
        for client in self._clients.values():
            data, missing = b"", self._answers
            while missing > 0 or client.counter.has_begun:
                part = client.read(262144)
                missing -= client.count(part)
                data += part
            inflater = zlib.decompressobj(wbits=-15)
            for first, payload in frames_of(data):
                content = inflater.decompress(payload + b"\0\0\xff\xff") if first & 0x40 else payload
                if content != self._payload:
                    raise ServerError("sent a wrong answer")

    def run(self, until: float) -> tuple[int, list[float]]:
        """Send messages until that time; returns how many came back and the waits for all answers to one."""
        clients, frame, answers = self._clients, self._frame, self._answers
        for client in clients.values():
            client.send(frame, answers)
        missing = len(clients) * answers
        count, waits = 0, []
        while missing:
            ready = self._poll.poll(PATIENCE)
            now = time.perf_counter()
            if not ready:
                raise ServerError(f"sent no answer within {PATIENCE:g} s")
            for descriptor, _event in ready:
                client = clients[descriptor]
                received = client.receive()
                count += received
                missing -= received
                if received and client.missing <= 0:  # others may have been quicker: then there are answers to them too
                    waits.append(now - client.sent_at)
                    if now < until:
                        client.send(frame, answers)
                        missing += answers
        return count, waits


def main() -> None:
    """Load a server, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("seconds", type=float)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--deflate", action="store_true")
    parser.add_argument("--broadcast", action="store_true")
    options = parser.parse_args()
    try:
        load = Load(options)
        load.check()
        began = time.perf_counter()
        count, waits = load.run(began + options.seconds)
    except (ServerError, OSError) as error:
        sys.exit(f"the server {error}" if isinstance(error, ServerError) else f"no connection: {error!r}")
    seconds = time.perf_counter() - began
    if seconds < options.seconds:
        sys.exit(f"the load stopped after {seconds:.2f} s")
    print(json.dumps({"messages": count, "seconds": seconds, "p99_ms": percentile(waits, 99) * 1000}))


if __name__ == "__main__":
    main()
