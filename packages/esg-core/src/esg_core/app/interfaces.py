"""Detects which interface an application has, and adapts it to ASGI 3.

Looks at the parameters only, so nothing is called to find out: (scope, receive, send) is ASGI 3, (scope) ASGI 2,
(environ, start_response) WSGI. A coroutine function is ASGI 3, whatever its parameters.
"""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, cast

from esg_core.asgi import Application

if TYPE_CHECKING:
    from esg_core.options.config import Config

Interface = Literal["asgi3", "asgi2", "wsgi"]

_BY_PARAMETERS: dict[int, Interface] = {1: "asgi2", 2: "wsgi"}


def detect(app: Callable[..., Any]) -> Interface:
    """The interface of an application; ASGI 3 unless its parameters show another."""
    if inspect.iscoroutinefunction(app):
        return "asgi3"
    return _BY_PARAMETERS.get(_required(app), "asgi3")


def is_factory(app: Callable[..., Any]) -> bool:
    """Whether a callable needs no arguments, so that it is not an application but makes one."""
    return not inspect.iscoroutinefunction(app) and _required(app) == 0


def adapt(app: Callable[..., Any], config: "Config") -> Application:
    """The application as ASGI 3; `config` names its interface, or it is detected."""
    interface = detect(app) if config.interface == "auto" else config.interface
    if interface == "asgi2":
        from esg_core.app.asgi2 import ASGI2Adapter

        return ASGI2Adapter(app)
    if interface == "wsgi":
        from esg_core.app.wsgi.bridge import WSGIBridge

        return WSGIBridge(app, config)
    return cast(Application, app)


def is_only_http(app: Application) -> bool:
    """Whether an adapted application supports HTTP only, so that upgrade requests are plain HTTP."""
    return getattr(type(app), "only_http", False) is True


def _required(app: Callable[..., Any]) -> int:
    """How many positional arguments a callable needs; 3 when it takes any number or does not say."""
    try:
        parameters = inspect.signature(app).parameters.values()
    except (TypeError, ValueError):
        return 3
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return 3
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(parameter.kind in positional and parameter.default is parameter.empty for parameter in parameters)
