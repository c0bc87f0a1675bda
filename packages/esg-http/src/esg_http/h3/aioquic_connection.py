"""aioquic's connection with what ESG needs of it and aioquic has no setting for (rules Q-11 to Q-13).

With `aioquic_bounds` the only module that knows private names of aioquic, which is why its releases are pinned to those
that were read: `tests/http3/test_aioquic_names.py` fails for each name that has changed. Knows neither sockets nor
HTTP/3.
"""

import logging
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from aioquic import tls
from aioquic._buffer import Buffer
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import (
    CONNECTION_LIMIT_FRAME_CAPACITY,
    MAX_STREAM_DATA_FRAME_CAPACITY,
    QuicConnectionAdapter,
    QuicConnectionId,
    QuicConnectionState,
)
from aioquic.quic.packet import QuicFrameType

from esg_http.h3 import connection_ids
from esg_http.h3.aioquic_bounds import BoundedQuic

if TYPE_CHECKING:
    from aioquic.quic.connection import Limit
    from aioquic.quic.packet_builder import QuicPacketBuilder
    from aioquic.quic.recovery import QuicPacketSpace
    from aioquic.quic.stream import QuicStream

    from esg_http.h3.certificates import Credentials

CONNECTION_WINDOW = 2**20
"""Bytes that all streams of a connection together may have on the way; it opens as bytes come in order."""

UNIDIRECTIONAL = 16
"""Streams that a client may open besides its requests: control, QPACK's two, and some that mean nothing to us."""

_QUIET = QuicConnectionAdapter(logging.Logger("aioquic", logging.CRITICAL + 1), {"id": ""})  # noqa: LOG001 - see below
"""Every client can make aioquic warn; what concerns operators is logged elsewhere. No configuration of logging finds
this logger, so none can turn it on."""


class QuicLimits(NamedTuple):
    """What a client may do."""

    streams: int
    """Requests at a time."""

    stream_window: int
    """Bytes of a stream that may wait to be consumed."""

    idle: float
    """Seconds of silence after which a connection is forgotten."""


class Identity(NamedTuple):
    """What makes a connection this server's: a source of IDs, their reset tokens, and certificates."""

    make_id: Callable[[], bytes]
    reset_token: Callable[[bytes], bytes]
    credentials: "Callable[[str | None], Credentials]"


def server_configuration(limits: QuicLimits, credentials: "Credentials") -> QuicConfiguration:
    """The configuration of a connection that speaks HTTP/3; `credentials` are replaced once the name is known."""
    return QuicConfiguration(
        alpn_protocols=["h3"],
        connection_id_length=connection_ids.LENGTH,
        is_client=False,
        idle_timeout=limits.idle,
        max_data=CONNECTION_WINDOW,
        max_stream_data=limits.stream_window,
        certificate=credentials.certificate,
        certificate_chain=credentials.chain,
        private_key=credentials.key,
    )


