"""The common routes in Starlette."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route


@asynccontextmanager
async def lifespan(application: Starlette) -> AsyncIterator[dict[str, str]]:
    print("lifespan: started", flush=True)
    yield {"opened": "at start-up"}
    print("lifespan: stopped", flush=True)


async def user(request: Request) -> JSONResponse:
    return JSONResponse({"name": request.path_params["name"], "greeting": request.query_params.get("greeting")})


async def echo(request: Request) -> JSONResponse:
    return JSONResponse(await request.json())


async def upload(request: Request) -> JSONResponse:
    async with request.form() as form:
        file = form["file"]
        assert isinstance(file, UploadFile)
        return JSONResponse({"filename": file.filename, "size": len(await file.read())})


async def stream(request: Request) -> StreamingResponse:
    return StreamingResponse((f"line {number}\n" for number in range(100)), media_type="text/plain")


async def state(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.state.opened)


app = Starlette(
    routes=[
        Route("/users/{name}", user),
        Route("/echo", echo, methods=["POST"]),
        Route("/upload", upload, methods=["POST"]),
        Route("/stream", stream),
        Route("/state", state),
    ],
    lifespan=lifespan,
)
