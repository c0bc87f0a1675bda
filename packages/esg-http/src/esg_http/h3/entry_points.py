"""The entry points of the group `esg.http3`: each makes what serves QUIC on the UDP sockets of a server."""

from functools import partial
from typing import TYPE_CHECKING

from esg_http.h3.aioquic_connection import QuicLimits
from esg_http.h3.aioquic_transport import QuicSettings
from esg_http.h3.certificates import Certificates
from esg_http.h3.connection_ids import ConnectionIds
from esg_http.h3.endpoint import Endpoint

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_core.contracts import DatagramPort, EndpointMaker

LARGEST_WINDOW = 2**18
"""Bytes of one request's body that may wait to be read, at most: a hundred requests may have as many each."""

IDLE = 60.0
"""Seconds of silence after which a connection is forgotten, unless it has requests and its client answers a PING."""


def aioquic(context: "Context") -> "EndpointMaker":
    """HTTP/3 on aioquic."""
    from esg_core.figures.quic import QuicFigures
    from esg_http.h3.connection import H3Connection
    from esg_http.h3.settings import H3Settings

    config = context.config
    limits = QuicLimits(config.h2_max_concurrent_streams, min(config.h2_max_stream_window, LARGEST_WINDOW), IDLE)
    make_user = partial(H3Connection, context, H3Settings(context))
    settings = QuicSettings(limits, Certificates(config).find, make_user)
    figures = context.quic = QuicFigures()
    alone = ConnectionIds.fresh()

    def make_endpoint(port: "DatagramPort") -> Endpoint:
        ids = alone if port.seat is None else ConnectionIds(*port.seat)
        return Endpoint(port, ids, settings, figures)

    return make_endpoint
