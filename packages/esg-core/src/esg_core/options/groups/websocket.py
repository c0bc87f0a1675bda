"""Options of WebSocket connections; which implementation serves them is the option `ws`, beside `http`."""

from dataclasses import dataclass
from typing import Annotated

from esg_core.options.groups.shorthands import Bound, ByteBound, Timeout
from esg_core.options.option import Group, option
from esg_core.options.value_types import Integer, Switch


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class WebSocketOptions:
    """WebSocket: compression, limits and time-outs."""

    ws_per_message_deflate: Annotated[bool, Switch()] = option(
        True,
        Group.PROTOCOLS,
        "Compress WebSocket messages of clients that offer it.",
        "permessage-deflate with windows of 4 KiB; messages of less than 64 bytes are sent as they are.",
    )
    ws_max_size: ByteBound = option(
        16777216,
        Group.LIMITS,
        "Bytes of a WebSocket message; larger ones close with 1009.",
        "What a compressed message inflates to counts. Cannot be switched off.",
    )
    ws_max_queue: Bound = option(
        32,
        Group.LIMITS,
        "WebSocket messages that wait for the application.",
        "Then reading is paused until it calls `receive()`.",
    )
    ws_max_queue_bytes: Annotated[int | None, Integer(1, unit="bytes")] = option(
        None,
        Group.LIMITS,
        "Bytes of messages that wait; by default twice the largest.",
        "For each WebSocket; inflated bytes count, and what has come of the next message. Then reading is paused until "
        "the application calls `receive()`, and more waits as it was sent. Not less than `ws_max_size`.",
    )
    ws_ping_interval: Timeout = option(
        20.0,
        Group.LIMITS,
        "How often to ask WebSocket clients whether they are there.",
        "By a ping; 0 sends none.",
    )
    ws_ping_timeout: Timeout = option(
        20.0,
        Group.LIMITS,
        "How long a WebSocket client may take to answer a ping.",
        "Then the connection closes with 1011. Does not run while ESG itself has paused reading.",
    )
