"""The entry points of the group `esg.ws`: each makes the application that serves upgrade requests.

The rest of the package is imported at the first upgrade: servers start faster, and some never see one.
"""

from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from esg_core.asgi import Application, Receive, Scope, Send

if TYPE_CHECKING:
    from esg_core.context import Context


class _OnDemand:
    """Serves upgrade requests with an application that is made for the first of them."""

    def __init__(self, make: Callable[[], Application]) -> None:
        self._make = make
        self._app: Application | None = None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if self._app is None:
            self._app = self._make()
        return self._app(scope, receive, send)  # not awaited: another coroutine would live as long


def _need(library: str) -> None:
    if find_spec(library) is None:
        raise ModuleNotFoundError(f"No module named {library!r}", name=library)


def websockets(context: "Context") -> Application:
    """WebSocket with the library `websockets`."""
    _need("websockets")

    def make() -> Application:
        from esg_ws.codec_websockets import WebsocketsCodec
        from esg_ws.endpoint import Endpoint

        return Endpoint(context, WebsocketsCodec)

    return _OnDemand(make)


def wsproto(context: "Context") -> Application:
    """WebSocket with the library `wsproto`."""
    _need("wsproto")

    def make() -> Application:
        from esg_ws.codec_wsproto import WsprotoCodec
        from esg_ws.endpoint import Endpoint

        return Endpoint(context, WsprotoCodec)

    return _OnDemand(make)
