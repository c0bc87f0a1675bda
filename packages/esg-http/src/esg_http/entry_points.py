"""The entry points of the group `esg.http`: each makes a factory of protocols."""

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from esg_http.h1.connection import H1Connection
from esg_http.h1.settings import FieldParser, H1Settings

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_core.plugins import HTTPFactory

H = TypeVar("H", bound="HTTPFactory")


def _factory(context: "Context", parse_fields: FieldParser, bound: float = math.inf) -> Callable[[], H1Connection]:
    return partial(H1Connection, context, H1Settings(context, parse_fields, bound))


def _with_http2(factory: H) -> H:
    """Mark a factory whose connections also speak HTTP/2; see `esg_core.plugins.HTTPFactory`."""
    factory.__dict__["speaks_http2"] = True
    return factory


@_with_http2
def httptools(context: "Context") -> Callable[[], H1Connection]:
    """HTTP/1.1 with httptools, and HTTP/2."""
    from esg_http.h1.codec_httptools import parse_fields

    return _factory(context, parse_fields)


@_with_http2
def h11(context: "Context") -> Callable[[], H1Connection]:
    """HTTP/1.1 with h11, and HTTP/2; h11's limit on an incomplete event also bounds the request line and fields."""
    from esg_http.h1.codec_h11 import parse_fields

    return _factory(context, parse_fields, context.config.h11_max_incomplete_event_size)
