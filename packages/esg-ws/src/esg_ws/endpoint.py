"""Serves upgrade requests: the application that HTTP runs in place of the user's (rule S-2).

See `esg_core.plugins.UpgradeFactory`. Checks the handshake of a request, and then calls the user's application with
the scope of a WebSocket.
"""

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from esg_core.access.escaping import client_text
from esg_core.asgi import Headers, Receive, Scope, Send
from esg_core.errors import RequestError
from esg_core.header_fields import PLAIN_TEXT
from esg_core.overload.notices import Notices
from esg_ws.codec import CodecFactory
from esg_ws.cycle import Cycle
from esg_ws.handshake import read_handshake, websocket_scope
from esg_ws.opening import Opening, answer, refuse
from esg_ws.settings import Settings

if TYPE_CHECKING:
    from esg_core.context import Context


REFUSAL: Headers = [PLAIN_TEXT, (b"retry-after", b"1")]
"""The fields of a 503, apart from its length."""


class Endpoint:
    """Serves the upgrade requests of one context."""

    def __init__(self, context: "Context", make_codec: CodecFactory) -> None:
        self._context = context
        self._settings = Settings(context, make_codec)
        self._notices = Notices(context.loop.time)

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
        for_websocket = websocket_scope(scope, handshake)
        if not settings.seats.take():
            return self._turn_away(scope, send)
        return Cycle(context, settings, for_websocket, opening).run(context.app)

    def _turn_away(self, scope: Scope, send: Send) -> Awaitable[None]:
        """Refuse a handshake: `limit-websockets` are open."""
        context = self._context
        if context.tally is not None:
            context.tally.refusals["websockets"] += 1
        if self._notices.is_due():
            name = client_text(scope.get("client"), "unix")
            context.logger.warning("limit-websockets is reached: refused a handshake from %s", name)
        return answer(send, 503, REFUSAL, b"Service Unavailable")
