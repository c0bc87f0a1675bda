"""WSGI applications as ASGI 3 ones, by way of a2wsgi, which runs each request in a thread of a pool.

Knows nothing of a2wsgi but the name of its middleware. It is optional: imported when the first WSGI application is.
"""

from collections.abc import Callable
from typing import Any, cast

from esg_core.asgi import Application
from esg_core.errors import UsageError
from esg_core.installing import how_to_install

WSGIApplication = Callable[..., Any]


def wsgi_adapter(app: WSGIApplication) -> Application:
    """Wrap a WSGI application; raises `UsageError` if a2wsgi is not installed."""
    try:
        from a2wsgi import WSGIMiddleware
    except ModuleNotFoundError:
        raise UsageError(f"the application speaks WSGI, which needs a package: {how_to_install('a2wsgi')}") from None
    return cast(Application, WSGIMiddleware(app))


__all__ = ["WSGIApplication", "wsgi_adapter"]
