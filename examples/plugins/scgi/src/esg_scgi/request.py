"""What an SCGI client sends: a netstring of variables, then the body. Values in, values out; knows no socket."""

from dataclasses import dataclass
from typing import Any

LONGEST_HEAD = 65_536
"""Bytes of all variables together."""

_LENGTH_DIGITS = 6


class ScgiError(ValueError):
    """These bytes are not SCGI; the text says why."""


@dataclass(frozen=True, slots=True)
class ScgiRequest:
    """The variables of a request, and where its body is in the bytes that were read."""

    variables: dict[str, str]
    body_start: int
    body_size: int

    @property
    def end(self) -> int:
        """The number of bytes of the whole request."""
        return self.body_start + self.body_size

    def scope(self, state: dict[str, Any], extensions: dict[str, Any]) -> dict[str, Any]:
        """The scope of ASGI 3 for this request."""
        get = self.variables.get
        path = get("DOCUMENT_URI") or get("PATH_INFO") or "/"
        headers = [
            (name[5:].lower().replace("_", "-").encode("latin-1"), value.encode("latin-1"))
            for name, value in self.variables.items()
            if name.startswith("HTTP_")
        ]
        if get("CONTENT_TYPE"):
            headers.append((b"content-type", self.variables["CONTENT_TYPE"].encode("latin-1")))
        headers.append((b"content-length", b"%d" % self.body_size))
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": get("SERVER_PROTOCOL", "HTTP/1.1").removeprefix("HTTP/"),
            "method": get("REQUEST_METHOD", "GET"),
            "scheme": get("REQUEST_SCHEME", "http"),
            "path": path.encode("latin-1").decode("utf-8", "replace"),
            "raw_path": path.encode("latin-1"),
            "query_string": get("QUERY_STRING", "").encode("latin-1"),
            "root_path": "",
            "headers": headers,
            "client": (get("REMOTE_ADDR", ""), int(get("REMOTE_PORT") or 0)),
            "server": (get("SERVER_NAME", ""), int(get("SERVER_PORT") or 0)),
            "state": state.copy(),
            "extensions": extensions.copy(),
        }


def read_request(data: bytes | bytearray) -> ScgiRequest | None:
    """The request at the start of `data`, None while its variables are incomplete; raises `ScgiError`."""
    digits, colon, _ = bytes(data[: _LENGTH_DIGITS + 1]).partition(b":")
    if not digits.isdigit() and data:
        raise ScgiError("it does not begin with the length of its variables")
    if not colon:
        if len(digits) > _LENGTH_DIGITS:
            raise ScgiError("the length of its variables has too many digits")
        return None
    start, size = len(digits) + 1, int(digits)
    if size > LONGEST_HEAD:
        raise ScgiError(f"its variables are longer than {LONGEST_HEAD} bytes")
    if len(data) <= start + size:
        return None
    if data[start + size] != ord(","):
        raise ScgiError("there is no comma behind its variables")
    words = bytes(data[start : start + size]).decode("latin-1").split("\0")
    variables = dict(zip(words[::2], words[1::2], strict=False))
    length = variables.get("CONTENT_LENGTH", "")
    if not length.isascii() or not length.isdigit() or variables.get("SCGI") != "1":
        raise ScgiError("CONTENT_LENGTH or SCGI is missing or wrong")
    return ScgiRequest(variables, start + size + 1, int(length))
