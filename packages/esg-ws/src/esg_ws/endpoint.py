"""Serves upgrade requests: the application that HTTP runs in place of the user's (rule S-2).

See `esg_core.plugins.UpgradeFactory`. Checks the handshake of a request, and then calls the user's application with
the scope of a WebSocket.
"""

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from esg_core.access.escaping import client_text
from esg_core.asgi import Receive, Scope, Send
from esg_core.errors import RequestError
from esg_ws.codec import CodecFactory
from esg_ws.cycle import Cycle
from esg_ws.handshake import read_handshake, websocket_scope
from esg_ws.opening import Opening, refuse
from esg_ws.settings import Settings

if TYPE_CHECKING:
    from esg_core.context import Context


class Endpoint:
    """Serves the upgrade requests of one context."""

    def __init__(self, context: "Context", make_codec: CodecFactory) -> None:
        self._context = context
        self._settings = Settings(context, make_codec)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve a request as an ASGI application of type `http`; not a coroutine, which would cost memory and time."""
        switch = scope["extensions"].pop("esg.switch")
        context, settings = self._context, self._settings
        try:
            handshake = read_handshake(scope, settings.compress)
        except RequestError as error:
            if context.tally is not None:
                context.tally.has_bad_request(error.status)
            name = client_text(scope.get("client"), "unix")
            context.logger.warning("refused a handshake from %s: %s (%s)", name, error, error.section)
            return refuse(send, error, scope["http_version"])
        opening = Opening(handshake, switch, receive, send)
        return Cycle(context, settings, websocket_scope(scope, handshake), opening).run(context.app)
