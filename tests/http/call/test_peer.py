"""The two ends of a connection, as all kinds of transports report them (rules H-15, H-19)."""

import asyncio
from typing import Any, cast

import pytest

from esg_core.context import Context
from esg_core.options.config import Config
from esg_core.testing import ManualLoop, MemoryTransport
from esg_http.call.peer import Peer, http_extensions

Ends = tuple[tuple[str, int] | None, tuple[str, int | None] | None, str]


def peer_of(peername: Any, sockname: Any, **options: Any) -> Peer:
    with ManualLoop() as loop:
        context = Context(Config("tests:app", **options), cast(Any, None), loop)
        transport = MemoryTransport(asyncio.Protocol(), loop, peername=peername, sockname=sockname)
        return Peer(context, transport, "", http_extensions(context))


@pytest.mark.parametrize(
    ("peername", "sockname", "expected"),
    [
        (("1.2.3.4", 5), ("6.7.8.9", 10), (("1.2.3.4", 5), ("6.7.8.9", 10), "1.2.3.4:5")),
        (("::1", 5, 0, 0), ("::1", 10, 0, 0), (("::1", 5), ("::1", 10), "[::1]:5")),
        (("::ffff:1.2.3.4", 5, 0, 0), ("::ffff:6.7.8.9", 10, 0, 0), (("1.2.3.4", 5), ("6.7.8.9", 10), "1.2.3.4:5")),
        (("::ffff:0:1", 5, 0, 0), ("fe80::1%2", 10, 0, 2), (("::ffff:0:1", 5), ("fe80::1%2", 10), "[::ffff:0:1]:5")),
        ("", "/run/esg", (None, ("/run/esg", None), "unix")),
        (None, "/run/esg", (None, ("/run/esg", None), "unix")),
        (b"", b"\0abstract", (None, ("\0abstract", None), "unix")),
        ("", b"/\xff", (None, ("/\udcff", None), "unix")),
        (None, None, (None, None, "unix")),
    ],
)
def test_addresses(peername: Any, sockname: Any, expected: Ends) -> None:
    """H-15: of IPv4, IPv6 and UNIX sockets, with and without a name."""
    peer = peer_of(peername, sockname)
    assert (peer.client, peer.server, str(peer)) == expected
    assert peer.scheme == "http"


@pytest.mark.parametrize(
    ("peername", "options", "is_trusted"),
    [
        (("127.0.0.1", 5), {}, True),
        (("1.2.3.4", 5), {}, False),
        (("1.2.3.4", 5), {"forwarded_allow_ips": "*"}, True),
        (("127.0.0.1", 5), {"proxy_headers": False}, False),
    ],
)
def test_trust(peername: Any, options: dict[str, Any], is_trusted: bool) -> None:
    """H-19."""
    assert (peer_of(peername, ("127.0.0.1", 1), **options).trust is not None) == is_trusted
