"""Logs why a connection could not be set up; a warning if a user has made a mistake (rule H-11)."""

import logging
import ssl

from esg_core.access.escaping import client_text

PLAIN_HTTP = ("HTTP_REQUEST", "HTTPS_PROXY_REQUEST")
"""What OpenSSL calls GET, HEAD, POST, PUT and CONNECT where TLS should begin; it does not recognise other methods."""

logger = logging.getLogger("esg.error")


def log_failed_handshake(error: OSError, peer: object) -> None:
    """Log that the client at `peer`, a socket's address, went or failed before it was connected.

    Plain HTTP on a port that speaks TLS is a user's mistake; everything else happens every day.
    """
    if isinstance(error, ssl.SSLError) and error.reason in PLAIN_HTTP:
        client = client_text((peer[0], peer[1]) if isinstance(peer, tuple) else None, "unix")
        logger.warning("refused plain HTTP from %s: this port speaks TLS, so the URL must begin with https://", client)
    else:
        logger.debug("a client went or failed before it was connected: %s", error)
