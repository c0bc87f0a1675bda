"""Makes what serves upgrade requests: the entry points of the group `esg.ws`."""

from typing import TYPE_CHECKING

from esg_core.asgi import Application
from esg_ws.endpoint import Endpoint

if TYPE_CHECKING:
    from esg_core.context import Context


def websockets(context: "Context") -> Application:
    """WebSocket over the library `websockets`."""
    from esg_ws.codec_websockets import WebsocketsCodec

    return Endpoint(context, WebsocketsCodec)


def wsproto(context: "Context") -> Application:
    """WebSocket over the library `wsproto`."""
    from esg_ws.codec_wsproto import WsprotoCodec

    return Endpoint(context, WsprotoCodec)


__all__ = ["websockets", "wsproto"]
