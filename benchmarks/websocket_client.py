"""A lean WebSocket client that loads a server: `python -m benchmarks.websocket_client URL SECONDS [OPTIONS]`.

Plain sockets and epoll, and one frame for all messages, made before: what is measured is the server. Each connection
sends a message and waits for its answers before it sends the next; there is one answer, or with `--broadcast` one for
every connection. Prints one line of JSON: messages received, seconds, and the 99th percentile of the waits.
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
from benchmarks.websocket_frames import FrameCounter, compressed, frames_of, masked_frame, text_of

PATIENCE = 5.0
"""Seconds without any answer after which the server has failed."""


class Client:
    """One connection."""

    def __init__(self, address: tuple[str, int], *, deflate: bool, most: int) -> None:
        self._most = most
        self.socket = socket.create_connection(address, PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.counter = FrameCounter()
        self.missing = 0
        self.sent_at = 0.0
        self._open(deflate)

    def _open(self, deflate: bool) -> None:
        offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" if deflate else ""
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            "GET / HTTP/1.1\r\nHost: benchmark\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{offer}\r\n".encode()
        )
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self.socket.recv(1)
            if not byte:
                sys.exit(f"closed in the handshake: {head!r}")
            head += byte
        if not head.startswith(b"HTTP/1.1 101") or (b"permessage-deflate" in head.lower()) is not deflate:
            sys.exit(f"no handshake: {head!r}")

    def send(self, frame: bytes, answers: int) -> None:
        """Send a message that has so many answers."""
        self.missing += answers
        self.sent_at = time.perf_counter()
        self.socket.sendall(frame)

    def receive(self) -> int:
        """Read, and return how many answers have come."""
        data = self.socket.recv(self._most)
        if not data:
            sys.exit("the server has closed a connection")
        is_one = len(data) == data[1] + 2 and not self.counter.has_begun
        count = 1 if is_one else self.counter.feed(data)
        self.missing -= count
        return count


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
        clients = [Client(address, deflate=options.deflate, most=most) for _ in range(options.connections)]
        self._clients = {client.socket.fileno(): client for client in clients}
        self._poll = select.epoll()
        for descriptor in self._clients:
            self._poll.register(descriptor, select.EPOLLIN)
        time.sleep(0.2)  # until the last connection is one of those that hear a broadcast

    def check(self) -> None:
        """Compare the first answers on each connection with what was sent."""
        for client in self._clients.values():
            client.socket.sendall(self._frame)
        for client in self._clients.values():
            data = b""
            while len(frames := frames_of(data)) < self._answers:
                data += client.socket.recv(262144) or sys.exit("the server has closed a connection")
            inflater = zlib.decompressobj(wbits=-15)
            for first, payload in frames:
                content = inflater.decompress(payload + b"\0\0\xff\xff") if first & 0x40 else payload
                if content != self._payload:
                    sys.exit("an answer is not what was sent")

    def run(self, until: float) -> tuple[int, list[float]]:
        """Send again and again until that time; returns the messages received and the waits for all answers to one."""
        clients, frame, answers = self._clients, self._frame, self._answers
        for client in clients.values():
            client.send(frame, answers)
        missing = len(clients) * answers
        count, waits = 0, []
        while missing:
            ready = self._poll.poll(PATIENCE)
            now = time.perf_counter()
            if not ready:
                sys.exit(f"no answer within {PATIENCE:g} s")
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
    """Load a server, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("seconds", type=float)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--deflate", action="store_true")
    parser.add_argument("--broadcast", action="store_true")
    options = parser.parse_args()
    load = Load(options)
    load.check()
    began = time.perf_counter()
    count, waits = load.run(began + options.seconds)
    seconds = time.perf_counter() - began
    if seconds < options.seconds:
        sys.exit(f"the load has come to an end after {seconds:.2f} s")
    print(json.dumps({"messages": count, "seconds": seconds, "p99_ms": percentile(waits, 99) * 1000}))


if __name__ == "__main__":
    main()
