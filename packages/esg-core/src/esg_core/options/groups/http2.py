"""Options of HTTP/2: whether it is spoken, and what its clients may do."""

from dataclasses import dataclass

from esg_core.options.groups.shorthands import Bound, ByteBound, Timeout
from esg_core.options.option import Group, option


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class HTTP2Options:
    """What is said for HTTP/2 only. Its requests have the limits and time-outs of all requests besides."""

    http2: bool = option(
        True,
        Group.PROTOCOLS,
        "Speak HTTP/2 too, on the same ports.",
        "Over TLS to clients that ask for it by ALPN, in cleartext to those that begin with it (prior knowledge).",
    )
    h2_max_concurrent_streams: Bound = option(
        100,
        Group.LIMITS,
        "Requests that one HTTP/2 connection may have open.",
        "Calls of the application that go on after their client has cancelled count too. Others are refused with "
        "REFUSED_STREAM.",
    )
    h2_max_client_resets: Bound = option(
        500,
        Group.LIMITS,
        "Requests that a client may cancel in 10 seconds.",
        "Beyond it, the connection ends with ENHANCE_YOUR_CALM. Refused streams count too.",
    )
    h2_max_server_resets: Bound = option(
        10,
        Group.LIMITS,
        "Streams that a client may break in 10 seconds.",
        "By errors for which the server has to reset them; so many requests with too many or too large fields are "
        "answered beside. Beyond it, the connection ends with ENHANCE_YOUR_CALM.",
    )
    h2_max_control_frames: Bound = option(
        1000,
        Group.LIMITS,
        "Frames without content that are taken in 10 seconds.",
        "SETTINGS, PING, PRIORITY, empty and unknown ones, and WINDOW_UPDATE where no data is the reason. Of DATA "
        "with less than 64 bytes, 50 times as many are taken. Beyond it, the connection ends with ENHANCE_YOUR_CALM.",
    )
    h2_max_stream_window: ByteBound = option(
        1048576,
        Group.LIMITS,
        "Bytes of a body that may come before they are read.",
        "How far the window of a stream may grow from its 65,535 bytes.",
    )
    h2_timeout_preface: Timeout = option(
        5.0, Group.LIMITS, "How long an HTTP/2 client may take to begin.", "From the end of the TLS handshake."
    )
    h2_timeout_settings: Timeout = option(
        5.0, Group.LIMITS, "How long it may take to acknowledge the server's settings."
    )
