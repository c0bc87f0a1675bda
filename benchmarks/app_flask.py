"""A route of Flask, which speaks WSGI, that answers with JSON."""

from flask import Flask

app = Flask(__name__)


@app.get("/")
def item() -> dict[str, str | int]:
    """One small object."""
    return {"name": "benchmark", "number": 42}
