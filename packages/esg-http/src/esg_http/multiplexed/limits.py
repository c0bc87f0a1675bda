"""What one connection may ask for, from the options (rule 2-3). Sans-I/O: only numbers."""

from dataclasses import dataclass


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
