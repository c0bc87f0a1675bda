"""Makes protocols: the entry points of the group `esg.http`."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from esg_http.h1.connection import H1Connection
from esg_http.h1.settings import FieldParser, H1Settings

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_core.plugins import HTTPFactory

H = TypeVar("H", bound="HTTPFactory")


def _factory(context: "Context", parse_fields: FieldParser, bound: int | None = None) -> Callable[[], H1Connection]:
    return partial(H1Connection, context, H1Settings(context, parse_fields, bound))


def _with_http2(factory: H) -> H:
    """Mark what speaks HTTP/2 too; see `esg_core.plugins.HTTPFactory`."""
    factory.__dict__["speaks_http2"] = True
    return factory


@_with_http2
def httptools(context: "Context") -> Callable[[], H1Connection]:
    """HTTP/1.1 over httptools, and HTTP/2."""
    from esg_http.h1.codec_httptools import parse_fields

    return _factory(context, parse_fields)


@_with_http2
def h11(context: "Context") -> Callable[[], H1Connection]:
    """HTTP/1.1 over h11, whose own limit of an incomplete event bounds request line and fields, and HTTP/2."""
    from esg_http.h1.codec_h11 import parse_fields

    return _factory(context, parse_fields, context.config.h11_max_incomplete_event_size)
