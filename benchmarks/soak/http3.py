"""An HTTP/3 client, built on aioquic: several streams at once on one connection, and which of them were refused."""

import asyncio
from typing import Any

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3 import events as h3
from aioquic.h3.connection import ErrorCode, H3Connection
from aioquic.quic import events as quic
from aioquic.quic.configuration import QuicConfiguration

from benchmarks.soak.http1 import PATIENCE, Target


class _Client(QuicConnectionProtocol):
    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._h3 = H3Connection(self._quic)
        self.bodies: dict[int, bytes] = {}
        self.ended: set[int] = set()
        self.refused: set[int] = set()
        self.is_over = False
        self._changed = asyncio.Event()

    def ask(self, path: str, body: bytes) -> None:
        """Queue a request: POST with a body, else GET."""
        number = self._quic.get_next_available_stream_id()
        self.bodies[number] = b""
        fields = {":method": "POST" if body else "GET", ":scheme": "https", ":authority": "localhost", ":path": path}
        head = [(name.encode(), value.encode()) for name, value in fields.items()]
        self._h3.send_headers(number, head, end_stream=not body)
        if body:
            self._h3.send_data(number, body, end_stream=True)

    async def run(self) -> None:
        """Until all streams have ended, or the connection."""
        self.transmit()
        while not self.is_over and self.bodies.keys() - self.ended - self.refused:
            self._changed.clear()
            await self._changed.wait()

    def quic_event_received(self, event: quic.QuicEvent) -> None:
        if isinstance(event, quic.ConnectionTerminated):
            self.is_over = True
        elif isinstance(event, quic.StreamReset) and event.error_code == ErrorCode.H3_REQUEST_REJECTED:
            self.refused.add(event.stream_id)
        for each in self._h3.handle_event(event):
            if isinstance(each, h3.DataReceived):
                self.bodies[each.stream_id] += each.data
            if isinstance(each, h3.DataReceived | h3.HeadersReceived) and each.stream_ended:
                self.ended.add(each.stream_id)
        self._changed.set()


async def ask_together(
    target: Target, requests: list[tuple[str, bytes]], *, leaves: bool = False
) -> tuple[list[bytes], int]:
    """Send all requests at once, each a path and a body; returns the answers, and how many the server refused.

    Raises if a stream is lost. With `leaves`, the client closes the connection without waiting for anything.
    """
    config = QuicConfiguration(alpn_protocols=["h3"], is_client=True, server_name="127.0.0.1")
    config.load_verify_locations(cadata=target.authority)
    async with (
        asyncio.timeout(PATIENCE),
        connect("127.0.0.1", target.port, configuration=config, create_protocol=_Client) as client,
    ):
        assert isinstance(client, _Client)
        for path, body in requests:
            client.ask(path, body)
        if leaves:
            client.transmit()
            return [], 0
        await client.run()
    lost = client.bodies.keys() - client.ended - client.refused
    if lost:
        raise EOFError(f"the connection ended, and {len(lost)} of {len(requests)} streams did not end")
    return [client.bodies[number] for number in sorted(client.ended)], len(client.refused)
