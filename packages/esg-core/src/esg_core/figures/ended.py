"""Records of requests that were slow, failed or were aborted, as `/requests` shows them.

Knows ASGI scopes, and that the application may have changed them.
"""

from esg_core.access.escaping import client_text
from esg_core.access.exchange import ScopeLike, repaired
from esg_core.figures.totals import ToldRequest
from esg_core.request_ids import id_in

LONGEST_PATH = 256
"""Characters of a path that are kept."""


class EndedRecord(ToldRequest):
    """One request that has ended: an `EndedRequest` of the contracts of the admin address, without its process."""

    seconds: float
    status: int | None
    reason: str
    at: float


def id_of(scope: ScopeLike) -> str:
    """What the request is known by elsewhere; empty if it is not."""
    try:
        return id_in(dict(scope["headers"])) or ""
    except (KeyError, TypeError, ValueError):  # the application can do anything to its scope
        return ""


def told(scope: ScopeLike, target: bytes) -> ToldRequest:
    """What is told of a request, whether it runs or has ended."""
    sound = repaired(scope)
    path = target.partition(b"?")[0].decode("ascii", "backslashreplace")
    return {
        "method": sound["method"],
        "path": path[:LONGEST_PATH],
        "protocol": sound["http_version"],
        "client": client_text(sound["client"], "unix"),
        "id": id_of(scope),
    }


def ended_record(scope: ScopeLike, target: bytes, status: int, seconds: float, reason: str, at: float) -> EndedRecord:
    """The record of a request; `status` is 0 if there was no response, `at` is in seconds since 1970."""
    return {**told(scope, target), "seconds": seconds, "status": status or None, "reason": reason, "at": at}
