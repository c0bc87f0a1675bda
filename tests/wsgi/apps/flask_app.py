"""Flask, with the same routes as the others."""

from hashlib import sha256
from typing import Any

from flask import Flask, Response, request

from tests.support.wsgi.parts import STREAMS, told

app = Flask(__name__)


@app.get("/")
def hello() -> str:
    return "hello"


@app.get("/<name>")
def stream(name: str) -> Response:
    return Response(told(STREAMS[name]()), content_type="application/octet-stream")


@app.post("/body")
def body() -> dict[str, Any]:
    data = request.get_data()
    return {"size": len(data), "sha256": sha256(data).hexdigest()}
