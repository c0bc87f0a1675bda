"""Django as WSGI, with the same routes as the others; it prints when a request has finished."""

from hashlib import sha256
from typing import Any

from django.conf import settings
from django.core.signals import request_finished
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

from tests.support.wsgi.parts import STREAMS, say, told

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="for tests only",
    DATA_UPLOAD_MAX_MEMORY_SIZE=None,
)


def hello(request: HttpRequest) -> HttpResponse:
    return HttpResponse("hello")


def stream(request: HttpRequest, name: str) -> StreamingHttpResponse:
    return StreamingHttpResponse(told(STREAMS[name]()), content_type="application/octet-stream")


def body(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"size": len(request.body), "sha256": sha256(request.body).hexdigest()})


def finished(**arguments: Any) -> None:
    say("request finished")


request_finished.connect(finished)
urlpatterns = [path("", hello), path("body", body), path("<name>", stream)]
app = get_wsgi_application()
