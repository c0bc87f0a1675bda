"""Makes protocols: the entry points of the group `esg.http`."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from esg_http.h1 import H1Connection
from esg_http.settings import FieldParser, H1Settings

if TYPE_CHECKING:
    from esg_core.context import Context


def _factory(context: "Context", parse_fields: FieldParser, bound: int | None = None) -> Callable[[], H1Connection]:
    settings = H1Settings(context, parse_fields, bound)
    if context.config.http2:
        from esg_http.h2.settings import H2Settings

        settings.h2 = H2Settings(context, settings)
    return partial(H1Connection, context, settings)


def httptools(context: "Context") -> Callable[[], H1Connection]:
    """HTTP/1.1 over httptools."""
    from esg_http.codec_httptools import parse_fields

    return _factory(context, parse_fields)


def h11(context: "Context") -> Callable[[], H1Connection]:
    """HTTP/1.1 over h11, whose own limit of an incomplete event bounds request line and fields."""
    from esg_http.codec_h11 import parse_fields

    return _factory(context, parse_fields, context.config.h11_max_incomplete_event_size)


__all__ = ["h11", "httptools"]
