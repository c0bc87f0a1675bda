"""Options of HTTP/2: whether it is served, and what its clients may do."""

from dataclasses import dataclass

from esg_core.options.groups.shorthands import Bound, ByteBound, Timeout
from esg_core.options.option import Group, option


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class HTTP2Options:
    """HTTP/2 only. The limits and time-outs of all requests apply to its requests too."""

    http2: bool = option(
        True,
        Group.PROTOCOLS,
        "Serve HTTP/2 too, on the same ports.",
        "Over TLS to clients that ask for it by ALPN, in cleartext to clients with prior knowledge.",
    )
    h2_max_concurrent_streams: Bound = option(
        100,
        Group.LIMITS,
        "Concurrent requests on one HTTP/2 connection.",
        "Application calls that are still running after their client has cancelled count too. Further requests are "
        "refused with REFUSED_STREAM.",
    )
    h2_max_client_resets: Bound = option(
        500,
        Group.LIMITS,
        "Requests that a client may cancel within 10 seconds.",
        "If it cancels more, the connection ends with ENHANCE_YOUR_CALM. Refused streams count too.",
    )
    h2_max_server_resets: Bound = option(
        10,
        Group.LIMITS,
        "Stream errors that a client may cause within 10 seconds.",
        "Errors for which the server has to reset the stream. The same number of requests with too many or too large "
        "fields is answered in addition. After that, the connection ends with ENHANCE_YOUR_CALM.",
    )
    h2_max_control_frames: Bound = option(
        1000,
        Group.LIMITS,
        "Frames without content that are accepted within 10 seconds.",
        "SETTINGS, PING, PRIORITY, empty and unknown frames, and WINDOW_UPDATE that no data explains. For DATA frames "
        "of less than 64 bytes, the limit is 50 times as high. After that, the connection ends with ENHANCE_YOUR_CALM.",
    )
    h2_max_stream_window: ByteBound = option(
        1048576,
        Group.LIMITS,
        "Bytes of a request body that are accepted before they are read.",
        "The flow-control window of a stream starts with 65,535 bytes and may grow to this size.",
    )
    h2_timeout_preface: Timeout = option(
        5.0, Group.LIMITS, "How long an HTTP/2 client may take to begin.", "Counted from the end of the TLS handshake."
    )
    h2_timeout_settings: Timeout = option(
        5.0, Group.LIMITS, "How long an HTTP/2 client may take to acknowledge settings."
    )
