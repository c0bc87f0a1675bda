"""Options of WebSocket connections; the implementation is chosen by the option `ws`, declared beside `http`."""

from dataclasses import dataclass
from typing import Annotated

from esg_core.options.groups.shorthands import Bound, ByteBound, Timeout
from esg_core.options.option import Group, option
from esg_core.options.value_types import Number, Switch


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class WebSocketOptions:
    """WebSocket: compression, limits and time-outs."""

    ws_per_message_deflate: Annotated[bool, Switch()] = option(
        True,
        Group.PROTOCOLS,
        "Compress WebSocket messages if the client offers it.",
        "permessage-deflate with 4 KiB windows; messages of less than 64 bytes are sent uncompressed.",
    )
    ws_max_size: ByteBound = option(
        16777216,
        Group.LIMITS,
        "Bytes of a WebSocket message; a larger one closes with 1009.",
        "For a compressed message, the inflated size counts. Cannot be switched off.",
    )
    ws_max_queue: Bound = option(
        32,
        Group.LIMITS,
        "WebSocket messages that may wait for the application.",
        "Beyond that, reading is paused until the application calls `receive()`.",
    )
    ws_max_queue_bytes: Annotated[int | None, Number(1, unit="bytes")] = option(
        None,
        Group.LIMITS,
        "Bytes of messages that may wait; twice ws-max-size by default.",
        "Per WebSocket. Inflated bytes count, as does the part of the next message that has arrived. Beyond that, "
        "reading is paused until the application calls `receive()`, and more waits as it was sent. At least "
        "`ws_max_size`.",
    )
    ws_ping_interval: Timeout = option(
        20.0,
        Group.LIMITS,
        "How often to ping WebSocket clients.",
        "0 sends no pings.",
    )
    ws_ping_timeout: Timeout = option(
        20.0,
        Group.LIMITS,
        "How long a WebSocket client may take to answer a ping.",
        "Then the connection closes with 1011. The clock stops while ESG itself has paused reading.",
    )
