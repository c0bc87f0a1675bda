"""A Django project in one file, served through Django's ASGI handler.

First:        pip install Django
Run it with:  esg examples.django_app:app
Try it with:  curl http://127.0.0.1:8000/?name=Ada

Django takes no part in the lifespan protocol; ESG notices and goes on (`--lifespan auto`, the default). A larger
project is served in the same way:  esg mysite.asgi:application
"""

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="only for this example",
)


async def greet(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"message": f"Hello, {request.GET.get('name', 'world')}!"})


urlpatterns = [path("", greet)]
app = get_asgi_application()
