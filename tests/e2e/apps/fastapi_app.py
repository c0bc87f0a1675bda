"""The common routes in FastAPI."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, Request, UploadFile
from fastapi.responses import PlainTextResponse, StreamingResponse


@asynccontextmanager
async def lifespan(application: FastAPI) -> AsyncIterator[dict[str, str]]:
    print("lifespan: started", flush=True)
    yield {"opened": "at start-up"}
    print("lifespan: stopped", flush=True)


app = FastAPI(lifespan=lifespan)


@app.get("/users/{name}")
async def user(name: str, greeting: str | None = None) -> dict[str, str | None]:
    return {"name": name, "greeting": greeting}


@app.post("/echo")
async def echo(body: dict[str, Any]) -> dict[str, Any]:
    return body


@app.post("/upload")
async def upload(file: Annotated[UploadFile, ...]) -> dict[str, Any]:
    return {"filename": file.filename, "size": len(await file.read())}


@app.get("/stream")
async def stream() -> StreamingResponse:
    return StreamingResponse((f"line {number}\n" for number in range(100)), media_type="text/plain")


@app.get("/state")
async def state(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.state.opened)
