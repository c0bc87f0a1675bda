"""A late handler with FastAPI, and one in a thread."""

import time

from fastapi import FastAPI

from tests.e2e.apps.late.working import say, work

app = FastAPI()


@app.get("/slow")
async def slow() -> str:
    await work("slow")
    return "late"


@app.get("/in_thread")
def in_thread() -> str:
    say("thread: began")
    time.sleep(2)
    say("thread: done")
    return "late"
