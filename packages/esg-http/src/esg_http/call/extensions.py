"""The messages of HTTP extensions: those of ASGI (rule H-14), trailers, early hints and files; and ESG's `esg.drop`.

Knows ASGI messages, the cycle and its stream; no bytes. Each handler returns whether its message fits the phase of the
response; for False, the cycle raises the error that names the rule.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, BinaryIO

from esg_core.asgi import Headers, Message
from esg_core.errors import ApplicationError
from esg_http.call.phases import COMPLETE, EXPECT_TRAILERS, HEAD_HELD, IN_BODY

if TYPE_CHECKING:
    from esg_core.contracts import Stream
    from esg_http.call.contracts import Call

Handler = Callable[["Call", "Stream", Message], Awaitable[bool]]

_FORBIDDEN_TRAILERS = frozenset(
    b"transfer-encoding content-length host trailer te connection keep-alive upgrade content-encoding content-type"
    b" content-range cache-control expect max-forwards pragma range authorization set-cookie age date expires location"
    b" retry-after vary warning www-authenticate proxy-authenticate proxy-authorization".split()
)
"""Fields that must not follow the body, because they are needed before it (RFC 9110 section 6.5.1)."""


async def _trailers(cycle: "Call", stream: "Stream", message: Message) -> bool:
    if cycle.phase != EXPECT_TRAILERS:
        return False
    headers: Headers = [
        (name, value) for name, value in message.get("headers", ()) if name.lower() not in _FORBIDDEN_TRAILERS
    ]
    stream.send_trailers(headers, not message.get("more_trailers", False))
    if not message.get("more_trailers", False):
        cycle.end_trailers()
    return True


async def _early_hint(cycle: "Call", stream: "Stream", message: Message) -> bool:
    if cycle.phase > HEAD_HELD:
        return False
    stream.inform(103, [(b"link", link) for link in message.get("links", ())])
    return True


async def _pathsend(cycle: "Call", stream: "Stream", message: Message) -> bool:
    if cycle.phase != HEAD_HELD:
        return False
    path = message.get("path")
    if not isinstance(path, (str, os.PathLike)):
        raise ApplicationError(f"path must be a str, not {type(path).__name__} (ASGI: http.response.pathsend)")
    file = await asyncio.get_running_loop().run_in_executor(None, open, path, "rb")
    try:
        await _send_file(cycle, stream, file, 0, os.fstat(file.fileno()).st_size)
    finally:
        file.close()
    if cycle.phase != COMPLETE:
        cycle.end_file()
    return True


async def _zerocopysend(cycle: "Call", stream: "Stream", message: Message) -> bool:
    if cycle.phase not in (HEAD_HELD, IN_BODY):
        return False
    descriptor = message.get("file")
    if not isinstance(descriptor, int):
        descriptor = _descriptor(descriptor)
    file = os.fdopen(os.dup(descriptor), "rb", buffering=0)
    try:
        offset = message.get("offset")
        start = os.lseek(descriptor, 0, os.SEEK_CUR) if offset is None else int(offset)
        count = message.get("count")
        size = max(0, os.fstat(descriptor).st_size - start) if count is None else int(count)
        await _send_file(cycle, stream, file, start, size)
        if offset is None:
            os.lseek(descriptor, start + size, os.SEEK_SET)
    finally:
        file.close()
    if not message.get("more_body", False) and cycle.phase != COMPLETE:
        cycle.end_file()
    return True


def _descriptor(file: object) -> int:
    fileno = getattr(file, "fileno", None)
    if fileno is None:
        raise ApplicationError(
            f"file must be a file descriptor, not {type(file).__name__} (ASGI: http.response.zerocopysend)"
        )
    return int(fileno())


async def _send_file(cycle: "Call", stream: "Stream", file: BinaryIO, offset: int, size: int) -> None:
    if cycle.begin_file(size) and size:
        await stream.send_file(file, offset, size)


FILE_MESSAGES = ("http.response.pathsend", "http.response.zerocopysend")
"""What `--no-pathsend` switches off (rule H-27)."""


async def _drop(cycle: "Call", _stream: "Stream", _message: Message) -> bool:
    """Break the connection off on purpose (rule H-26)."""
    if cycle.phase == COMPLETE:
        return False
    cycle.drop()
    return True


EXTRA_MESSAGES: dict[str, Handler] = {
    "http.response.trailers": _trailers,
    "http.response.early_hint": _early_hint,
    "http.response.pathsend": _pathsend,
    "http.response.zerocopysend": _zerocopysend,
    "esg.drop": _drop,
}
