"""Clients of the balancer: each kind asks all the time, checks every answer, and counts what it loses, by kind.

They never ask twice. So a request is lost too if it was sent on a kept connection that the other side was closing,
although browsers and pools would repeat it: an end that is announced (`connection: close`) loses nothing.
"""

import asyncio
import itertools
import time
from collections.abc import Callable, Coroutine
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from benchmarks.fleet.tally import Tally

PATIENCE = 30.0
"""Seconds for an answer; more is a loss."""

PAUSE = 0.02
"""Seconds between two requests of a client: the fleet is not to be loaded, but watched."""

UPLOAD = 64 * 1024

Client = Callable[[], Coroutine[Any, Any, None]]


class Lost(Exception):
    """A request has no right answer; the text is the kind."""


class Clients:
    """All clients of one address, from entering to leaving."""

    def __init__(self, port: int) -> None:
        self.tally = Tally()
        self._port = port
        self._numbers = itertools.count(1)
        self._is_over = False
        self._tasks: list[asyncio.Task[None]] = []
        self._kinds: list[tuple[int, Client]] = [
            (4, lambda: self._keep("GET / HTTP/1.1", b"")),
            (4, lambda: self._change("GET / HTTP/1.1", b"")),
            (3, lambda: self._keep("GET /slow HTTP/1.1", b"")),
            (2, lambda: self._change("POST / HTTP/1.1", b"x" * UPLOAD)),
            (4, self._talk),
        ]

    async def __aenter__(self) -> Tally:
        self._tasks = [asyncio.create_task(self._go_on(kind)) for count, kind in self._kinds for _ in range(count)]
        return self.tally

    async def __aexit__(self, *_: object) -> None:
        self._is_over = True
        await asyncio.gather(*self._tasks)

    async def _go_on(self, kind: Client) -> None:
        while not self._is_over:
            try:
                await kind()
            except Lost as loss:
                self.tally.loss(str(loss))
            await asyncio.sleep(PAUSE)

    async def _keep(self, start: str, body: bytes) -> None:
        """Requests on one connection, as long as it lasts."""
        asking = await Asking.connect(self._port)
        try:
            goes_on = True
            while goes_on and not self._is_over:
                goes_on = await asking.ask(next(self._numbers), start, body, self.tally)
                await asyncio.sleep(PAUSE)
        finally:
            await asking.close()

    async def _change(self, start: str, body: bytes) -> None:
        """One request on a connection of its own."""
        asking = await Asking.connect(self._port)
        try:
            await asking.ask(next(self._numbers), start, body, self.tally, "connection: close\r\n")
        finally:
            await asking.close()

    async def _talk(self) -> None:
        """Messages on a WebSocket until the server closes it; it must say so."""
        try:
            async with connect(f"ws://127.0.0.1:{self._port}/", open_timeout=PATIENCE, ping_interval=None) as socket:
                while not self._is_over:
                    began, text = time.monotonic(), f"{next(self._numbers)}"
                    await socket.send(text)
                    async with asyncio.timeout(PATIENCE):
                        echoed, _, host = str(await socket.recv()).partition(" ")
                    if echoed != text:
                        raise Lost("WebSocket: wrong answer")
                    self.tally.answer(host, time.monotonic() - began)
                    await asyncio.sleep(PAUSE)
        except ConnectionClosed as error:
            if error.rcvd is None:
                raise Lost("WebSocket: cut") from None
        except TimeoutError:
            raise Lost("WebSocket: no answer in time") from None
        except (OSError, EOFError, InvalidHandshake, InvalidMessage) as error:
            raise Lost(f"WebSocket: not opened ({type(error).__name__})") from None


class Asking:
    """One connection to the balancer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, port: int) -> "Asking":
        """Raises `Lost` if there is no connection."""
        try:
            async with asyncio.timeout(PATIENCE):
                return cls(*await asyncio.open_connection("127.0.0.1", port))
        except OSError as error:  # a TimeoutError is one
            raise Lost(f"not connected ({type(error).__name__})") from None

    async def ask(self, number: int, start: str, body: bytes, tally: Tally, fields: str = "") -> bool:
        """One request and its answer; returns whether the connection goes on. Raises `Lost`."""
        method, path, version = start.split()
        began = time.monotonic()
        length = f"content-length: {len(body)}\r\n" if body else ""
        head = f"{method} {path}?{number} {version}\r\nhost: fleet\r\n{length}{fields}\r\n"
        try:
            async with asyncio.timeout(PATIENCE):
                self._writer.write(head.encode() + body)
                answer = await self._answer(method)
        except TimeoutError:
            raise Lost(f"{method}: no answer in time") from None
        asked, host, size = answer[0].split()
        if int(asked) != number or int(size) != len(body):
            raise Lost(f"{method}: wrong answer")
        tally.answer(host, time.monotonic() - began)
        return answer[1]

    async def _answer(self, method: str) -> tuple[str, bool]:
        """The body, and whether the connection goes on."""
        try:
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
            fields = dict(line.split(": ", 1) for line in head[1:] if line)
            body = await self._reader.readexactly(int(fields.get("content-length", "0")))
        except (OSError, asyncio.IncompleteReadError):
            raise Lost(f"{method}: no answer") from None
        status = head[0].split()[1]
        if status != "200":
            raise Lost(f"{method}: {status}")
        return body.decode(), fields.get("connection") != "close"

    async def close(self) -> None:
        """Close it."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            return
