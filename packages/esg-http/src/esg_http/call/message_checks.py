"""Checks the values in an application's messages (rule H-10, ASGI HTTP 2.5).

Pure. The usual types never get here; each error names the message and what it expects.
"""

from collections.abc import Iterable

from esg_core.asgi import Headers
from esg_core.errors import ApplicationError


def checked_status(status: object) -> int:
    """The status as a plain int (`http.HTTPStatus` is a subclass); raises `ApplicationError` if it is not one."""
    if not isinstance(status, int) or isinstance(status, bool):
        raise ApplicationError(f"status must be an int, not {type(status).__name__} (ASGI: http.response.start)")
    if not 200 <= status <= 999:
        raise ApplicationError(f"{int(status)} is not the status of a final response (RFC 9110 section 15)")
    return int(status)


def checked_headers(headers: object) -> Headers:
    """The headers as a list, from any iterable; raises `ApplicationError` if they are not iterable."""
    if not isinstance(headers, Iterable):
        raise ApplicationError(f"headers must be an iterable, not {type(headers).__name__} (ASGI: http.response.start)")
    return list(headers)


def as_bytes(body: object) -> bytes:
    """The body as bytes, from any object that holds bytes; raises `ApplicationError` for others."""
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    raise ApplicationError(f"body must be bytes, not {type(body).__name__} (ASGI: http.response.body)")
