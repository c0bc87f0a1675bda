"""TLS by hand, for clients that stop in the middle of a handshake."""

import socket
import ssl

GET = b"GET / HTTP/1.1\r\nhost: esg\r\n\r\n"


def rest(connection: socket.socket) -> bytes:
    """All data until the server closes or breaks the connection."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def shake_hands(
    connection: socket.socket, tls: ssl.SSLObject, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO
) -> None:
    while True:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            connection.sendall(outgoing.read())
            incoming.write(connection.recv(65536))
        else:
            connection.sendall(outgoing.read())
            return
