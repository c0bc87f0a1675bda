"""Answers requests that break HTTP, in the application's place (rule H-11).

Shared by all HTTP versions. Knows the status and text of an answer, not how it is written or what it means for the
connection.
"""

from typing import TYPE_CHECKING

from esg_core.errors import RequestError
from esg_core.header_fields import PLAIN_TEXT
from esg_http.call.response_hook import prepare_answer

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_core.contracts import Stream
    from esg_http.call.cycle import Cycle
    from esg_http.call.peer import Peer


def too_large() -> RequestError:
    """The error for a body beyond `limit-request-body`."""
    return RequestError(413, "the body is larger than the limit", "RFC 9110 section 15.5.14")


def warn(context: "Context", peer: "Peer", error: RequestError) -> None:
    """Log what was wrong, and which client sent it; count it (rule M-1)."""
    if context.tally is not None:
        context.tally.has_bad_request(error.status)
    context.logger.warning("refused a request from %s: %s (%s)", peer, error, error.section)


def answer_unreadable(context: "Context", stream: "Stream", peer: "Peer", error: RequestError) -> None:
    """Answer, as if it were a GET, what never became a request for the application."""
    body = error.phrase.encode()
    headers = [PLAIN_TEXT, (b"content-length", b"%d" % len(body))]
    status, prepared = prepare_answer(context, stream, None, error.status, headers)
    if status in (204, 304):
        body = b""
    stream.respond(status, prepared, body, True)
    if context.access is not None:
        context.access.record_unreadable(peer.client, status, len(body))


def answer_late(cycle: "Cycle", error: RequestError) -> None:
    """Answer a request that goes wrong after its head, before its response begins; the application is cut off."""
    cycle.answer(error.status, [PLAIN_TEXT], error.phrase.encode())
    cycle.disconnect()
