"""Whatever bytes come on whatever stream, the server neither fails nor goes on with half of it."""

import logging

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.http.memory import MemoryServer
from tests.support.http2.applications import hello
from tests.support.http3 import wire
from tests.support.http3.driven import Client

PIECES = st.sampled_from(
    [
        wire.headers(),
        wire.headers(wire.request(b"/", b"POST", (b"content-length", b"3"))),
        wire.data(b"abc"),
        wire.settings(),
        wire.varint(wire.ENCODER),
        wire.varint(wire.DECODER) + b"\x40",
        wire.frame(wire.PRIORITY_UPDATE, b"\0u=1"),
        wire.frame(wire.GOAWAY, b"\0"),
        wire.frame(0x21, b"x" * 70),
        b"\x01\xff",
    ]
) | st.binary(max_size=20)

STEPS = st.lists(
    st.tuples(st.sampled_from([0, 2, 4, 6, 8, 10]), PIECES, st.sampled_from(["", "", "", "end", "reset", "stop"])),
    max_size=20,
)


@settings(deadline=None, max_examples=200)
@given(STEPS)
def test_q1_nothing_that_is_sent_breaks_the_server(steps: list[tuple[int, bytes, str]]) -> None:
    with MemoryServer(hello) as server:
        client = Client(server)
        over: set[int] = set()
        for stream, data, then in steps:
            if client.quic.closed or stream in over:
                continue
            if then == "reset":
                client.user.stream_reset(stream, 0)
            elif then == "stop":
                client.user.stream_stopped(stream, 0)
            else:
                client.send(stream, data, end=then == "end")
            if then in ("end", "reset"):
                over.add(stream)
            client.turn()
        if client.quic.closed is None:
            client.send(400, wire.headers(), end=True)
            client.turn()
            assert client.answer(400).body == b"hello"
        assert server.log.texts(logging.ERROR) == []
