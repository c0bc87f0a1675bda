r"""Escapes what clients sent, so that it cannot break out of one line of a log (rule R-3).

Pure. All functions return printable ASCII without `"` and `\`, so their results are safe inside quotes, in the default
line as well as in JSON. A target is percent-encoded, as in a URL; other text gets `\x..` escapes.
"""

import re
from collections.abc import Callable
from typing import TypeVar

K = TypeVar("K")

ENTRIES = 1024
"""Texts that a `Memo` may hold; more are rare, and then it is cleared."""

LONGEST = 256
"""Characters of the longest text that a `Memo` holds; longer ones are built each time, so that its size is bounded."""

PLAIN = bytes(code if 0x21 <= code < 0x7F and code not in b'"\\' else code ^ 1 for code in range(256))
"""Translates the bytes that may be logged in a target to themselves, and all others to something else."""

_NOT_PLAIN = re.compile(rb"[^!#-\[\]-~]")
_UNSAFE = re.compile(r"[^ !#-\[\]-~]")


class Memo(dict[K, str]):
    """Caches texts by what they are made from: `memo[key]` makes each of them once."""

    def __init__(self, make: Callable[[K], str]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: K) -> str:
        text = self._make(key)
        if len(self) >= ENTRIES:
            self.clear()
        if len(text) <= LONGEST:
            self[key] = text
        return text


def target_text(target: bytes) -> str:
    """The request target, with invalid characters, quotes and backslashes percent-encoded."""
    if target.translate(PLAIN) != target:
        target = _NOT_PLAIN.sub(lambda found: b"%%%02X" % ord(found[0]), target)
    return target.decode("ascii")


def safe_text(text: str) -> str:
    r"""Text of any origin, with everything but printable ASCII escaped as `\x..` or `\u....`."""
    return _UNSAFE.sub(lambda found: _escape(ord(found[0])), text)


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def client_text(client: tuple[str, int | None] | None, unnamed: str = "-") -> str:
    """`127.0.0.1:1234` or `[::1]:1234`, without the port if it is unknown; `unnamed` without address (UNIX sockets)."""
    if client is None or not client[0]:
        return unnamed
    host, port = client
    text = safe_text(host)
    if not port:
        return text
    return f"[{text}]:{port}" if ":" in text else f"{text}:{port}"
