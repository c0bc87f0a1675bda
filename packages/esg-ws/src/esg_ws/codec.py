"""What a codec is: a WebSocket library that reads the frames which take no short path.

Sans-I/O. A codec gets whole, masked frames, one at a time, none of them large: fragments of messages, and frames that
are wrong, but no control frame that is right. It takes off the masks and says what breaks RFC 6455. Every message looks
binary to it: compression and text are ESG's business, as are limits, lengths, answers and closing, so that all codecs
behave the same (S-1).
"""

from collections.abc import Callable
from typing import Protocol

Sink = Callable[[bytes, bool], None]
"""Takes the content of a data frame, in the order of the frames, and whether the message ends with it."""


class Codec(Protocol):
    """A reader of frames."""

    def feed(self, frame: bytes) -> None:
        """Read a frame; raises `WebSocketError` for what breaks RFC 6455."""


CodecFactory = Callable[[Sink], Codec]
"""Makes the codec of one connection."""
