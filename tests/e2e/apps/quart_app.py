"""The common routes in Quart."""

from collections.abc import AsyncIterator
from typing import Any

from quart import Quart, request

app = Quart(__name__)


@app.before_serving
async def start() -> None:
    print("lifespan: started", flush=True)
    app.config["OPENED"] = "at start-up"


@app.after_serving
async def stop() -> None:
    print("lifespan: stopped", flush=True)


@app.get("/users/<name>")
async def user(name: str) -> dict[str, str | None]:
    return {"name": name, "greeting": request.args.get("greeting")}


@app.post("/echo")
async def echo() -> Any:
    return await request.get_json()


@app.post("/upload")
async def upload() -> dict[str, Any]:
    file = (await request.files)["file"]
    return {"filename": file.filename, "size": len(file.read())}


@app.get("/stream")
async def stream() -> tuple[AsyncIterator[str], dict[str, str]]:
    async def lines() -> AsyncIterator[str]:
        for number in range(100):
            yield f"line {number}\n"

    return lines(), {"content-type": "text/plain"}


@app.get("/state")
async def state() -> str:
    opened: str = app.config["OPENED"]
    return opened
