"""Streams of Django, which says when a request is finished."""

import itertools
from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.signals import request_finished
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import path

from tests.e2e.apps.leaving.streams import before, say, stream

settings.configure(ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF=__name__, SECRET_KEY="for tests only")


numbers = itertools.count(1)


def finished(**_: Any) -> None:
    say(f"request {next(numbers)}", "finished")


request_finished.connect(finished)


async def streams(request: HttpRequest, phase: str, name: str) -> StreamingHttpResponse:
    await before(phase, name)
    return StreamingHttpResponse(stream(phase, name))


urlpatterns = [path("<phase>/<name>", streams)]
app = get_asgi_application()
