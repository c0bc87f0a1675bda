"""A late view with Django, which runs it in a task of its own."""

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

from tests.e2e.apps.late.working import work


async def slow(request: HttpRequest) -> HttpResponse:
    await work("slow")
    return HttpResponse("late")


urlpatterns = [path("slow", slow)]

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="of the tests")
app = get_asgi_application()
