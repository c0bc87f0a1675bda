"""A route of FastAPI that answers with JSON."""

from fastapi import FastAPI

app = FastAPI(openapi_url=None)


@app.get("/")
async def item() -> dict[str, str | int]:
    """One small object."""
    return {"name": "benchmark", "number": 42}
