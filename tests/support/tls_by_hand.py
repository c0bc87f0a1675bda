"""A client's TLS whose two sides end one by one, as no blocking socket of `ssl` lets them."""

import socket
import ssl
from contextlib import suppress


class TLSByHand:
    """As much of a socket as a client needs, with TLS within; the end of its handshake waits for `flush()`."""

    def __init__(self, connection: socket.socket, context: ssl.SSLContext) -> None:
        self._connection = connection
        self._early = b""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="127.0.0.1")
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self.flush()
                self._read()
            else:
                break

    def write(self, data: bytes) -> None:
        """Encrypt, and send with what follows: see `flush()`."""
        self._tls.write(data)

    def say_end(self) -> None:
        """Say in TLS that no more comes (close_notify), when it is flushed."""
        with suppress(ssl.SSLWantReadError):
            while True:  # OpenSSL takes it ill if there is something to be read
                self._early += self._tls.read()
        with suppress(ssl.SSLWantReadError):
            self._tls.unwrap()

    def flush(self) -> None:
        self._connection.sendall(self._outgoing.read())

    def end_below(self) -> None:
        """Say in TCP that no more comes."""
        self._connection.shutdown(socket.SHUT_WR)

    def sendall(self, data: bytes) -> None:
        self.write(data)
        self.flush()

    def recv(self, size: int) -> bytes:
        """As of a socket; `EOFError` if TCP ends before TLS does."""
        if self._early:
            early, self._early = self._early, b""
            return early
        while True:
            try:
                return self._tls.read(size)
            except ssl.SSLZeroReturnError:
                return b""
            except ssl.SSLWantReadError:
                if not self._read():
                    raise EOFError("the connection has ended without a close_notify") from None

    def settimeout(self, seconds: float) -> None:
        self._connection.settimeout(seconds)

    def fileno(self) -> int:
        return self._connection.fileno()

    def close(self) -> None:
        self._connection.close()

    def _read(self) -> bool:
        data = self._connection.recv(65536)
        self._incoming.write(data)
        return bool(data)
