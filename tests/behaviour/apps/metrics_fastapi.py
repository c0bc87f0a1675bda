"""The same in FastAPI: routes that count, and one for Prometheus."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Response

from tests.behaviour.apps import metrics


@asynccontextmanager
async def lifespan(application: FastAPI) -> AsyncIterator[None]:
    metrics.ALIVE.set(1)
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/hit")
async def hit() -> Response:
    return Response(metrics.hit())


@app.get("/metrics")
async def scrape() -> Response:
    return Response(metrics.metrics(), media_type="text/plain", headers={"pid": str(os.getpid())})
