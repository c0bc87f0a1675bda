"""One client of the admin address: its socket, what it is still to get, and how long it may take (rule M-3).

Knows neither the listener nor what is said.
"""

import contextlib
import logging
import math
import selectors
import socket
import time
from collections.abc import Callable

from esg_core.admin.contracts import Peer, Responder

REQUEST_PATIENCE = 5.0
"""Seconds for a whole request, and for a client that takes nothing of a response."""

LINGER = 1.0
"""Seconds for what a client still sends after its response: closed at once, it might lose the response."""

MOST_UNSENT = 65536
"""Bytes: if more wait for a client when it is to get something else, it does not read, and is closed."""

MOST_RECEIVED = 1 << 21
"""Bytes that a client may send in all; almost all of them are discarded."""

READ_SIZE = 65536

MOST_FAILURES = 100
"""Different failures that are logged."""

SEND_BUFFER = 65536
"""Bytes for the kernel: otherwise a stream that is not read would go on for minutes."""


class FailureLog:
    """Logs what goes wrong in answering: each failure once, or a scraper would fill the log with it."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def report(self, error: Exception) -> None:
        """Log an error with its traceback, unless one like it is in the log."""
        text = repr(error)
        if text not in self._seen and len(self._seen) < MOST_FAILURES:
            self._seen.add(text)
            logging.getLogger("esg.error").error("The admin address could not answer: %s", text, exc_info=error)


class AdminClient:
    """One accepted connection, which `responder` serves; errors of what it asks for go to `failures`."""

    def __init__(
        self,
        sock: socket.socket,
        responder: Responder,
        peer: Peer,
        selector: selectors.BaseSelector,
        failures: FailureLog,
    ) -> None:
        sock.setblocking(False)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self.sock = sock
        self._selector = selector
        self._failures = failures
        self._events = 0
        self._unsent = bytearray()
        self._received = 0
        self._deadline = time.monotonic() + REQUEST_PATIENCE
        self._has_news = True
        self._is_input_over = False
        self._is_ending = False
        self._is_lingering = False
        self._is_gone = False
        self._exchange = responder.accept(peer, self._write)
        self._watch()

    @property
    def is_stream(self) -> bool:
        """Whether `tick()` is to be called once a second."""
        return self._exchange.is_stream

    @property
    def wakes_at(self) -> float:
        """When `run_due()` has to be called."""
        return -math.inf if self._has_news else self._deadline

    def tick(self) -> None:
        """A second has passed."""
        if self._exchange.is_stream:
            self._guarded(self._exchange.tick)

    def run_due(self, now: float) -> bool:
        """Write what there is, and end what is over; returns whether the connection is still open."""
        if now >= self._deadline:
            self._expire()
        self._has_news = False
        has_moved = self._flush()
        if self._exchange.is_over and not self._is_lingering:
            self._end(now, has_moved)
        if self._is_gone:
            self.close()
        else:
            self._watch()
        return not self._is_gone

    def close(self) -> None:
        """Close the connection, after a last try to write."""
        self._flush()
        self._is_gone = True
        self._exchange.lost()
        self._watch()
        with contextlib.suppress(OSError):  # a child of the application may have a copy of the socket
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def _watch(self) -> None:
        """Have the selector report what this connection waits for."""
        wanted = 0 if self._is_input_over else selectors.EVENT_READ
        wanted |= selectors.EVENT_WRITE if self._unsent else 0
        wanted = 0 if self._is_gone else wanted
        if self._events and wanted and wanted != self._events:
            self._selector.modify(self.sock, wanted, self._on_event)
        elif self._events and not wanted:
            self._selector.unregister(self.sock)
        elif wanted and not self._events:
            self._selector.register(self.sock, wanted, self._on_event)
        self._events = wanted

    def _guarded(self, step: Callable[[], None]) -> None:
        """Let the exchange do something, whatever the server raises meanwhile."""
        try:
            step()
        except Exception as error:  # noqa: BLE001 - an answer that fails must not end what serves clients
            self._failures.report(error)
            self._exchange.fail()

    # Reading.

    def _on_event(self, _sock: socket.socket) -> None:
        """Read; what there is to write is written by `run_due()`, which follows."""
        self._has_news = True
        if self._is_input_over:
            return
        try:
            data = self.sock.recv(READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._is_gone = True
            return
        self._received += len(data)
        if self._received > MOST_RECEIVED:
            self._is_gone = True
        elif not data:
            self._take_end()
        elif not self._is_lingering:
            self._guarded(lambda: self._exchange.feed(data))

    def _take_end(self) -> None:
        """The client sends nothing more: it is gone, or waits for what it has asked for."""
        self._is_input_over = True
        self._is_gone = self._is_lingering or self._exchange.is_stream or not self._received

    # Writing, and the end.

    def _write(self, data: bytes) -> None:
        """Take what the client is to get; the next `run_due()` writes it."""
        self._has_news = True
        if len(self._unsent) > MOST_UNSENT:
            self._is_gone = True
        else:
            self._unsent += data

    def _flush(self) -> bool:
        """Write what the kernel takes; returns whether that was anything."""
        if not self._unsent or self._is_gone:
            return False
        try:
            sent = self.sock.send(self._unsent)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            self._is_gone = True
            return False
        del self._unsent[:sent]
        return True

    def _expire(self) -> None:
        """Its time is up: for the request, for reading the response, or for its end."""
        self._deadline = math.inf
        if self._exchange.is_over:
            self._is_gone = True
        else:  # an exchange that waits for an answer, or is a stream, goes on
            self._guarded(self._exchange.expire)
            self._is_gone = self._is_input_over and not self._exchange.is_over

    def _end(self, now: float, has_moved: bool) -> None:
        """Close after the response: once it is written, and the client has had a moment to read it."""
        if self._unsent:
            if has_moved or not self._is_ending:
                self._deadline = now + REQUEST_PATIENCE
            self._is_ending = True
            return
        self._is_lingering = True
        self._deadline = now + LINGER
        self._is_gone = self._is_gone or self._is_input_over
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._is_gone = True
