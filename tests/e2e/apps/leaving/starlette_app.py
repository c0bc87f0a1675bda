"""Streams of Starlette, with a background task each; below `/behind`, behind Starlette's own kind of middleware."""

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from tests.e2e.apps.leaving.sockets import Socket, talk
from tests.e2e.apps.leaving.streams import before, say, steps, stream


def parts(request: Request) -> tuple[str, str]:
    return request.path_params["phase"], request.path_params["name"]


async def streams(request: Request) -> StreamingResponse:
    phase, name = parts(request)
    await before(phase, name)
    return StreamingResponse(stream(phase, name), background=BackgroundTask(say, name, "background"))


async def threads(request: Request) -> StreamingResponse:
    phase, name = parts(request)
    return StreamingResponse(steps(phase, name), background=BackgroundTask(say, name, "background"))


async def sockets(websocket: WebSocket) -> None:
    socket = Socket(websocket.accept, websocket.receive_text, websocket.send_text)
    await talk(socket, websocket.path_params["phase"], websocket.path_params["name"])


class PassesOn(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        return await call_next(request)


app = Starlette(
    routes=[
        Mount(
            "/behind",
            routes=[Route("/{phase}/{name}", streams)],
            middleware=[Middleware(PassesOn)],
        ),
        Mount("/threads", routes=[Route("/{phase}/{name}", threads)]),
        Route("/{phase}/{name}", streams),
        WebSocketRoute("/{phase}/{name}", sockets),
    ]
)
