from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.forms import ModelForm
from django.http import HttpRequest

from django_service.backoffice.money import money
from django_service.catalog import product_cache
from django_service.catalog.models import Product

if TYPE_CHECKING:
    ProductModelAdmin = admin.ModelAdmin[Product]
else:
    ProductModelAdmin = admin.ModelAdmin

EDITABLE = ["sku", "name", "description", "category", ("price_minor", "currency")]


@admin.register(Product)
class ProductAdmin(ProductModelAdmin):
    """Whatever it writes, the API's readers see at once: each write takes the product out of the cache."""

    list_display = ["sku", "name", "category", "price", "updated_at"]
    list_filter = ["category"]
    search_fields = ["sku", "name"]
    search_help_text = "SKU or name"
    ordering = ["id"]
    show_full_result_count = False
    list_per_page = 50
    readonly_fields = ["id", "created_at", "updated_at"]

    @admin.display(ordering="price_minor")
    def price(self, product: Product) -> str:
        return money(product.price_minor, product.currency)

    def get_fields(self, request: HttpRequest, obj: Product | None = None) -> Any:
        return ["id", *EDITABLE, "created_at", "updated_at"] if obj else EDITABLE

    def save_model(self, request: HttpRequest, obj: Product, form: ModelForm[Product], change: bool) -> None:
        if change:
            obj.updated_at = Now()
        super().save_model(request, obj, form, change)
        _forget(obj.pk)

    def delete_model(self, request: HttpRequest, obj: Product) -> None:
        product_id = obj.pk  # deleting takes it away
        super().delete_model(request, obj)
        _forget(product_id)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Product]) -> None:
        product_ids = list(queryset.values_list("pk", flat=True))
        super().delete_queryset(request, queryset)
        for product_id in product_ids:
            _forget(product_id)


def _forget(product_id: int) -> None:
    transaction.on_commit(partial(product_cache.forget, product_id))
