"""What a codec is: a WebSocket library that reads the frames which take no short path.

Sans-I/O. A codec gets the bytes of whole frames, one after the other, in any segments: fragments, compressed messages,
and frames that are wrong, but no control frame that is right. It calls the sink for the content of messages, and takes
part in no other decision: limits, lengths, answers and closing are ESG's, so that all codecs behave the same (S-1).
"""

from collections.abc import Callable
from typing import Protocol

from esg_ws.deflate import Deflate


class Sink(Protocol):
    """What a codec calls, in the order of the frames."""

    def on_text(self, part: str, end: bool) -> None:
        """A part of a text message; `end` tells that it is the last."""

    def on_binary(self, part: bytes, end: bool) -> None:
        """A part of a binary message."""


class Codec(Protocol):
    """A reader of frames."""

    def feed(self, data: bytes) -> None:
        """Read on; raises `WebSocketError` for what breaks RFC 6455, after the sink has got what came before it."""


CodecFactory = Callable[[Sink, Deflate | None], Codec]
"""Makes the codec of one connection, given its compression."""

__all__ = ["Codec", "CodecFactory", "Sink"]
