"""What happens to a request at the entrance if the server looks at who asks: ids (A-10), limits per client (A-11).

Shared by all HTTP versions. Without these options, nothing here is imported.
"""

import math
from typing import TYPE_CHECKING

from esg_core.access.escaping import client_text
from esg_core.asgi import Application, Headers
from esg_core.header_fields import PLAIN_TEXT
from esg_core.overload.notices import Notices
from esg_core.request_ids import IdentifiedCall, identify
from esg_http.call.client_connections import ClientConnections, WatchedCalls
from esg_http.call.entrance import Entrance

if TYPE_CHECKING:
    from esg_core.context import Context
    from esg_core.overload.admission import Admission
    from esg_http.call.cycle import Cycle

REFUSAL: Headers = [PLAIN_TEXT, (b"retry-after", b"1")]
"""The fields of a 429 to a proxy, whose connection other clients need."""

REFUSAL_AND_END: Headers = [*REFUSAL, (b"connection", b"close")]


class VisitorEntrance(Entrance):
    """Gives requests their ids, and refuses those of clients with too many connections; then decides as any other."""

    __slots__ = ("_clients", "_identifies", "_notices")

    def __init__(self, context: "Context") -> None:
        super().__init__(context)
        self._notices = Notices(context.loop.time)
        self._identifies = context.config.request_id
        self._clients = _clients_of(context)

    def enter(self, cycle: "Cycle", app: Application, call_limit: float) -> bool:
        if self._identifies:
            identity = identify(cycle.scope, is_trusted=cycle.is_from_proxy)
            app = IdentifiedCall(app, identity)
        if cycle.target not in self._others and self._answers(cycle):
            return False
        if self._clients is not None and not self._clients.admits(cycle):
            self._turn_away(cycle)
            return False
        return super().enter(cycle, app, call_limit)

    def _waits(self, admission: "Admission", cycle: "Cycle", app: Application) -> bool:
        is_in_line, calls = super()._waits(admission, cycle, app), self._context.cycles
        if is_in_line and isinstance(calls, WatchedCalls):
            calls.expect(cycle)
        return is_in_line

    def _turn_away(self, cycle: "Cycle") -> None:
        """Refuse a request whose client has too many connections: 429 (RFC 6585 section 4), the client's own doing."""
        context = self._context
        if context.tally is not None:
            context.tally.refusals["client"] += 1
        if self._notices.is_due():
            client = client_text(cycle.scope["client"], "unix")
            context.logger.warning("limit-connections-per-client is reached: refused a request from %s", client)
        cycle.answer(429, REFUSAL if cycle.is_from_proxy else REFUSAL_AND_END, b"Too Many Requests")


def _clients_of(context: "Context") -> ClientConnections | None:
    """What counts the connections of all HTTP versions, each of which has an entrance; None if nothing limits them."""
    limit = context.config.limit_connections_per_client
    if limit < math.inf and not isinstance(context.clients, ClientConnections):
        context.clients = clients = ClientConnections(context.trust, limit)
        context.cycles = WatchedCalls(clients)
    return context.clients if isinstance(context.clients, ClientConnections) else None
