"""Streams of Flask, over two third-party bridges from WSGI to ASGI."""

from typing import Any, cast

from a2wsgi import WSGIMiddleware
from asgiref.wsgi import WsgiToAsgi
from flask import Flask, Response

from tests.e2e.apps.leaving.streams import steps

flask = Flask(__name__)


@flask.get("/<phase>/<name>")
def streams(phase: str, name: str) -> Response:
    return Response(steps(phase, name))


by_a2wsgi = WSGIMiddleware(cast(Any, flask))  # whose types differ
by_asgiref = cast(Any, WsgiToAsgi)(flask)  # which has no types
