"""What `make bench-services` holds this variant against: Django alone, and one view written by hand.

`python -m django_service.baselines ping` or `product`; same server, same settings, these URLs instead of the variant's.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from serving.wsgi import serve
from shop.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def ping(request: HttpRequest) -> HttpResponse:
    body = b'{"status":"ok"}'
    return HttpResponse(body, content_type="application/json", headers={"Content-Length": str(len(body))})


def product(request: HttpRequest, product_id: int) -> HttpResponse:
    from django_service.catalog.models import Product

    found = Product.objects.get(pk=product_id)
    document = {
        "id": found.id,
        "sku": found.sku,
        "name": found.name,
        "description": found.description,
        "category": found.category,
        "price": {"amount_minor": found.price_minor, "currency": found.currency},
        "created_at": found.created_at.isoformat(),
        "updated_at": found.updated_at.isoformat(),
    }
    response = JsonResponse(document)
    response.headers["Content-Length"] = str(len(response.content))
    return response


# tuples: Django keeps a resolver for each set of URLs in a mapping
PING = path("ping", ping)  # also how the lab finds out that it answers
URLS = {"ping": (PING,), "product": (PING, path("products/<int:product_id>", product))}


def load_app() -> WSGIApplication:
    os.environ["DJANGO_SETTINGS_MODULE"] = "django_service.settings"
    django_settings.ROOT_URLCONF = URLS[sys.argv[1]]
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()


if __name__ == "__main__":
    serve(lambda _: load_app(), Settings.or_exit(os.environ))
