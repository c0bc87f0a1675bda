"""Event streams that never end, as users of frameworks write them."""

from typing import Any

from fastapi import FastAPI
from fastapi.responses import StreamingResponse as FastAPIStreamingResponse
from litestar import Litestar, get
from litestar.response import ServerSentEvent
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from esg_core.asgi import Application
from tests.behaviour.apps.tested import endless


async def of_starlette(request: Request) -> StreamingResponse:
    return StreamingResponse(endless(), media_type="text/event-stream")


def in_starlette() -> Application:
    return Starlette(routes=[Route("/events", of_starlette)])


def in_fastapi() -> Application:
    made = FastAPI()

    @made.get("/events")
    async def events() -> FastAPIStreamingResponse:
        return FastAPIStreamingResponse(endless(), media_type="text/event-stream")

    return made


@get("/events", sync_to_thread=False)
def of_litestar() -> ServerSentEvent:
    return ServerSentEvent(endless())


def in_litestar() -> Any:
    return Litestar([of_litestar], logging_config=None)
