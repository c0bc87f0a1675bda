"""An HTTP/2 client, built on the h2 library: several streams at once, and what GOAWAY says about them."""

import asyncio

import h2.config
import h2.connection
import h2.events

from benchmarks.soak.http1 import PATIENCE, Target, close

GOAWAY = 7
"""The type of the frame."""


class _Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding=None))
        self.bodies: dict[int, bytes] = {}
        self.ended: set[int] = set()
        self.refused: set[int] = set()

    def ask(self, scheme: str, body: bytes) -> None:
        number = self.h2.get_next_available_stream_id()
        self.bodies[number] = b""
        fields = {":method": "POST", ":scheme": scheme, ":path": "/", ":authority": "esg"}
        self.h2.send_headers(number, list(fields.items()))
        self.h2.send_data(number, body, end_stream=True)

    async def run(self) -> None:
        """Until all streams have ended, or the connection."""
        while self.bodies.keys() - self.ended - self.refused:
            self.writer.write(self.h2.data_to_send())
            try:
                frame = await self._frame()
            except asyncio.IncompleteReadError:
                return
            if frame[3] == GOAWAY:
                last = int.from_bytes(frame[9:13], "big")
                self.refused |= {number for number in self.bodies if number > last}
                continue  # after it, the library would accept nothing for the streams that go on
            for event in self.h2.receive_data(frame):
                self._take(event)
        self.writer.write(self.h2.data_to_send())

    async def _frame(self) -> bytes:
        head = await self.reader.readexactly(9)
        return head + await self.reader.readexactly(int.from_bytes(head[:3], "big"))

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.DataReceived):
            assert event.stream_id is not None
            self.bodies[event.stream_id] += event.data or b""
            self.h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            assert event.stream_id is not None
            self.ended.add(event.stream_id)


async def ask_together(target: Target, bodies: list[bytes]) -> tuple[list[bytes], int]:
    """Upload all bodies at once; returns the answers, and how many streams the server refused to serve.

    The bodies must fit into the initial windows of a connection. Raises if a stream is lost.
    """
    reader, writer = await target.open("h2")
    client = _Client(reader, writer)
    try:
        async with asyncio.timeout(PATIENCE):
            client.h2.initiate_connection()
            for body in bodies:
                client.ask("https" if target.tls else "http", body)
            await client.run()
    finally:
        await close(writer)
    lost = client.bodies.keys() - client.ended - client.refused
    if lost:
        raise EOFError(f"the connection ended, and {len(lost)} of {len(bodies)} streams did not end")
    return [client.bodies[number] for number in sorted(client.ended)], len(client.refused)
