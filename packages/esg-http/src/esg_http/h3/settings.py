"""What a server's HTTP/3 connections need of its configuration, read once."""

from typing import TYPE_CHECKING

from esg_http.h3.coding.codes import ENABLE_CONNECT_PROTOCOL, MAX_FIELD_SECTION_SIZE
from esg_http.multiplexed.limits import Limits
from esg_http.settings import HTTPSettings

if TYPE_CHECKING:
    from esg_core.context import Context


class H3Settings:
    """Limits and time-outs; `http` is what all versions share. The limits of HTTP/2 hold here too (rule Q-3)."""

    def __init__(self, context: "Context") -> None:
        config = context.config
        self._context = context
        self.http = http = HTTPSettings(context)
        self.limits = Limits.of(config, http.head_limits)
        self.settings_timeout = config.h2_timeout_settings

    def announced(self) -> dict[int, int]:
        """What the server's SETTINGS say (RFC 9114 section 7.2.4.1): no dynamic table is the default."""
        settings = {MAX_FIELD_SECTION_SIZE: self.limits.section_bytes}
        if self._context.upgrades:
            settings[ENABLE_CONNECT_PROTOCOL] = 1
        return settings
