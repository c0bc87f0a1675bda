"""The common routes in Django."""

import json
from collections.abc import AsyncIterator

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from django.urls import path

settings.configure(ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF=__name__, SECRET_KEY="for tests only")


async def user(request: HttpRequest, name: str) -> JsonResponse:
    return JsonResponse({"name": name, "greeting": request.GET.get("greeting")})


async def echo(request: HttpRequest) -> JsonResponse:
    return JsonResponse(json.loads(request.body))


async def upload(request: HttpRequest) -> JsonResponse:
    file = request.FILES["file"]
    return JsonResponse({"filename": file.name, "size": len(file.read())})


async def lines() -> AsyncIterator[str]:
    for number in range(100):
        yield f"line {number}\n"


async def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(lines(), content_type="text/plain")


urlpatterns = [path("users/<name>", user), path("echo", echo), path("upload", upload), path("stream", stream)]
app = get_asgi_application()
