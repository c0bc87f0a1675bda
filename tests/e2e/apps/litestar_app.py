"""The common routes in Litestar."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from litestar import Litestar, get, post
from litestar.datastructures import State, UploadFile
from litestar.enums import MediaType, RequestEncodingType
from litestar.params import Body
from litestar.response import Stream


@asynccontextmanager
async def lifespan(application: Litestar) -> AsyncIterator[None]:
    print("lifespan: started", flush=True)
    application.state.opened = "at start-up"
    yield
    print("lifespan: stopped", flush=True)


@get("/users/{name:str}")
async def user(name: str, greeting: str | None = None) -> dict[str, str | None]:
    return {"name": name, "greeting": greeting}


@post("/echo", status_code=200)
async def echo(data: dict[str, Any]) -> dict[str, Any]:
    return data


@post("/upload", status_code=200)
async def upload(
    data: Annotated[dict[str, UploadFile], Body(media_type=RequestEncodingType.MULTI_PART)],
) -> dict[str, Any]:
    file = data["file"]
    return {"filename": file.filename, "size": len(await file.read())}


@get("/stream")
async def stream() -> Stream:
    return Stream((f"line {number}\n" for number in range(100)), media_type=MediaType.TEXT)


@get("/state", media_type=MediaType.TEXT)
async def state_(state: State) -> str:
    opened: str = state.opened
    return opened


app = Litestar([user, echo, upload, stream, state_], lifespan=[lifespan])
