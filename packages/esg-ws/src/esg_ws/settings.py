"""What all WebSockets of one server take from its configuration, once."""

from typing import TYPE_CHECKING

from esg_core.write_pace import WriteLimits
from esg_ws.codec import CodecFactory

if TYPE_CHECKING:
    from esg_core.context import Context


class Settings:
    """Limits, and time-outs in seconds (`inf` for none), shared by all WebSockets of one context."""

    def __init__(self, context: "Context", make_codec: CodecFactory) -> None:
        config = context.config
        self.make_codec = make_codec
        self.max_size = config.ws_max_size
        self.max_queue = config.ws_max_queue
        self.max_queue_bytes = config.ws_max_queue_bytes or 2 * config.ws_max_size
        self.compress = config.ws_per_message_deflate
        self.ping_interval = config.ws_ping_interval
        self.ping_timeout = config.ws_ping_timeout
        self.write = WriteLimits.of(config)
        self.seats = Seats(config.limit_websockets)


class Seats:
    """How many WebSockets are open or about to be, and may be (rule A-11)."""

    __slots__ = ("_limit", "_taken")

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._taken = 0

    def take(self) -> bool:
        """Take a seat; returns whether there was one."""
        if self._taken >= self._limit:
            return False
        self._taken += 1
        return True

    def give_back(self) -> None:
        """Give back a seat."""
        self._taken -= 1
