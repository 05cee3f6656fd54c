from __future__ import annotations

from typing import Any

from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from shop import cursor
from shop.problems import Problem

from django_service.api.database import violates
from django_service.api.fields import ID_TEXT, TextField
from django_service.api.requests import CURSOR, DEFAULT_LIMIT, LIMIT, Inputs, authorize, json_body, path_id
from django_service.api.responses import json_bytes, json_response
from django_service.api.views import ApiView
from django_service.catalog import product_cache
from django_service.catalog.documents import CATEGORY, PRODUCT, columns, document
from django_service.catalog.models import Product

WORDS = TextField(min_length=1, max_length=100)


class ProductList(ApiView):
    def get(self, request: HttpRequest) -> HttpResponse:
        inputs = Inputs(request)
        limit = inputs.query("limit", LIMIT, DEFAULT_LIMIT)
        last_id = inputs.query("cursor", CURSOR, 0)
        category = inputs.query("category", CATEGORY)
        words = inputs.query("q", WORDS)
        inputs.check()
        products = Product.objects.after(last_id)
        if category is not None:
            products = products.filter(category=category)
        if words is not None:
            products = products.search(words)
        found = list(products[: limit + 1])
        page = found[:limit]
        next_cursor = cursor.encode(page[-1].id) if len(found) > limit else None
        return json_response({"items": [document(product) for product in page], "next_cursor": next_cursor})

    def post(self, request: HttpRequest) -> HttpResponse:
        authorize(request, "products:write")
        inputs = Inputs(request)
        fields = inputs.body(PRODUCT, json_body(request))
        inputs.check()
        try:
            product = Product.objects.create(**columns(fields))
        except IntegrityError as error:
            raise _refusal(error, fields) from error
        return json_response(document(product), status=201, headers={"Location": f"/products/{product.id}"})


class ProductDetail(ApiView):
    def get(self, request: HttpRequest, product_id: str) -> HttpResponse:
        pk = path_id(request, "product_id", product_id)
        body = product_cache.read_through(pk, lambda: json_bytes(document(get_object_or_404(Product, pk=pk))))
        return HttpResponse(body, content_type="application/json")

    def put(self, request: HttpRequest, product_id: str) -> HttpResponse:
        authorize(request, "products:write")
        inputs = Inputs(request)
        fields = inputs.body(PRODUCT, json_body(request))
        pk = inputs.path("product_id", ID_TEXT, product_id)
        inputs.check()
        try:
            product = Product.objects.replace(pk, columns(fields))
        except IntegrityError as error:
            raise _refusal(error, fields) from error
        if product is None:
            raise Http404("No Product matches the given query.")
        product_cache.forget(pk)
        return json_response(document(product))

    def delete(self, request: HttpRequest, product_id: str) -> HttpResponse:
        authorize(request, "products:write")
        pk = path_id(request, "product_id", product_id)
        deleted, _ = Product.objects.filter(pk=pk).delete()
        if not deleted:
            raise Http404("No Product matches the given query.")
        product_cache.forget(pk)
        return HttpResponse(status=204)


def _refusal(error: IntegrityError, fields: dict[str, Any]) -> Exception:
    if violates(error, "product_sku_key"):
        return Problem("sku-taken", f"Another product has the SKU {fields['sku']}")
    return error
