"""A client of a responder without a socket: sends bytes, and takes the response apart."""

from collections.abc import Iterable
from typing import NamedTuple

from esg_admin.entry_points import responder
from esg_core.admin.contracts import AdminSettings, Exchange, Peer, Source

TOKEN = b"s3cret-token"


class Answered(NamedTuple):
    """A whole response."""

    status: int
    fields: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Client:
    """One connection to a responder for `source`; `written` is what has come back."""

    def __init__(
        self,
        source: Source,
        peer: Peer = Peer.LOOPBACK,
        token: bytes | None = TOKEN,
        hosts: Iterable[str] = ("admin.example",),
    ) -> None:
        self.pieces: list[bytes] = []
        made = responder(source, AdminSettings(token, frozenset(hosts)))
        self.exchange: Exchange = made.accept(peer, self.pieces.append)

    @property
    def written(self) -> bytes:
        return b"".join(self.pieces)

    def ask(self, path: str, method: str = "GET", **fields: str) -> None:
        """Send a request; in names of fields, an underscore is a hyphen."""
        every = {"host": "127.0.0.1:9099", **{name.replace("_", "-"): value for name, value in fields.items()}}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in every.items()), "", ""]
        self.exchange.feed("\r\n".join(lines).encode("latin-1"))

    def answer(self) -> Answered:
        """The response, which has ended with the connection."""
        assert self.exchange.is_over
        return parse(self.written)


def parse(data: bytes) -> Answered:
    """Take a whole response apart."""
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    version, status, _reason = first.split(" ", 2)
    assert version == "HTTP/1.1"
    fields = dict(line.split(": ", 1) for line in lines)
    assert len(fields) == len(lines)
    return Answered(int(status), fields, body)
