r"""Turns what clients sent into text that cannot be anything but a part of one line of a log (rule R-3).

Pure. All functions return printable ASCII without `"` and `\`, so their results can stand between quotes, in the
default line as well as in JSON. A target is percent-encoded, as in a URL; other text gets `\x..` escapes.
"""

import re
from collections.abc import Callable
from typing import TypeVar

K = TypeVar("K")

ENTRIES = 1024
"""Texts that a `Memo` may hold; more are rare, and then it starts anew."""

LONGEST = 256
"""Characters of a text that a `Memo` holds; longer ones are made each time, so that its size is bounded."""

PLAIN = bytes(code if 0x21 <= code < 0x7F and code not in b'"\\' else code ^ 1 for code in range(256))
"""Translates the bytes that a target may be logged with to themselves, and no others."""

_NOT_PLAIN = re.compile(rb"[^!#-\[\]-~]")
_UNSAFE = re.compile(r"[^ !#-\[\]-~]")


class Memo(dict[K, str]):
    """Texts that were made before, by what they were made from: `memo[key]` makes each of them once."""

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
    """The request target; what must not be in one is percent-encoded, and so are quotes and backslashes."""
    if target.translate(PLAIN) != target:
        target = _NOT_PLAIN.sub(lambda found: b"%%%02X" % ord(found[0]), target)
    return target.decode("ascii")


def safe_text(text: str) -> str:
    r"""Text of any origin, with `\x..` (`\u....`) in the place of all but printable ASCII."""
    return _UNSAFE.sub(lambda found: _escape(ord(found[0])), text)


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def client_text(client: tuple[str, int | None] | None, nobody: str = "-") -> str:
    """`127.0.0.1:1234`, `[::1]:1234`; without a port if none is known; `nobody` if it has no address (UNIX sockets)."""
    if client is None or not client[0]:
        return nobody
    host, port = client
    text = safe_text(host)
    if not port:
        return text
    return f"[{text}]:{port}" if ":" in text else f"{text}:{port}"
