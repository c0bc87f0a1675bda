"""What a server's HTTP/2 connections need of its configuration, read once."""

from functools import cached_property
from typing import TYPE_CHECKING

from esg_http.h2.coding.codes import (
    DEFAULT_WINDOW,
    ENABLE_CONNECT_PROTOCOL,
    MAX_CONCURRENT_STREAMS,
    MAX_HEADER_LIST_SIZE,
    NO_RFC7540_PRIORITIES,
)
from esg_http.h2.coding.frames import settings_frame, window_frame
from esg_http.h2.engine.windows import CONNECTION_WINDOW
from esg_http.multiplexed.limits import Limits
from esg_http.settings import HTTPSettings

if TYPE_CHECKING:
    from esg_core.context import Context


class H2Settings:
    """Limits, time-outs (seconds, `inf` for none) and the server's preface; `http` is what all versions share."""

    def __init__(self, context: "Context", http: HTTPSettings) -> None:
        config = context.config
        self._context = context
        self.http = http
        self.limits = Limits.of(config, http.head_limits)
        self.preface_timeout = config.h2_timeout_preface
        self.settings_timeout = config.h2_timeout_settings

    @cached_property
    def preface(self) -> bytes:
        """The frames that the server begins with (RFC 9113 section 3.4)."""
        limits = self.limits
        settings = {
            MAX_CONCURRENT_STREAMS: limits.streams,
            MAX_HEADER_LIST_SIZE: limits.section_bytes,
            NO_RFC7540_PRIORITIES: 1,
        }
        if self._context.upgrades:
            settings[ENABLE_CONNECT_PROTOCOL] = 1
        return settings_frame(settings) + window_frame(0, CONNECTION_WINDOW - DEFAULT_WINDOW)
