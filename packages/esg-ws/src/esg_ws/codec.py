"""What a codec is: a WebSocket library that reads the frames which ESG does not read itself.

Sans-I/O. A codec gets whole, masked frames, one at a time, none of them large: fragments of messages, and invalid
frames, but no valid control frames. It removes the masks and says what breaks RFC 6455. Every message looks binary to
it: ESG handles compression and text, limits, lengths, answers and closing, so that all codecs behave the same (S-1).
"""

from collections.abc import Callable
from typing import Protocol

Sink = Callable[[bytes, bool], None]
"""Takes the content of each data frame, in order, and whether the message ends with it."""


class Codec(Protocol):
    """A reader of frames."""

    def feed(self, frame: bytes) -> None:
        """Read a frame; raises `WebSocketError` if it breaks RFC 6455."""


CodecFactory = Callable[[Sink], Codec]
"""Makes the codec of one connection."""
