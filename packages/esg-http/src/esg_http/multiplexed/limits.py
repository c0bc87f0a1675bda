"""What one connection may ask for, from the options (rule 2-3). Sans-I/O: only numbers."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from esg_http.coding.fields import ENTRY_OVERHEAD
from esg_http.multiplexed.field_count import MOST_CRUMBS, PSEUDO_FIELDS

if TYPE_CHECKING:
    from esg_core.options.config import Config
    from esg_http.message.head_limits import HeadLimits


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a client may do.

    `streams` at a time; `fields` and `field_bytes` in a header section; `request_line` bytes of method and target;
    `client_resets`, `server_resets` and `control_frames` within `allowance.PERIOD`; `stream_window` bytes of a body
    that the application has not read.
    """

    streams: int
    fields: int
    field_bytes: int
    request_line: int
    client_resets: int
    server_resets: int
    control_frames: int
    stream_window: int

    @classmethod
    def of(cls, config: "Config", head: "HeadLimits") -> Self:
        """The limits of a server; those of heads hold for every version of HTTP."""
        return cls(
            streams=config.h2_max_concurrent_streams,
            fields=head.fields,
            field_bytes=head.field_bytes,
            request_line=head.request_line,
            client_resets=config.h2_max_client_resets,
            server_resets=config.h2_max_server_resets,
            control_frames=config.h2_max_control_frames,
            stream_window=config.h2_max_stream_window,
        )

    @property
    def section_bytes(self) -> int:
        """Bytes of a header section, as settings state them (RFC 9113 section 6.5.2, RFC 9114 section 4.2.2)."""
        return self.field_bytes + self.fields * ENTRY_OVERHEAD

    @property
    def decoded_fields(self) -> int:
        """Fields of a header section that are decoded, as some of them do not count."""
        return self.fields + len(PSEUDO_FIELDS) + MOST_CRUMBS
