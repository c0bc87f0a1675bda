"""Liveness and readiness, answered in the application's place (rule A-8).

A pure decision over ASGI values; knows neither the server's state, which is passed in, nor how a response is written.
Liveness says that the process can still answer, so it is always 200. Readiness says whether new requests should be sent
here.
"""

from typing import NamedTuple

from esg_core.asgi import Headers
from esg_core.errors import UsageError
from esg_core.header_fields import PLAIN_TEXT


class Answer(NamedTuple):
    """A complete response; its writer adds content-length, and omits the body for HEAD."""

    status: int
    headers: Headers
    body: bytes


class Health:
    """The endpoints at `health_path` and `ready_path`: percent-decoded paths without a query; case matters.

    Raises `UsageError` if a path does not begin with a slash, or if both are the same.
    """

    __slots__ = ("_needs_ready",)

    def __init__(self, health_path: str, ready_path: str) -> None:
        for name, path in (("health-path", health_path), ("ready-path", ready_path)):
            if path[:1] != "/":
                raise UsageError(f"{name}: {path!r} must begin with a slash")
        if health_path == ready_path:
            raise UsageError(f"health-path and ready-path must differ: both are {health_path!r}")
        self._needs_ready = {health_path: False, ready_path: True}

    def answer(self, path: str, method: str, ready: bool) -> Answer | None:
        """The response to a request; None if it is for the application.

        200 `ok` to GET and HEAD; 503 `not ready` from the ready path unless `ready`; 405 to other methods.
        """
        needs_ready = self._needs_ready.get(path)
        if needs_ready is None:
            return None
        if method not in ("GET", "HEAD"):
            return _answer(405, b"method not allowed", (b"allow", b"GET, HEAD"))
        if needs_ready and not ready:
            return _answer(503, b"not ready")
        return _answer(200, b"ok")


def _answer(status: int, body: bytes, *more: tuple[bytes, bytes]) -> Answer:
    headers: Headers = [
        PLAIN_TEXT,
        (b"cache-control", b"no-store"),
        *more,
    ]
    return Answer(status, headers, body)
