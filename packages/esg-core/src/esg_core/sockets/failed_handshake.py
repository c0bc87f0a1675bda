"""Tells the log why a connection could not be set up: what its client's user should know as a warning (rule H-11)."""

import logging
import ssl

from esg_core.access.escaping import client_text

PLAIN_HTTP = ("HTTP_REQUEST", "HTTPS_PROXY_REQUEST")
"""What OpenSSL calls GET, HEAD, POST, PUT and CONNECT where TLS should begin; other methods are no TLS to it."""

logger = logging.getLogger("esg.error")


def tell_failed_handshake(error: OSError, peer: object) -> None:
    """Say that the client at `peer`, an address of a socket, went or failed before it was connected.

    Plain HTTP on a port that speaks TLS is a mistake of somebody; all else happens every day.
    """
    if isinstance(error, ssl.SSLError) and error.reason in PLAIN_HTTP:
        client = client_text((peer[0], peer[1]) if isinstance(peer, tuple) else None, "unix")
        logger.warning("refused plain HTTP from %s: this port speaks TLS, so the URL must begin with https://", client)
    else:
        logger.debug("a client went or failed before it was connected: %s", error)