class ServerQuic(BoundedQuic):
    """A server's connection. It has no tickets, hence no 0-RTT: aioquic refuses none once there are tickets."""

    def __init__(
        self, limits: QuicLimits, identity: Identity, original_id: bytes, retry_id: bytes | None = None
    ) -> None:
        self._identity = identity
        super().__init__(
            configuration=server_configuration(limits, identity.credentials(None)),
            original_destination_connection_id=original_id,
            retry_source_connection_id=retry_id,
        )
        self.server_name: str | None = None
        self._half_window = limits.stream_window // 2
        self._unsent = -1
        self._logger = _QUIET
        first = self._new_id(0, was_sent=True)
        self._host_cids = [first]
        self.host_cid = self._local_initial_source_connection_id = first.cid
        for limit, value in (
            (self._local_max_streams_bidi, limits.streams),
            (self._local_max_streams_uni, UNIDIRECTIONAL),
        ):
            limit.value = limit.sent = value

    # What HTTP/3 asks.

    @property
    def has_authenticated(self) -> bool:
        """Whether any packet of the client's could be decrypted."""
        return self._state is not QuicConnectionState.FIRSTFLIGHT

    @property
    def has_ended(self) -> bool:
        """Whether nothing can be sent or received any more."""
        return self._state in (
            QuicConnectionState.CLOSING,
            QuicConnectionState.DRAINING,
            QuicConnectionState.TERMINATED,
        )

    @property
    def is_closing(self) -> bool:
        """Whether the connection has ended, or ends with the next datagram."""
        return self._close_event is not None or self.has_ended

    @property
    def closing_event(self) -> Any:
        """Why the connection has ended: aioquic's `ConnectionTerminated`, None while it has not."""
        return self._close_event

    @property
    def ends_at(self) -> float:
        """When the connection is forgotten if nothing comes; `inf` if that is not known yet."""
        return self._close_at if self._close_at is not None else math.inf

    @property
    def idle_limit(self) -> float:
        """Seconds of silence until then."""
        return self._idle_timeout()

    @property
    def has_requests(self) -> bool:
        """Whether a stream of the client's is not over."""
        return any(stream % 4 == 0 for stream in self._streams)

    @property
    def cipher(self) -> str | None:
        """The name of the cipher suite, None before there is one."""
        schedule = self.tls.key_schedule
        return f"TLS_{schedule.cipher_suite.name}" if schedule is not None else None

    def window(self, stream: int) -> int:
        """How many more bytes of a stream may be queued within its window; 0 for a stream that is over."""
        found = self._streams.get(stream)
        return max(0, found.max_stream_data_remote - found.sender._buffer_stop) if found is not None else 0

    def connection_window(self) -> int:
        """How many more bytes of all streams may be queued within the window of the connection."""
        return max(0, self._remote_max_data - self._remote_max_data_used - self.unsent())

    def unsent(self) -> int:
        """Bytes of all streams that have not left for the first time."""
        if self._unsent < 0:
            waiting = (stream.sender for stream in self._streams_queue if not stream.sender.buffer_is_empty)
            self._unsent = sum(sender._buffer_stop - sender.highest_offset for sender in waiting)
        return self._unsent

    def send_stream_data(self, stream_id: int, data: bytes, end_stream: bool = False) -> None:
        """As aioquic's, which raises `ValueError` or `RuntimeError` for a stream that is over."""
        super().send_stream_data(stream_id, data, end_stream)
        if self._unsent >= 0:
            self._unsent += len(data)

    def changed(self) -> None:
        """What is unsent may have changed: to be called after everything but `send_stream_data()`."""
        self._unsent = -1

    @property
    def is_delivered(self) -> bool:
        """Whether the client has acknowledged everything that was queued."""
        return all(
            stream.sender.is_finished
            or (stream.sender._buffer_fin is None and stream.sender._buffer_start == stream.sender._buffer_stop)
            for stream in self._streams.values()
        )

    def open_window(self, stream: int, size: int) -> bool:
        """Let the client send `size` more bytes of a stream; returns whether that is worth telling it now."""
        found = self._streams.get(stream)
        if found is None or found.receiver.is_finished:
            return False
        found.max_stream_data_local += size
        return found.max_stream_data_local - found.max_stream_data_local_sent >= self._half_window

    def forget(self) -> None:
        """Let go of everything: what refers back would wait for the garbage collector. Nothing may be called after."""
        self.__dict__.clear()

    # What aioquic calls.

    def _new_id(self, number: int, *, was_sent: bool = False) -> QuicConnectionId:
        made = self._identity.make_id()
        return QuicConnectionId(made, number, self._identity.reset_token(made), was_sent)

    def _replenish_connection_ids(self) -> None:
        """As aioquic's, with our IDs and tokens."""
        while len(self._host_cids) < min(8, self._remote_active_connection_id_limit):
            self._host_cids.append(self._new_id(self._host_cid_seq))
            self._host_cid_seq += 1

    def _initialize(self, peer_cid: bytes) -> None:
        """As aioquic's; the certificate follows the name in the ClientHello."""
        super()._initialize(peer_cid)
        vars(self.tls)["_server_handle_hello"] = self._choose_certificate

    def _choose_certificate(self, hello: Buffer, initial: Buffer, handshake: Buffer) -> None:
        self.server_name = tls.pull_client_hello(Buffer(data=hello.data_slice(0, hello.capacity))).server_name
        found = self._identity.credentials(self.server_name)
        self.tls.certificate = found.certificate
        self.tls.certificate_chain = found.chain
        self.tls.certificate_private_key = found.key
        tls.Context._server_handle_hello(self.tls, hello, initial, handshake)

    def _write_connection_limits(self, builder: "QuicPacketBuilder", space: "QuicPacketSpace") -> None:
        """As aioquic's, but MAX_DATA keeps its distance from what has come in order instead of doubling."""
        data = self._local_max_data
        if data.value - data.used < CONNECTION_WINDOW // 2:
            data.value = max(data.value, data.used - self.held_back() + CONNECTION_WINDOW)
        if data.value != data.sent:
            self._write_limit(builder, data)
        requests, others = self._local_max_streams_bidi, self._local_max_streams_uni
        if requests.value - requests.sent > requests.sent - requests.used:  # few are left
            self._write_limit(builder, requests)
        if others.value - others.sent > others.sent - others.used:
            self._write_limit(builder, others)

    def _write_limit(self, builder: "QuicPacketBuilder", limit: "Limit") -> None:
        buffer = builder.start_frame(
            limit.frame_type,
            capacity=CONNECTION_LIMIT_FRAME_CAPACITY,
            handler=self._on_connection_limit_delivery,
            handler_args=(limit,),
        )
        buffer.push_uint_var(limit.value)
        limit.sent = limit.value

    def _write_stream_limits(
        self, builder: "QuicPacketBuilder", space: "QuicPacketSpace", stream: "QuicStream"
    ) -> None:
        """As aioquic's, but MAX_STREAM_DATA follows what was consumed instead of doubling with what has come."""
        opened = stream.max_stream_data_local - stream.max_stream_data_local_sent
        if not opened or opened < self._half_window or stream.receiver.is_finished:
            return
        assert stream.stream_id is not None
        buffer = builder.start_frame(
            QuicFrameType.MAX_STREAM_DATA,
            capacity=MAX_STREAM_DATA_FRAME_CAPACITY,
            handler=self._on_max_stream_data_delivery,
            handler_args=(stream,),
        )
        buffer.push_uint_var(stream.stream_id)
        buffer.push_uint_var(stream.max_stream_data_local)
        stream.max_stream_data_local_sent = stream.max_stream_data_local
