"""Calls that are served without a task: most of them are answered as a whole, and soon (rule I-6).

Whatever takes longer, comes in parts or fails goes on in a task: see `relay`.
"""

from esg_core.app.wsgi.call import Call
from esg_core.app.wsgi.relay import Serving, relay
from esg_core.asgi import Receive, Scope, Send
from esg_core.contracts import Exchange


class DirectCall(Call):
    """The call of an application for an exchange; see `esg_core.contracts.DirectCall`."""

    __slots__ = ("_exchange", "_serving")

    def __init__(self, serving: Serving, exchange: Exchange) -> None:
        Call.__init__(self, serving.shared, exchange.scope, exchange.take_body())  # cheaper than `super()`
        self._serving = serving
        self._exchange: Exchange | None = exchange
        self._is_asked = True

    def wake(self) -> None:
        """Send the response if it is whole and in memory; let a task go on otherwise."""
        exchange = self._exchange
        if exchange is None:
            super().wake()
        elif not self.is_over or self.error is not None or self.file is not None or self._backlog is not None:
            self.go_on_in_task()
        else:
            body = self._parts[0] if self._parts else b""
            if self.length is not None and len(body) > self.length:
                self.go_on_in_task()
                return
            self._exchange = None
            self._serving.threads.done()
            exchange.answer_and_end(self.status, self.headers, body)

    def go_on_in_task(self) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            self.receive, self.send = exchange.receive, exchange.send
            exchange.go_on_in_task(self._relay)

    async def _relay(self, _scope: Scope, _receive: Receive, _send: Send) -> None:
        await relay(self, self._serving.threads)
