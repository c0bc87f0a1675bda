"""Applications that raise, return too early, are not applications, or change what they were given."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from esg_core.asgi import Receive, Scope, Send
from tests.http.misbehaviour.case import (
    ANSWERED,
    CUT,
    SERVED,
    Misbehaviour,
    body,
    length,
    raises,
    sends,
    start,
)


def failures() -> Iterator[Misbehaviour]:
    part = body(b"part", more_body=True)
    whole = (start(), body(b"whole"))
    before = {"before": (), "before-body": (start(),)}
    for name, messages in before.items():
        yield Misbehaviour(f"raises/{name}", raises(ValueError("broken"), *messages), ANSWERED, "ValueError: broken")
        returned = "without a response" if not messages else "before its response was complete"
        yield Misbehaviour(f"returns/{name}", sends(*messages), ANSWERED, rf"{returned} \(H-10\): GET /$")
    yield Misbehaviour("raises/after-part", raises(ValueError("broken"), start(), part), CUT, "ValueError: broken")
    lengthy = start(headers=length(b"10"))
    yield Misbehaviour("raises/after-part-of-length", raises(ValueError("x"), lengthy, part), CUT, "ValueError: x")
    yield Misbehaviour("raises/after-end", raises(ValueError("broken"), *whole), SERVED, "ValueError: broken")
    yield Misbehaviour(
        "returns/after-part", sends(start(), part), CUT, r"before its response was complete \(H-10\): GET /$"
    )
    for error in (
        SystemExit(3),
        KeyboardInterrupt(),
        GeneratorExit(),
        asyncio.CancelledError(),
        StopIteration(5),
        StopAsyncIteration(),
        RecursionError(),
        MemoryError(),
        OSError("disk"),
        ConnectionResetError("elsewhere"),
        TimeoutError(),
        BaseException("base"),
        BaseExceptionGroup("group", [KeyboardInterrupt()]),
        ExceptionGroup("group", [ValueError("inner")]),
        Unprintable(),
    ):
        name = type(error).__name__
        logged = "Unprintable" if isinstance(error, Unprintable) else name
        yield Misbehaviour(f"raises/{name}", raises(error), ANSWERED, logged)
        yield Misbehaviour(f"raises/{name}-after-part", raises(error, start(), part), CUT, logged)


class Unprintable(Exception):
    """Fails even in `__repr__`."""

    def __str__(self) -> str:
        raise ValueError("no words")

    __repr__ = __str__


def wrong_callables() -> Iterator[Misbehaviour]:
    async def returns_text(scope: Scope, receive: Receive, send: Send) -> Any:
        return "a response"

    async def responds_and_returns_text(scope: Scope, receive: Receive, send: Send) -> Any:
        await sends(start(), body(b"whole"))(scope, receive, send)
        return "a response"

    def is_not_async(scope: Scope, receive: Receive, send: Send) -> None:
        return None

    def raises_before_it_is_awaited(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        raise LookupError("not awaited")

    async def takes_two(scope: Scope, receive: Receive) -> None:
        return None

    async def generates(scope: Scope, receive: Receive, send: Send) -> Any:
        yield b"a response"

    async def forgets_to_await(scope: Scope, receive: Receive, send: Send) -> None:
        send(start()).close()  # type: ignore[attr-defined]  # a coroutine, and closed so that Python does not complain

    table: dict[str, tuple[Callable[..., Any], str, str]] = {
        "returns-text": (returns_text, ANSWERED, r"returned 'str'; ASGI expects None \(H-10\): GET /\n"),
        "responds-and-returns-text": (responds_and_returns_text, SERVED, r"ASGI expects None \(H-10\): GET /$"),
        "not-async": (is_not_async, ANSWERED, "TypeError"),
        "raises-before-awaited": (raises_before_it_is_awaited, ANSWERED, "LookupError"),
        "takes-two": (takes_two, ANSWERED, "TypeError"),
        "generates": (generates, ANSWERED, "TypeError"),
        "forgets-to-await": (forgets_to_await, ANSWERED, "without a response"),
    }
    for name, (app, outcome, logged) in table.items():
        yield Misbehaviour(f"callable/{name}", app, outcome, logged)


def tampering() -> Iterator[Misbehaviour]:
    """Applications that change what they were given."""

    async def clears_scope_and_raises(scope: Scope, receive: Receive, send: Send) -> None:
        scope.clear()
        raise ValueError("cleared")

    async def clears_scope_and_responds(scope: Scope, receive: Receive, send: Send) -> None:
        scope.clear()
        await sends(start(), body(b"whole"))(scope, receive, send)

    async def changes_method(scope: Scope, receive: Receive, send: Send) -> None:
        scope["method"] = None
        raise ValueError("changed")

    async def changes_message_later(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"x", b"y")]
        message = start(headers=headers)
        await send(message)
        headers.append((b"x", b"a\r\nb: c"))
        message["status"] = "text"
        await send(body(b"whole"))

    yield Misbehaviour("scope/cleared", clears_scope_and_raises, ANSWERED, "ValueError: cleared")
    yield Misbehaviour("scope/cleared-and-responds", clears_scope_and_responds, SERVED, "")
    yield Misbehaviour("scope/method-changed", changes_method, ANSWERED, "ValueError: changed")
    yield Misbehaviour("message/changed-later", changes_message_later, SERVED, "", body=b"whole")


def cases() -> Iterator[Misbehaviour]:
    yield from failures()
    yield from wrong_callables()
    yield from tampering()
