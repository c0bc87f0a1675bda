"""Serves the clients of the admin address: one request each, answered at once, later, or by a stream of events.

Bytes in, bytes out; knows neither sockets nor clocks. What a `Source` raises goes to the caller.
"""

from collections.abc import Callable, Sequence

from esg_admin.access import check_access, check_host
from esg_admin.documents import DOCUMENTS
from esg_admin.negotiation import accepts_gzip
from esg_admin.paths import ACTIONS, AT_ONCE, EVENTS_HEAD, QUESTIONS, access_of, action_done
from esg_admin.request_reader import Request, RequestReader
from esg_admin.responses import Refused, Response, document, serialize, text, to_json
from esg_core.admin.contracts import Action, AdminSettings, Answer, Exchange, Peer, Question, Source

RETRY = 1000
"""Milliseconds after which a client of the events comes back when its stream has ended."""


class AdminResponder:
    """See `esg_core.admin.contracts.Responder`."""

    def __init__(self, source: Source, settings: AdminSettings) -> None:
        self._source = source
        self._settings = settings

    def accept(self, peer: Peer, write: Callable[[bytes], None]) -> Exchange:
        return _AdminExchange(self._source, self._settings, peer, write)


class _AdminExchange:
    """See `esg_core.admin.contracts.Exchange`."""

    def __init__(self, source: Source, settings: AdminSettings, peer: Peer, write: Callable[[bytes], None]) -> None:
        self.is_over = False
        self.is_stream = False
        self._source = source
        self._settings = settings
        self._peer = peer
        self._write = write
        self._reader = RequestReader()
        self._request: Request | None = None

    def feed(self, data: bytes) -> None:
        if self.is_over or self._request is not None:
            return  # one request a connection: what follows it is not read
        try:
            self._request = self._reader.feed(data)
            if self._request is not None:
                self._serve(self._request)
        except Refused as refused:
            self._finish(refused.response)

    def tick(self) -> None:
        if self.is_stream:
            self._write(b"event: stats\ndata: %b\n\n" % to_json(self._source.stats()))

    def expire(self) -> None:
        if self._request is not None:
            return
        if self._reader.is_untouched:
            self.is_over = True  # browsers open spare connections and may never use them
        else:
            self._finish(text(408, "the request has not come in time"))

    def fail(self) -> None:
        if self.is_stream:
            self.lost()
        else:
            self._finish(text(500, "that failed; the log of the server says why"))

    def lost(self) -> None:
        self.is_over = True
        self.is_stream = False

    def _serve(self, request: Request) -> None:
        """Answer the request, or raise `Refused`."""
        check_host(self._peer, request, self._settings)
        access = access_of(request.path)
        check_access(self._peer, request, access, self._settings)
        if request.path in AT_ONCE:
            self._finish(AT_ONCE[request.path](self._source, request))
        elif request.path in ACTIONS:
            self._act(ACTIONS[request.path])
        elif request.path in QUESTIONS:
            self._ask(QUESTIONS[request.path])
        else:
            self._stream(request)

    def _ask(self, question: Question) -> None:
        def answered(answers: Sequence[Answer]) -> None:
            self._finish(document(DOCUMENTS[question](answers)))

        self._source.ask(question, answered)

    def _act(self, action: Action) -> None:
        self._source.act(action, lambda reason: self._finish(action_done(action, reason)))

    def _stream(self, request: Request) -> None:
        if request.method == "HEAD":
            self._finish(EVENTS_HEAD)
            return
        self._write(serialize(EVENTS_HEAD) + b"retry: %d\n\n" % RETRY)
        self.is_stream = True
        self.tick()

    def _finish(self, response: Response) -> None:
        """Write the response, whole; nothing if the client has gone meanwhile."""
        if self.is_over:
            return
        self.is_over = True
        fields = self._request.fields if self._request is not None else {}
        with_body = self._request is None or self._request.method != "HEAD"
        self._write(serialize(response, with_body=with_body, may_compress=accepts_gzip(fields.get("accept-encoding"))))
