"""A route of Starlette that answers with JSON."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def item(_request: Request) -> JSONResponse:
    """One small object."""
    return JSONResponse({"name": "benchmark", "number": 42})


app = Starlette(routes=[Route("/", item)])
