"""Telling ASGI 3, ASGI 2, WSGI and factories apart by their parameters, without calling anything."""

import asyncio
import functools
from collections.abc import Callable, Iterable
from typing import Any, cast

import pytest
from django.core.asgi import ASGIHandler
from django.core.wsgi import WSGIHandler
from fastapi import FastAPI
from flask import Flask
from litestar import Litestar
from quart import Quart
from starlette.applications import Starlette

from esg_core.app.interfaces import adapt, detect, is_factory, is_only_http
from esg_core.asgi import Message, Receive, Scope, Send
from esg_core.options.config import Config


async def asgi3(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "seen", "by": 3})


def asgi3_that_is_not_async(scope: Scope, receive: Receive, send: Send) -> Any:
    return asgi3(scope, receive, send)


class ASGI3Instance:
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...


class ASGI3Class:
    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None: ...

    def __await__(self) -> Iterable[Any]:
        return iter(())


class ASGI2Class:
    def __init__(self, scope: Scope) -> None: ...

    async def __call__(self, receive: Receive, send: Send) -> None:
        await send({"type": "seen", "by": 2})


def asgi2(scope: Scope) -> Callable[..., Any]:
    return ASGI2Class(scope)


def wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    return [b""]


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    def anything(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return anything


@pytest.mark.parametrize(
    "app",
    [
        asgi3,
        asgi3_that_is_not_async,
        ASGI3Instance(),
        ASGI3Class,
        functools.partial(asgi3_that_is_not_async),
        functools.wraps(asgi3)(decorated(asgi3)),
        decorated(asgi3),
        FastAPI(),
        Starlette(),
        Quart("quart"),
        Litestar([]),
        ASGIHandler.__call__.__get__(object()),
    ],
)
def test_asgi3(app: Callable[..., Any]) -> None:
    assert detect(app) == "asgi3"
    assert not is_factory(app)


@pytest.mark.parametrize("app", [asgi2, ASGI2Class, functools.partial(asgi2)])
def test_asgi2(app: Callable[..., Any]) -> None:
    assert detect(app) == "asgi2"
    assert not is_factory(app)


@pytest.mark.parametrize("app", [wsgi, Flask("flask"), WSGIHandler.__call__.__get__(object())])
def test_wsgi(app: Callable[..., Any]) -> None:
    assert detect(app) == "wsgi"
    assert not is_factory(app)


@pytest.mark.parametrize("factory", [lambda: asgi3, lambda debug=False: asgi3, ASGI3Instance, FastAPI])
def test_factories(factory: Callable[..., Any]) -> None:
    assert is_factory(factory)


def test_what_does_not_tell_its_parameters_is_taken_for_asgi3() -> None:
    def secretive(*_: Any) -> None: ...

    vars(secretive)["__signature__"] = "none of your business"
    assert detect(secretive) == "asgi3"
    assert not is_factory(secretive)


def seen_by(app: Callable[..., Any]) -> int:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {}

    asyncio.run(app({"type": "http"}, receive, send))
    by: int = sent[0]["by"]
    return by


def adapted(app: Callable[..., Any], interface: str) -> Any:
    return adapt(app, Config("tests:app", interface=cast(Any, interface)))


def test_adapting() -> None:
    """ASGI 3 is left as it is; ASGI 2 is called in its own way, even when it is declared rather than detected."""
    assert adapted(asgi3, "auto") is asgi3
    assert adapted(decorated(asgi2), "asgi3") is not None
    for one in (adapted(asgi2, "auto"), adapted(ASGI2Class, "auto"), adapted(decorated(asgi2), "asgi2")):
        assert seen_by(one) == 2
        assert not is_only_http(one)


def test_wsgi_knows_no_protocol_but_http() -> None:
    assert is_only_http(adapted(wsgi, "auto"))
    assert is_only_http(adapted(asgi3, "wsgi"))
