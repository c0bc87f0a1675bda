"""A Starlette application with a lifespan, JSON and a streamed response.

First:        pip install starlette
Run it with:  esg examples.starlette_app:app
Try it with:  curl http://127.0.0.1:8000/greet/Ada
              curl http://127.0.0.1:8000/count/3
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypedDict

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route


class State(TypedDict):
    """What the application creates when it starts, and each request sees as `request.state`."""

    greeting: str


@asynccontextmanager
async def lifespan(application: Starlette) -> AsyncIterator[State]:
    """Open what the application needs; ESG accepts no connection before this is done."""
    yield {"greeting": "Hello"}


async def greet(request: Request) -> JSONResponse:
    return JSONResponse({"message": f"{request.state.greeting}, {request.path_params['name']}!"})


async def count(request: Request) -> StreamingResponse:
    return StreamingResponse(
        (f"{number}\n" for number in range(1, request.path_params["limit"] + 1)), media_type="text/plain"
    )


app = Starlette(routes=[Route("/greet/{name}", greet), Route("/count/{limit:int}", count)], lifespan=lifespan)
