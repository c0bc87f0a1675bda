"""A late handler with Quart, which runs it in a task of its own."""

import quart

from tests.e2e.apps.late.working import work

app = quart.Quart(__name__)


@app.get("/slow")
async def slow() -> str:
    await work("slow")
    return "late"
