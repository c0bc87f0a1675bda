"""The common routes in Flask, which speaks WSGI."""

from collections.abc import Iterator
from typing import Any

from flask import Flask, Response, request

app = Flask(__name__)


@app.get("/users/<name>")
def user(name: str) -> dict[str, str | None]:
    return {"name": name, "greeting": request.args.get("greeting")}


@app.post("/echo")
def echo() -> Any:
    return request.get_json()


@app.post("/upload")
def upload() -> dict[str, Any]:
    file = request.files["file"]
    return {"filename": file.filename, "size": len(file.read())}


@app.get("/stream")
def stream() -> Response:
    lines: Iterator[str] = (f"line {number}\n" for number in range(100))
    return Response(lines, content_type="text/plain")
